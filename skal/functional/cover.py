"""Covering a pool with balls of one radius."""

from typing import Any

import numpy as np

from ._arrays import as_array, floating_dtype, namespace, row_chunks, to_numpy
from ._balls import Balls
from ._frame import Frame, squared_distances, stacked
from ._tables import as_table
from .distances import distance_to_nearest
from .k_center import k_center_greedy

_CHUNK_CELLS = 2**22
_TIED = {np.dtype(np.float32): 2.0**-17, np.dtype(np.float64): 2.0**-30}


def prob_cover(X: Any, n: int, radius: float, initial: Any = None) -> Any:
    """Pick rows one by one, each covering the most rows not covered yet (ProbCover).

    A row covers all rows closer than the radius. Dense regions come first, so with few
    labels this beats `k_center_greedy`, which starts at the rim. Once all rows are
    covered, the farthest row comes next, as it does there.

    O(n_rows^2 d) time in matrix products, half of that while few rows are covered;
    O((n_rows + m) d) memory besides chunks and a list of pairs of neighbors, which has
    some 8 million at most: with more, balls are measured again when they are needed.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n_rows, d)
        The pool. Sparse input is never densified whole.
    n : int
        How many rows to pick; more than there are gives all of them.
    radius : float
        Radius of the balls; may be infinite.
    initial : array-like, sparse matrix or tensor of shape (m, d), default=None
        Centers that exist already; sparse only if ``X`` is.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (min(n, n_rows),)
        Distinct positions in ``X``, in the order of the picks. Covering equally many:
        the lowest position. A distance tied with the radius (within 1e-9 of it, 1e-5 in
        single precision) is not less.

    Raises
    ------
    ValueError
        If ``X`` or ``initial`` has not two dimensions, their columns differ, ``n`` is
        negative, or ``radius`` is negative or NaN.

    Notes
    -----
    The authors' code leaves up to 499 rows out of the balls, and picks the first row
    again and again when all is covered; here all rows count, and picks are distinct.

    References
    ----------
    .. [1] O. Yehuda, A. Dekel, G. Hacohen and D. Weinshall, "Active learning through a
       covering lens", NeurIPS 2022.

    Examples
    --------
    >>> from skal.functional import prob_cover
    >>> prob_cover([[0.0], [0.5], [1.0], [3.0], [3.4], [9.0]], 3, radius=0.6)
    array([1, 3, 5])
    """
    X = as_table(X, "X")
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    if not radius >= 0:
        raise ValueError(f"radius must not be negative, got {radius}.")
    n = min(n, X.shape[0])
    radius *= 1 - _TIED[floating_dtype(X.dtype)]
    covered = np.zeros(X.shape[0], bool)
    if initial is not None:
        covered = to_numpy(distance_to_nearest(X, initial)) < radius
    picks = _by_degree(Balls(X, radius, covered), n) if n else []
    return _farthest_first(X, n, picks, initial)


def _by_degree(balls: "Balls", n: int) -> list[int]:
    """Pick the row that covers the most until all rows are covered."""
    picks: list[int] = []
    while len(picks) < n and balls.degree.max() > 0:
        best = int(balls.degree.argmax())
        balls.cover(best)
        picks.append(best)
    return picks


def _farthest_first(X: Any, n: int, picks: list[int], initial: Any) -> Any:
    """Add the farthest of the other rows to the picks until there are enough."""
    xp = namespace(X)
    chosen = as_array(np.array(picks, np.intp), xp, like=X)
    if len(picks) == n:
        return chosen
    rest = as_array(np.delete(np.arange(X.shape[0]), picks), xp, like=X)
    centers = stacked(X[chosen], initial) if picks else initial
    others = k_center_greedy(X[rest], n - len(picks), centers)
    return xp.concat([chosen, rest[others]])


def purity_radius(
    X: Any, labels: Any, *, purity: float = 0.95, rows: Any = None
) -> float:
    """Largest radius at which most balls hold rows of one label only.

    The radius for `prob_cover`, where clusters stand in for classes. Where the clusters
    are not the classes, neither is the radius.

    O(r n d) time in matrix products for r rows; O(n d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    labels : array-like or tensor of int of shape (n,)
        Classes, or clusters in their place.
    purity : float, default=0.95
        The share of balls without rows of another label.
    rows : array-like or tensor of int of shape (r,), default=None
        Positions of the rows whose balls are looked at; None: all.

    Returns
    -------
    float
        Infinite where there is one label only.

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions or no row, or ``purity`` is not in [0, 1].

    Notes
    -----
    A ball holds the rows closer than the radius, so it is pure up to the distance of
    the nearest row of another label: the radius is a quantile of those distances.

    References
    ----------
    .. [1] O. Yehuda, A. Dekel, G. Hacohen and D. Weinshall, "Active learning through a
       covering lens", NeurIPS 2022.

    Examples
    --------
    >>> from skal.functional import purity_radius
    >>> purity_radius([[0.0], [1.0], [4.0], [6.0]], [0, 0, 1, 1])
    3.0
    """
    X = as_table(X, "X")
    if not 0 <= purity <= 1:
        raise ValueError(f"purity must be between 0 and 1, got {purity}.")
    xp, n = namespace(X), X.shape[0]
    labels = as_array(labels, xp, like=X)
    rows = as_array(np.arange(n) if rows is None else rows, xp, like=X)
    if len(rows) == 0:
        raise ValueError("X and rows must have at least one row.")
    frame, distances = Frame(X), []
    everything = frame.at(slice(None))
    for part in row_chunks(len(rows), max(16, _CHUNK_CELLS // n)):
        squared = squared_distances(everything[rows[part]], everything)
        squared[labels[rows[part]][:, None] == labels] = np.inf
        distances.append(to_numpy(xp.min(squared, axis=1)))
    n_impure = int((1 - purity) * len(rows) + 1e-9)
    nearest = np.sort(np.concatenate(distances))
    return float(np.sqrt(nearest[min(n_impure, len(nearest) - 1)]))
