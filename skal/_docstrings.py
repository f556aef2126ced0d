"""Parameters that many classes share, described once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

_HEADING = re.compile(r"^[A-Z][A-Za-z ]+\n-{3,}$", flags=re.M)


def add_parameters(doc: str | None, entries: Mapping[str, str]) -> str | None:
    """Add parameters to a class docstring that does not describe them.

    `entries` holds, by name, the type and the text, as numpydoc has them.
    """
    if not doc:
        return doc
    doc = inspect.cleandoc(doc)
    new = [
        f"{name} : {text}"
        for name, text in entries.items()
        if not re.search(rf"^{re.escape(name)} : ", doc, flags=re.M)
    ]
    section = re.search(r"^Parameters\n-+\n", doc, flags=re.M)
    following = _HEADING.search(doc, section.end() if section else 0)
    end = following.start() if following else len(doc)
    heading = [] if section else ["", "Parameters", "----------"]
    return "\n".join([doc[:end].rstrip(), *heading, *new, "", doc[end:]]).rstrip()
