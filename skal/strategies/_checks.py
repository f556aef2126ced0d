"""What hooks check of what they are given."""

from collections.abc import Collection
from typing import Any

import scipy.sparse as sp


def check_option(name: str, value: Any, options: Collection[str]) -> None:
    """Refuse a value that is none of the options."""
    if value not in options:
        raise ValueError(f"{name} is {value!r}: give one of {sorted(options)}.")


def check_labeled(strategy: Any, labeled_y: Any) -> None:
    """Refuse to go on while nothing is labeled."""
    if len(labeled_y) == 0:
        raise ValueError(
            f"{type(strategy).__name__} compares with labeled rows, and y holds no "
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
