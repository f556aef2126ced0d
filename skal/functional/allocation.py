"""Sharing a number of labels out among groups."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arrays import as_array, namespace, to_numpy
from .ranking import top


def largest_remainder(n: int, sizes: ArrayLike) -> NDArray[np.intp]:
    """Share ``n`` out in proportion to group sizes, in whole numbers.

    Every group gets its exact share rounded down; what is left goes, one each, to the
    groups with the largest fractions (Hamilton's method). A group never gets more than
    it holds. The shares need not grow with ``n`` in every group (the Alabama paradox):
    where quotas of successive rounds must, this is the wrong tool.

    O(g log g) time for g groups, in exact integer arithmetic.

    Parameters
    ----------
    n : int
        How many to share out, between 0 and ``sum(sizes)``.
    sizes : array-like of int of shape (g,)
        Members of each group, none negative.

    Returns
    -------
    ndarray of intp of shape (g,)
        Shares that sum to ``n``, each within one of the exact proportion. Equal
        fractions: the lowest position first.

    Raises
    ------
    TypeError
        If ``sizes`` are not integers.
    ValueError
        If ``sizes`` has not one dimension or a negative entry, or ``n`` is negative
        or more than ``sum(sizes)``.

    References
    ----------
    .. [1] M. L. Balinski and H. P. Young, "Fair Representation", Yale University
       Press, 1982.

    Examples
    --------
    >>> from skal.functional import largest_remainder
    >>> largest_remainder(3, [5, 2])
    array([2, 1])
    """
    counts = _checked_sizes(sizes)
    total = sum(counts)
    if not 0 <= n <= total:
        raise ValueError(f"n must lie between 0 and sum(sizes) = {total}, got {n}.")
    exact = np.array(counts, dtype=object) * int(n)
    shares = (exact // max(total, 1)).astype(np.intp)
    by_fraction = np.argsort(-(exact % max(total, 1)), kind="stable")
    shares[by_fraction[: n - shares.sum()]] += 1
    return shares


def _checked_sizes(sizes: ArrayLike) -> list[Any]:
    counts = np.asarray(sizes)
    if counts.ndim != 1:
        raise ValueError(f"sizes must have 1 dimension, got {counts.ndim}.")
    if counts.size and counts.dtype.kind not in "iu":
        raise TypeError(f"sizes must be integers, got dtype {counts.dtype}.")
    if counts.size and counts.min() < 0:
        raise ValueError(f"sizes must not be negative, got {counts.min()}.")
    return counts.tolist()


def partition_sizes(
    n_rows: int, n: int, n_parts: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut rows into parts of nearly equal size, and share ``n`` out among them.

    The parts of a pool that is too large to choose from at once. Part i ends at row
    ``ceil(n_rows (i + 1) / n_parts)``, and up to there the same share of ``n`` is
    given out, rounded up.

    O(n_parts) time.

    Parameters
    ----------
    n_rows : int
        How many rows there are.
    n : int
        How many to share out, at most ``n_rows``.
    n_parts : int
        How many parts, between 1 and ``n_rows``.

    Returns
    -------
    sizes : ndarray of intp of shape (n_parts,)
        Rows of each part, which sum to ``n_rows``.
    shares : ndarray of intp of shape (n_parts,)
        What each part is to give, at most its size; they sum to ``n``.

    Raises
    ------
    ValueError
        If ``n`` or ``n_parts`` is out of range.

    References
    ----------
    .. [1] S. Kothawade, N. Beck, K. Killamsetty and R. Iyer, "SIMILAR: Submodular
       information measures based active learning in realistic scenarios", 2021.

    Examples
    --------
    >>> from skal.functional import partition_sizes
    >>> partition_sizes(10, 4, 3)
    (array([4, 3, 3]), array([2, 1, 1]))
    """
    if not 1 <= n_parts <= n_rows:
        raise ValueError(f"n_parts must lie between 1 and {n_rows}, got {n_parts}.")
    if not 0 <= n <= n_rows:
        raise ValueError(f"n must lie between 0 and {n_rows}, got {n}.")
    ends = -(-n_rows * np.arange(n_parts + 1, dtype=np.intp) // n_parts)
    given = -(-n * ends // n_rows)
    return np.diff(ends), np.diff(given)


def balanced_top(
    scores: Any, classes: Any, n_classes: int, n: int, rng: np.random.Generator
) -> Any:
    """Positions of the largest scores, the same number from each class.

    Each class gives its best ``n // n_classes`` rows, or all that it has; what is left
    goes to the best of all other rows. Where the classes are not equally wanted, or
    ``n`` is smaller than their number, this is the wrong tool: the latter is `top`.

    O(rows log rows) time, O(rows) memory.

    Parameters
    ----------
    scores : array-like or tensor of shape (rows,)
        Larger = more wanted. Infinities are legal, NaN is not.
    classes : array-like or tensor of int of shape (rows,)
        Class of each row, between 0 and ``n_classes - 1``.
    n_classes : int
        Among how many classes to share, those without a row included.
    n : int
        How many positions; more than there are gives all of them.
    rng : numpy.random.Generator
        Breaks ties, as in `top`: one number is drawn for each row.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (min(n, rows),)
        Distinct positions, best first, of whichever class.

    Raises
    ------
    ValueError
        If ``scores`` has not one dimension or holds NaN, or ``n`` is negative.

    References
    ----------
    .. [1] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo and R. Iyer,
       "Mitigating sampling bias and improving robustness in active learning", 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import balanced_top
    >>> scores, classes = [0.9, 0.8, 0.7, 0.1], [0, 0, 0, 1]
    >>> balanced_top(scores, classes, 2, 3, np.random.default_rng(0))
    array([0, 1, 3])
    """
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    order = top(scores, len(scores), rng)
    ranked = to_numpy(classes)[to_numpy(order)]
    by_class = np.argsort(ranked, kind="stable")
    sizes = np.bincount(ranked, minlength=n_classes)
    place = np.empty(len(ranked), np.intp)  # of each row inside its class
    place[by_class] = np.arange(len(ranked)) - np.repeat(
        np.cumsum(sizes) - sizes, sizes
    )
    chosen = place < n // n_classes
    others = np.flatnonzero(~chosen)
    chosen[others[: n - int(chosen.sum())]] = True
    return order[as_array(chosen, namespace(order), like=order)]
