"""The nearest of many rows, by matrix products in chunks.

``|x - c|^2 = |x|^2 + |c|^2 - 2 x.c`` costs one matrix product, and loses digits: where
it cannot tell the k-th nearest from the next, those in doubt are measured in float64.
"""

from typing import Any

import numpy as np

from ._arrays import as_array, device_of, namespace, positions_where, row_chunks
from ._frame import Frame, resolution, squared_distances
from ._tables import as_table, inner_products, squared_norms, working_dtype

_CHUNK_ROWS = 512
_CHUNK_CELLS = 2**23
_GRID = 2.0**-28


def nearest_rows(X: Any, reference: Any, k: int, *, unit: bool = False) -> Any:
    """Positions of the k nearest rows of another table, by Euclidean distance.

    In high dimensions without structure all distances are nearly equal, and which rows
    are the nearest says little.

    O(n m d) time in matrix products and O(n m) to select; O(n k + m d) memory besides
    chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows whose neighbors are wanted. Sparse input is never densified whole.
    reference : array-like, sparse matrix or tensor of shape (m, d)
        Where they are looked for; sparse only if ``X`` is.
    k : int
        How many, at least 1; more than there are gives all of them.
    unit : bool, default=False
        Whether all rows are first divided by their lengths, so that the order is that
        of cosines. Rows of zeros stay.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (n, min(k, m))
        Distinct positions in ``reference``, ascending in each row. Equally far, on the
        grid of `round_to_grid`: the lowest positions.

    Raises
    ------
    ValueError
        If ``X`` or ``reference`` has not two dimensions, their columns differ, or ``k``
        is less than 1.

    Examples
    --------
    >>> from skal.functional import nearest_rows
    >>> nearest_rows([[0.4], [9.0]], [[0.0], [1.0], [10.0]], 2)
    array([[0, 1],
           [1, 2]])
    """
    X = as_table(X, "X")
    reference = as_table(reference, "reference", like=X)
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    xp, (n, m) = namespace(X), (X.shape[0], reference.shape[0])
    k = min(k, m)
    positions = as_array(np.zeros((n, k), np.intp), xp, like=X)
    if k == m:
        positions[:] = as_array(np.arange(m), xp, like=X)
        return positions
    frame = Frame(reference, unit=unit)
    factor = -2 * frame.at(slice(None))
    size = max(16, min(_CHUNK_ROWS, _CHUNK_CELLS // m))
    for rows in row_chunks(n, size):
        positions[rows] = _nearest(frame, factor, X[rows], k)
    return positions


def _nearest(frame: Frame, factor: Any, rows: Any, k: int) -> Any:
    """Select by the expansion; where that does not decide, by exact distances."""
    xp = namespace(rows)
    block = frame.put(rows, working_dtype(rows))
    norms = squared_norms(block)
    squared = inner_products(block, factor)
    squared += frame.norms
    last, following = _order_statistics(squared, k)
    distance = xp.maximum(following + norms, xp.zeros_like(norms))
    doubt = resolution(rows.dtype) * (norms + distance) + _GRID * distance
    clear = following - last > doubt
    chosen = (squared <= last[:, None]) & clear[:, None]
    found = (positions_where(chosen.reshape(-1)) % squared.shape[1]).reshape(-1, k)
    if xp.all(clear):
        return found
    positions = as_array(np.zeros((len(norms), k), np.intp), xp, like=last)
    positions[clear] = found
    left = positions_where(~clear)
    possible = squared[left] <= (following + doubt)[left][:, None]
    columns = positions_where(xp.any(possible, axis=0))
    positions[left] = columns[_nearest_exactly(frame, rows[left], columns, k)]
    return positions


def _order_statistics(values: Any, k: int) -> tuple[Any, Any]:
    """Return the k-th smallest value of each row, counted from 1, and the next."""
    if device_of(values) is None:
        parted = np.partition(values, k, axis=1)
        return parted[:, :k].max(axis=1), parted[:, k]
    smallest = values.topk(k + 1, largest=False).values
    return smallest[:, k - 1], smallest[:, k]


def _nearest_exactly(frame: Frame, rows: Any, columns: Any, k: int) -> Any:
    """Select among some columns by distances in float64, on the grid."""
    xp = frame.xp
    others = frame.put(frame.X[columns], xp.float64)
    squared = squared_distances(frame.put(rows, xp.float64), others, grid=True)
    order = xp.argsort(squared, axis=1, stable=True)
    return xp.sort(order[:, :k], axis=1)
