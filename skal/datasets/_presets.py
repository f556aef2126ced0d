"""The numbers of SIMILAR's experiments (Kothawade et al. 2021), by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Presets = Mapping[str, Mapping[str, Any]]


def _table(names: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> Presets:
    """Name the columns of a table."""
    return {key: dict(zip(names, row, strict=True)) for key, row in rows.items()}


# Classes are positions among the sorted classes of y, pairs (rare, other).
IMBALANCED = _table(
    ("rare_classes", "labeled_per_class", "query_per_class", "pool_per_class"),
    {
        "cifar10": ((0, 1, 5, 7, 8), (3, 22), 5, (300, 3000)),
        "cifar10-table4": ((0, 1, 5, 7, 8), (3, 22), 5, (150, 3000)),
        "mnist-20": ((5, 6, 7, 8, 9), (3, 22), 5, (200, 4000)),
        "mnist-100": ((5, 6, 7, 8, 9), (3, 22), 5, (40, 4000)),
        "pneumonia": ((1,), (5, 100), 5, (52, 1048)),
    },
)
REDUNDANT = _table(
    ("n_labeled", "n_unique", "duplicated_fraction", "factor"),
    {"cifar10": (500, 5000, 0.2, 10), "mnist": (50, 500, 0.2, 10)},
)
OOD = _table(
    (
        "ood_classes",
        "labeled_per_class",
        "query_per_class",
        "pool_per_class",
        "ood_per_class",
    ),
    {"cifar10": ((8, 9), 200, 5, 500, 5000), "mnist": ((8, 9), 5, 2, 50, 5000)},
)


def fill(presets: Presets, preset: str | None, **given: Any) -> dict[str, Any]:
    """Return what is given, and what is None of it from the preset."""
    names = ", ".join(map(repr, presets))
    if preset is not None and preset not in presets:
        raise ValueError(f"preset is {preset!r}: give None or one of {names}.")
    filled = {"query_per_class": 0, **(presets[preset] if preset else {})}
    filled.update({name: value for name, value in given.items() if value is not None})
    missing = [name for name in given if name not in filled]
    if missing:
        raise TypeError(f"Give {' and '.join(missing)}, or a preset: {names}.")
    return filled
