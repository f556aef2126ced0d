"""What hooks check of what they are given."""

from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import scipy.sparse as sp


def check_option(name: str, value: Any, options: Collection[str]) -> None:
    """Refuse a value that is none of the options."""
    if value not in options:
        raise ValueError(f"{name} is {value!r}: give one of {sorted(options)}.")


def check_number(
    strategy: Any, *names: str, whole: bool = False, zero: bool = False
) -> None:
    """Refuse parameters that are no numbers above zero, or from zero on."""
    for name in names:
        value = getattr(strategy, name)
        number = isinstance(value, Integral if whole else Real)
        number = number and not isinstance(value, bool)
        if not (number and 0 <= value < float("inf") and (zero or value)):
            kind = "an int" if whole else "a number"
            limit = "of 0 or more" if zero else "above 0"
            raise ValueError(f"{name} is {value!r}: give {kind} {limit}.")


def check_labeled(strategy: Any, labeled_y: Any, does: str = "compares with") -> None:
    """Refuse to go on while nothing is labeled."""
    if len(labeled_y) == 0:
        raise ValueError(
            f"{type(strategy).__name__} {does} labeled rows, and y holds no "
            f"label of a class yet: label the picks of RandomSampling or TypiClust "
            f"first."
        )


def check_dense(strategy: Any, embedding: Any) -> None:
    """Refuse sparse features."""
    if sp.issparse(embedding):
        raise TypeError(
            f"{type(strategy).__name__} needs dense features, and embedding is sparse: "
            f"give representation=TruncatedSVD(n_components=100), or another "
            f"transformer that makes few dense features of many sparse ones."
        )
