"""Greedy k-center: cover the pool with balls of the smallest radius."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arrays import as_array, kth_smallest, positions_where
from ._frame import Frame, squared_distances
from ._tables import as_table
from .ranking import round_to_grid

_MIN_BLOCK = 64
_MAX_BLOCK = 2048
_PICKED = -1


def k_center_greedy(X: Any, n: int, initial: Any = None, *, first: int = 0) -> Any:
    """Pick rows one by one, each the farthest from all centers so far.

    Farthest-first traversal: after any number of picks, no choice of as many centers
    covers the pool with balls of less than half the radius. Outliers are the farthest
    rows there are and get picked first; where they are noise, this is the wrong tool.

    O(n_rows (m + n) d) time in matrix products at most, and often much less;
    O(n_rows + (m + n) d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n_rows, d)
        The pool. Sparse input is never densified whole.
    n : int
        How many rows to pick; more than there are gives all of them.
    initial : array-like, sparse matrix or tensor of shape (m, d), default=None
        Centers that exist already; sparse only if ``X`` is.
    first : int, default=0
        Position of the first pick where there is no initial center.

    Returns
    -------
    ndarray of intp, or tensor, of shape (min(n, n_rows),)
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
    frame = Frame(as_table(X, "X"))
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    n = min(n, len(frame))
    if n == 0:
        return as_array(np.empty(0, np.intp), frame.xp, like=frame.X)
    picks, nearest = _start(frame, initial, first)
    size = min(2 * n, _MAX_BLOCK)
    while len(picks) < n:
        left = n - len(picks)
        block = _farthest(frame, nearest, max(_MIN_BLOCK, min(size, 2 * left)))
        centers = frame.at(block.positions)
        between = squared_distances(centers, centers, noise="others", grid=True)
        chosen = _pick(frame, block, between, left)
        new = block.positions[chosen]
        picks = frame.xp.concat([picks, new])
        if len(picks) < n:
            _shrink(frame, nearest, frame.squared_to_nearest(centers[chosen]), new)
        size = _next_size(size, len(chosen))
    return picks


@dataclass(frozen=True)
class _Block:
    """The farthest rows, in order of position, and the best of the others."""

    positions: Any
    squared: Any
    best_outside: float
    position_outside: int


def _start(frame: Frame, initial: Any, first: int) -> tuple[Any, Any]:
    nearest = frame.full(np.inf)
    picks = as_array(np.empty(0, np.intp), frame.xp, like=frame.X)
    if initial is not None:
        initial = as_table(initial, "initial", like=frame.X)
    if initial is None or initial.shape[0] == 0:
        if not 0 <= first < len(frame):
            raise ValueError(
                f"first must be a position in X, 0 to {len(frame) - 1}, got {first}."
            )
        picks = as_array(np.array([first], np.intp), frame.xp, like=frame.X)
        centers = frame.at(picks)
    else:
        centers = frame.put(initial)
    _shrink(frame, nearest, frame.squared_to_nearest(centers), picks)
    return picks, nearest


def _shrink(frame: Frame, nearest: Any, squared: Any, picks: Any) -> None:
    """Lower the distances, in place, to those from the new picks too."""
    frame.xp.minimum(nearest, round_to_grid(squared), out=nearest)
    nearest[picks] = _PICKED


def _farthest(frame: Frame, nearest: Any, size: int) -> _Block:
    """Rank first by distance, then by position; take the first ``size`` rows."""
    n_rows = len(nearest)
    if size >= n_rows:
        everything = as_array(np.arange(n_rows), frame.xp, like=frame.X)
        return _Block(everything, nearest + 0, _PICKED, n_rows)
    best_outside = float(kth_smallest(nearest, n_rows - size - 1))
    farther = positions_where(nearest > best_outside)
    tied = positions_where(nearest == best_outside)
    n_tied = size - len(farther)
    positions = frame.xp.sort(frame.xp.concat([farther, tied[:n_tied]]))
    return _Block(positions, nearest[positions], best_outside, int(tied[n_tied]))


def _pick(frame: Frame, block: _Block, between: Any, limit: int) -> list[int]:
    """Farthest first inside the block, as long as no row outside can come before."""
    nearest = block.squared
    chosen: list[int] = []
    while len(chosen) < limit:
        best = int(frame.xp.argmax(nearest))
        if nearest[best] < block.best_outside or (
            nearest[best] == block.best_outside
            and block.positions[best] > block.position_outside
        ):
            break
        chosen.append(best)
        frame.xp.minimum(nearest, between[best], out=nearest)
        nearest[best] = _PICKED
    return chosen


def _next_size(size: int, n_chosen: int) -> int:
    """Twice the size for a block that was used up, half for one that gave little."""
    if 2 * n_chosen > size:
        return min(2 * size, _MAX_BLOCK)
    if 8 * n_chosen < size:
        return max(size // 2, _MIN_BLOCK)
    return size
