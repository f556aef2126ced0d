"""Rows compared by the shape of their entries, not by level or scale."""

from typing import Any

import numpy as np

from ._arrays import as_array, device_of, floating_dtype, namespace, row_chunks
from ._tables import as_table, cast, working_dtype

_CHUNK_ROWS = 2048
_CHUNK_CELLS = 2**22
_RESOLUTION = 32
_FLOOR = 1e-10


def standardized_products(X: Any, others: Any, head: Any = None) -> Any:
    """Inner products of rows that are standardized, each by its own mean and deviation.

    ``d - 1`` times the correlation of two rows, entry by entry: blind to the level and
    the scale of a row, so rows of very different length can be as alike as can be.

    O(n m d) time in matrix products, and O((n + m) C d) with a ``head``; O(n m + m d)
    memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d), or (n, C) with a ``head``
        Sparse input is never densified whole.
    others : array-like, sparse matrix or tensor of shape (m, d), or (m, C)
        The rows to compare with; all are held in memory.
    head : array-like or tensor of shape (C, d), default=None
        The rows compared are those of ``X @ head`` and ``others @ head``.

    Returns
    -------
    ndarray or tensor of shape (n, m)
        Values in [1 - d, d - 1]; 0 for a row whose entries are all the same.

    Notes
    -----
    Deviations are unbiased. Rows that vary by less than rounding do not count.

    Examples
    --------
    >>> from skal.functional import standardized_products
    >>> standardized_products([[1, 2, 3]], [[2, 4, 6], [3, 1, 2]]).round(6)
    array([[ 2., -1.]])
    """
    X = as_table(X, "X")
    xp, dtype = namespace(X), working_dtype(X)
    if head is not None:
        head = cast(as_array(head, xp, like=X), dtype)
    others = _standardized(as_table(others, "others", like=X), head, dtype)
    shape = (X.shape[0], len(others))
    products = xp.empty(shape, dtype=dtype, device=device_of(X))
    size = max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // others.shape[1]))
    for rows in row_chunks(X.shape[0], size):
        products[rows] = _standardized(X[rows], head, dtype) @ others.T
    return products


def _standardized(block: Any, head: Any, dtype: Any) -> Any:
    block = block.toarray() if hasattr(block, "toarray") else block
    block = cast(block, dtype) if head is None else cast(block, dtype) @ head
    xp, n_entries = namespace(block), block.shape[1]
    mean = xp.mean(block, axis=1, keepdims=True)
    centered = block - mean
    spread = xp.sum(centered * centered, axis=1, keepdims=True)
    eps = float(np.finfo(floating_dtype(block.dtype)).eps)
    varies = spread > n_entries * (_RESOLUTION * eps * mean) ** 2
    deviation = xp.sqrt(spread / max(1, n_entries - 1)) + _FLOOR
    return centered * (xp.astype(varies, dtype) / deviation)
