"""Sharing a number of labels out among groups."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
