"""Greedy k-center: cover the pool with balls of the smallest radius."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .distances import Rows, squared_between
from .ranking import round_to_grid

_MIN_BLOCK = 64
_MAX_BLOCK = 2048
_PICKED = -1


def k_center_greedy(
    X: Any, n: int, initial: Any = None, *, first: int = 0
) -> NDArray[np.intp]:
    """Pick rows one by one, each the farthest from all centers so far.

    Farthest-first traversal: after any number of picks, no choice of as many centers
    covers the pool with balls of less than half the radius. Outliers are the farthest
    rows there are and get picked first; where they are noise, this is the wrong tool.

    O(n_rows (m + n) d) time in matrix products at most, and often much less;
    O(n_rows + (m + n) d) memory besides chunks.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_rows, d)
        The pool. Sparse input is never densified whole.
    n : int
        How many rows to pick; more than there are gives all of them.
    initial : array-like or sparse matrix of shape (m, d), default=None
        Centers that exist already; sparse only if ``X`` is.
    first : int, default=0
        Position of the first pick where there is no initial center.

    Returns
    -------
    ndarray of intp of shape (min(n, n_rows),)
        Distinct positions in ``X``, in the order of the picks. Equally far, on the
        grid of `round_to_grid`: the lowest position first.

    Raises
    ------
    ValueError
        If ``X`` or ``initial`` has not two dimensions, their columns differ, ``n`` is
        negative, or ``first`` is no position in ``X``.

    Notes
    -----
    The picks are those of the sequential algorithm, found in blocks. Distances only
    shrink, so as long as the farthest of the T farthest rows is farther than the
    (T + 1)-th was, the picks happen among those T: they need T x T distances, and all
    picks of a block go to the rest of the pool in one matrix product. Features that
    the product cannot tell apart (see `distance_to_nearest`) are at distance zero, and
    a pool of duplicates is picked in order of position.

    References
    ----------
    .. [1] T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance",
       Theoretical Computer Science 38, 1985.
    .. [2] O. Sener and S. Savarese, "Active learning for convolutional neural
       networks: a core-set approach", ICLR 2018.

    Examples
    --------
    >>> from skal.functional import k_center_greedy
    >>> k_center_greedy([[1.0], [2.0], [6.0], [10.0]], 3, initial=[[0.0]])
    array([3, 2, 1])
    """
    rows = Rows(X)
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    n = min(n, len(rows))
    if n == 0:
        return np.empty(0, np.intp)
    picks, nearest = _start(rows, initial, first)
    size = min(2 * n, _MAX_BLOCK)
    while len(picks) < n:
        left = n - len(picks)
        block = _farthest(nearest, max(_MIN_BLOCK, min(size, 2 * left)))
        centers = rows.at(block.positions)
        chosen = _pick(block, squared_between(centers), left)
        new = block.positions[chosen]
        picks = np.concatenate([picks, new])
        if len(picks) < n:
            _shrink(nearest, rows.squared_to_nearest(centers[chosen]), new)
        size = _next_size(size, len(chosen))
    return picks


@dataclass(frozen=True)
class _Block:
    """The farthest rows, in order of position, and the best of the others."""

    positions: NDArray[np.intp]
    squared: NDArray[Any]
    best_outside: float
    position_outside: int


def _start(
    rows: Rows, initial: Any, first: int
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    nearest = np.full(len(rows), np.inf, rows.dtype)
    picks = np.empty(0, np.intp)
    centers = None if initial is None else rows.centers(initial, "initial")
    if not centers:
        if not 0 <= first < len(rows):
            raise ValueError(
                f"first must be a position in X, 0 to {len(rows) - 1}, got {first}."
            )
        picks = np.array([first], np.intp)
        centers = rows.at(picks)
    _shrink(nearest, rows.squared_to_nearest(centers), picks)
    return picks, nearest


def _shrink(
    nearest: NDArray[Any], squared: NDArray[Any], picks: NDArray[np.intp]
) -> None:
    """Lower the distances, in place, to those from the new picks too."""
    np.minimum(nearest, round_to_grid(squared), out=nearest)
    nearest[picks] = _PICKED


def _farthest(nearest: NDArray[Any], size: int) -> _Block:
    """Rank first by distance, then by position; take the first ``size`` rows."""
    n_rows = len(nearest)
    if size >= n_rows:
        return _Block(np.arange(n_rows), nearest.copy(), _PICKED, n_rows)
    best_outside = np.partition(nearest, n_rows - size - 1)[n_rows - size - 1]
    farther = np.flatnonzero(nearest > best_outside)
    tied = np.flatnonzero(nearest == best_outside)
    n_tied = size - len(farther)
    positions = np.sort(np.concatenate([farther, tied[:n_tied]]))
    return _Block(positions, nearest[positions], best_outside, tied[n_tied])


def _pick(block: _Block, between: NDArray[Any], limit: int) -> list[int]:
    """Farthest first inside the block, as long as no row outside can come before."""
    nearest = block.squared
    chosen: list[int] = []
    while len(chosen) < limit:
        best = int(nearest.argmax())
        if nearest[best] < block.best_outside or (
            nearest[best] == block.best_outside
            and block.positions[best] > block.position_outside
        ):
            break
        chosen.append(best)
        np.minimum(nearest, between[best], out=nearest)
        nearest[best] = _PICKED
    return chosen


def _next_size(size: int, n_chosen: int) -> int:
    """Twice the size for a block that was used up, half for one that gave little."""
    if 2 * n_chosen > size:
        return min(2 * size, _MAX_BLOCK)
    if 8 * n_chosen < size:
        return max(size // 2, _MIN_BLOCK)
    return size
