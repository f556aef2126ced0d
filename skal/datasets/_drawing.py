"""What the makers of pools share: checks, drawing rows, hiding labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch, _safe_indexing

from skal.containers import as_pool, n_rows
from skal.labels import as_labels, distinct, is_missing

# Two digits, from 9.9 down to 0.0010: what an error can propose.
_SCALES = [digits / 10**power for power in range(1, 5) for digits in range(99, 9, -1)]


def as_counts(name: str, value: Any, *, pair: bool = False) -> NDArray[np.integer]:
    """Check a number of rows, or a pair of them; return it as an array."""
    counts = np.asarray(value)
    shape = (2,) if pair else ()
    if counts.dtype.kind not in "iu" or counts.shape != shape or (counts < 0).any():
        form = "a pair of ints >= 0, (rare, other)" if pair else "an int >= 0"
        raise ValueError(f"{name} is {value!r}: give {form}.")
    return counts


def scaled(numbers: ArrayLike, scale: float) -> NDArray[np.intp]:
    """Multiply numbers of rows and round up; 0 stays 0."""
    # 0.07 * 100 is 7.000000000000001, and 7 rows
    return np.ceil(np.round(np.asarray(numbers) * scale, 9)).astype(np.intp)


def open_labels(
    X: Any, y: ArrayLike
) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[np.intp]]:
    """Return X ready to be indexed, its labels, their classes and class numbers.

    Labels that are no numbers are objects; whole numbers can be negative.
    """
    X, y = as_pool(X), as_labels(y, missing_label=None)
    if len(y) != n_rows(X):
        raise ValueError(f"X has {n_rows(X)} rows and y has {len(y)}.")
    if is_missing(y, None).any():
        raise ValueError("y has missing labels: a pool is made of known ones.")
    classes, codes = distinct(y)
    kind = classes.dtype.kind
    if kind != "f":
        classes = classes.astype(np.int64 if kind in "biu" else object)
    return X, classes[codes], classes, codes


def class_mask(
    name: str, given: Any, filled: Mapping[str, Any], classes: NDArray[Any]
) -> NDArray[np.bool_]:
    """Return a mask over the classes: those given, or those of the preset."""
    if given is None:
        positions = list(filled[name])
        if max(positions) >= len(classes):
            raise ValueError(
                f"y has {len(classes)} classes, and the preset takes those at "
                f"{positions} of the sorted ones: give {name}."
            )
        given = classes[positions]
    listed = np.iterable(given) and not isinstance(given, (str, bytes))
    labels = list(given) if listed else []
    known = {label: code for code, label in enumerate(classes.tolist())}
    if not labels or len(set(labels)) < len(labels) or not set(labels) < set(known):
        raise ValueError(
            f"{name} is {given!r}: give a list of distinct classes of y, and not all "
            f"of them; they are {classes[:20].tolist()}."
        )
    return np.isin(np.arange(len(classes)), [known[label] for label in labels])


def check_enough(
    numbers: NDArray[Any],
    present: NDArray[Any],
    scale: float,
    *,
    sources: Sequence[str],
    parts: Sequence[str],
) -> NDArray[np.intp]:
    """Return the scaled numbers, (n_sources, n_parts), of which there is enough."""
    if not isinstance(scale, Real) or not 0 < scale < np.inf:
        raise ValueError(f"scale is {scale!r}: give a number > 0.")
    sizes = scaled(numbers, scale)
    need = sizes.sum(axis=1)
    if (need <= present).all():
        return sizes
    worst = int(np.argmax(need / np.maximum(present, 1)))
    listed = ", ".join(f"{n} {part}" for n, part in zip(sizes[worst], parts, strict=1))
    fitting = (s for s in _SCALES if (scaled(numbers, s).sum(1) <= present).all())
    largest = next(fitting, None)
    advice = "ask for fewer" if largest is None else f"scale={largest:g} would fit"
    raise ValueError(
        f"{sources[worst]} has {present[worst]} rows, and {need[worst]} are asked for "
        f"({listed}): {advice}."
    )


def draw(
    codes: NDArray[np.intp], sizes: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.intp]]:
    """Draw labeled, query and pool rows of each class.

    `sizes` has a row a class. Returned are the positions of labeled and pool rows in
    one random order, the mask of the latter, and the positions of the query rows. What
    is labeled or in the query set does not depend on the size of the pool.
    """
    counts = np.bincount(codes, minlength=len(sizes))
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = np.cumsum(sizes, axis=1)[codes[order]]
    part = (rank[:, None] >= ends).sum(axis=1)
    # the first of each class are drawn: their order would give rare classes away
    query = rng.permutation(order[part == 1])
    shuffled = rng.permutation(np.flatnonzero((part == 0) | (part == 2)))
    return order[shuffled], part[shuffled] == 2, query


def as_bunch(
    X: Any,
    y: NDArray[Any],
    rows: NDArray[np.intp],
    hidden: NDArray[np.bool_],
    query: NDArray[np.intp] | None = None,
    **fields: Any,
) -> Bunch:
    """Put the rows of a pool together, and hide labels."""
    truth = y[rows]
    mark = None if (y == -1).any() else -1
    masked = truth.astype(object) if mark is None else truth.copy()
    masked[hidden] = mark
    if query is not None and len(query):
        fields.update(X_query=_safe_indexing(X, query), y_query=y[query])
    return Bunch(
        X=_safe_indexing(X, rows),
        y=truth,
        y_masked=masked,
        source_indices=rows,
        **{"ood_label": None, **fields},
    )
