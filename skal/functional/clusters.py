"""Rows that stand for clusters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, namespace, row_chunks, to_numpy
from ._frame import Frame, squared_distances
from ._tables import as_table

_CHUNK_ROWS = 2048


def nearest_to_centers(
    X: Any, centers: Any, rng: np.random.Generator, *, labels: Any = None
) -> Any:
    """Pick the row nearest to each center, another where two centers share one.

    Rows that stand for clusters. Where rows are copies or centers close to each other,
    the shared ones are replaced by rows at random: that many picks then stand for
    nothing.

    O(n m d) time in matrix products; O(n + m d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    centers : array-like, sparse matrix or tensor of shape (m, d)
        The centers, no more than rows; sparse only if ``X`` is.
    rng : numpy.random.Generator
        Draws the rows that fill up.
    labels : array-like or tensor of int of shape (n,), default=None
        The number of each row's center: then only rows of its own stand for a center.
        None: any row may.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (m,)
        Distinct positions: those of centers in the order of the centers, then those
        drawn at random among the others. Equally near, on the grid of `round_to_grid`:
        the lowest position.

    Raises
    ------
    ValueError
        If ``X`` or ``centers`` has not two dimensions, their columns differ, or there
        are more centers than rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import nearest_to_centers
    >>> X = [[0.0], [1.0], [4.0], [5.0], [9.0]]
    >>> nearest_to_centers(X, [[0.5], [0.6], [9.0]], np.random.default_rng(0))
    array([0, 1, 4])
    """
    X = as_table(X, "X")
    centers = as_table(centers, "centers", like=X)
    n, m, xp = X.shape[0], centers.shape[0], namespace(X)
    if m > n:
        raise ValueError(f"centers must be at most as many as rows, {n}, got {m}.")
    if labels is not None:
        labels = as_array(labels, xp, like=X)
    nearest = _nearest(Frame(X), centers, labels) if m else np.empty(0, np.intp)
    found, first = np.unique(nearest[nearest < n], return_index=True)
    picks = found[np.argsort(first)]
    others = np.delete(np.arange(n), picks)
    drawn = rng.choice(others, m - len(picks), replace=False)
    return as_array(np.concatenate([picks, drawn]), xp, like=X)


def _nearest(frame: Frame, centers: Any, labels: Any) -> NDArray[np.intp]:
    """Position of the row nearest to each center; n for a center without rows."""
    n, m, xp = frame.X.shape[0], centers.shape[0], frame.xp
    positions, best, numbers = (
        as_array(values, xp, like=frame.X)
        for values in (np.full(m, n), np.full(m, np.inf), np.arange(m))
    )
    centers = frame.put(centers)
    for rows in row_chunks(n, _CHUNK_ROWS):
        squared = squared_distances(frame.at(rows), centers, grid=True)
        if labels is not None:
            squared[labels[rows][:, None] != numbers] = np.inf
        closest = xp.min(squared, axis=0)
        first = xp.argmax(xp.astype(squared == closest, xp.int8), axis=0)
        nearer = closest < best
        positions = xp.where(nearer, rows.start + first, positions)
        best = xp.where(nearer, closest, best)
    return to_numpy(positions)
