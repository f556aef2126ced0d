"""Check that no local link of a built site is dead: python docs/check_links.py FOLDER.

``--external`` lists the links to other sites as well. Nothing is fetched.
"""

import argparse
import html.parser
import pathlib
import sys
from urllib.parse import unquote, urlsplit


class Page(html.parser.HTMLParser):
    """The links of a page, and the anchors that others may link to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = set(), {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src", "srcset", "data") and value:
                values = value.split(",") if name == "srcset" else [value]
                self.links |= {v.split()[0] for v in values if v.strip()}
            elif name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)


def dead_links(root):
    """Yield (page, link) for what is not there, and (None, link) for other sites."""
    files = [p for p in sorted(root.rglob("*.html")) if "_static" not in p.parts]
    pages = {path.resolve(): Page(path) for path in files}
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme not in ("data", "mailto", "javascript"):
                    yield None, link
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
                target = target / "index.html" if target.is_dir() else target
            known = pages[target].anchors if target in pages else None
            inside = target.is_relative_to(root.resolve()) and target.is_file()
            if not inside or (known and unquote(parts.fragment) not in known):
                yield path.relative_to(root.resolve()), link


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--external", action="store_true", help="list other sites")
    arguments = parser.parse_args()
    if not any(arguments.folder.rglob("*.html")):
        sys.exit(f"{arguments.folder} has no page")
    found = list(dead_links(arguments.folder))
    if arguments.external:
        print(*sorted({link for page, link in found if page is None}), sep="\n")
    dead = [f"{page}: {link}" for page, link in found if page is not None]
    print(*dead, f"{len(dead)} dead links", sep="\n")
    sys.exit(bool(dead))
