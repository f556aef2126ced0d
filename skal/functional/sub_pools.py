"""From the hardest rows to the easiest: indicators, and parts of their order."""

from fractions import Fraction
from typing import Any

import numpy as np

from ._arrays import as_array, row_chunks
from ._frame import Frame, squared_distances
from ._tables import as_table

_CHUNK_ROWS = 2048
_GUARD = Fraction(1, 10**9)  # 1.2 is a little less than 6 / 5


def cluster_distance_difference(X: Any, centers: Any) -> Any:
    """How much farther the second nearest center is than the nearest.

    Zero on the border between two clusters, large deep inside one: the smaller, the
    harder a row is to tell apart from others. It knows no classes: where these are no
    clusters of the features, it orders rows by something else.

    O(n m d) time in matrix products; O(n + m d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    centers : array-like, sparse matrix or tensor of shape (m, d)
        The centers, at least two; sparse only if ``X`` is.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Differences of Euclidean distances, 0 or more, in the precision of ``X``
        (float16 gives float32, integers give float64).

    Raises
    ------
    ValueError
        If ``X`` or ``centers`` has not two dimensions, their columns differ, or there
        are fewer than two centers.

    References
    ----------
    .. [1] J. Li, P. Chen, S. Yu, S. Liu and J. Jia, "BAL: Balancing diversity and
       novelty for active learning", IEEE TPAMI, 2023.

    Examples
    --------
    >>> from skal.functional import cluster_distance_difference
    >>> X = [[1.0], [4.0], [5.0], [9.0], [20.0]]
    >>> cluster_distance_difference(X, [[0.0], [10.0]]).round(6)
    array([ 8.,  2.,  0.,  8., 10.])
    """
    frame = Frame(as_table(X, "X"))
    centers = as_table(centers, "centers", like=frame.X)
    if centers.shape[0] < 2:
        raise ValueError(
            f"centers must be at least 2 to differ in distance, got {centers.shape[0]}."
        )
    xp, centers, differences = frame.xp, frame.put(centers), frame.full(0)
    numbers = as_array(np.arange(centers.shape[0]), xp, like=frame.X)
    for rows in row_chunks(len(frame), _CHUNK_ROWS):
        distances = xp.sqrt(squared_distances(frame.at(rows), centers))
        nearest = xp.min(distances, axis=1)
        distances[xp.argmin(distances, axis=1)[:, None] == numbers] = np.inf
        differences[rows] = xp.min(distances, axis=1) - nearest
    return differences


def sub_pool(
    slot: int, n_slots: int, n_samples: int, balance: float, *, shift: bool = True
) -> tuple[int, int]:
    """Part of an ordered pool that belongs to one of equal slots along it.

    The part is `balance` times as long as a slot and centered on it: above 1 parts
    overlap, at 1 they tile the pool, below 1 they leave gaps. Parts that would stick
    out are shifted inwards and keep their length.

    O(1).

    Parameters
    ----------
    slot : int
        Which slot, from 0 to ``n_slots - 1``.
    n_slots : int
        How many slots the pool is divided into.
    n_samples : int
        Number of rows of the pool.
    balance : float
        Length of the part in slots, above 0. A part is never longer than the pool.
    shift : bool, default=True
        Whether parts that stick out are shifted inwards; else they are cut off, as in
        the authors' code.

    Returns
    -------
    start, stop : int
        The part is ``order[start:stop]``.

    Raises
    ------
    ValueError
        If ``slot`` is no number of a slot, or ``balance`` is not above 0.

    References
    ----------
    .. [1] J. Li, P. Chen, S. Yu, S. Liu and J. Jia, "BAL: Balancing diversity and
       novelty for active learning", IEEE TPAMI, 2023.

    Examples
    --------
    >>> from skal.functional import sub_pool
    >>> [sub_pool(slot, 4, 12, 2.0) for slot in range(4)]
    [(0, 6), (1, 7), (4, 10), (6, 12)]
    >>> [sub_pool(slot, 4, 12, 0.5) for slot in range(4)]
    [(0, 1), (3, 5), (6, 8), (10, 12)]
    """
    slot, n_slots, n_samples = int(slot), int(n_slots), int(n_samples)  # may be NumPy's
    if not 0 <= slot < n_slots:
        raise ValueError(f"slot must be 0 to {n_slots - 1}, got {slot}.")
    if not balance > 0:
        raise ValueError(f"balance must be above 0, got {balance}.")
    length = Fraction(n_samples, n_slots)
    size = Fraction(min(float(balance), n_slots)) * length
    start = slot * length - (size - length) / 2
    stop = start + size
    if shift and (slot == 0 or start < 0):
        start, stop = Fraction(0), size
    elif shift and (slot == n_slots - 1 or stop > n_samples):
        start, stop = n_samples - size, Fraction(n_samples)
    start, stop = max(start, Fraction(0)), min(stop, Fraction(n_samples))
    return int(start + _GUARD), int(stop + _GUARD)
