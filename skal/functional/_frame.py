"""A table of features to measure distances in, by matrix products in chunks.

``|x - c|^2 = |x|^2 + |c|^2 - 2 x.c`` costs one matrix product, and loses digits where
the points lie far from the origin: dense rows are seen from their mean, and what the
expansion cannot tell from zero is zero.
"""

from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy import sparse

from ._arrays import device_of, floating_dtype, namespace, row_chunks
from ._tables import (
    Outer,
    cast,
    inner_products,
    is_sparse,
    squared_norms,
    unit_rows,
    working_dtype,
)
from .ranking import round_to_grid

_CHUNK_ROWS = 2048
_CHUNK_CENTERS = 1024
_CHUNK_PAIRS = 128
_RESOLUTION = 32


class Frame:
    """A table seen from the mean of its rows; from the origin if sparse or in factors.

    Attributes
    ----------
    X : CSR array, array or tensor of shape (n, d), as it came, or `Outer` of two
    unit : bool, whether all points are divided by their lengths first
    xp : module, its namespace
    dtype : what distances are computed in
    """

    def __init__(self, X: Any, *, unit: bool = False) -> None:
        self.X, self.unit, self._shift = X, unit, None
        self._like = X.right if isinstance(X, Outer) else X
        self.xp, self.dtype = namespace(self._like), working_dtype(self._like)
        if self._like is X and not is_sparse(X) and len(X):
            seen = unit_rows(cast(X, self.dtype)) if unit else X
            self._shift = seen.mean(axis=0, dtype=self.dtype)

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @cached_property
    def norms(self) -> Any:
        """Squared lengths (n,) of the rows in the frame."""
        norms = self.full(0)
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            norms[rows] = squared_norms(self.at(rows))
        return norms

    def full(self, value: float) -> Any:
        """Return one value for each row, (n,), on the device of the table."""
        device = device_of(self._like)
        return self.xp.full((len(self),), value, dtype=self.dtype, device=device)

    def at(self, rows: Any) -> Any:
        """Return rows of the table in the frame."""
        return self.put(self.X[rows])

    def put(self, block: Any, dtype: Any = None) -> Any:
        """Bring points into the frame, in its own precision or another one."""
        dtype = self.dtype if dtype is None else dtype
        block = cast(block, dtype)
        block = unit_rows(block) if self.unit else block
        return block if self._shift is None else block - cast(self._shift, dtype)

    def back(self, block: Any) -> Any:
        """Return points of the frame to where the table is."""
        return block if self._shift is None else block + self._shift

    def squared_to_nearest(self, centers: Any) -> Any:
        """Squared distance (n,) from each row to the nearest of some points, or inf."""
        nearness, xp = self.full(-np.inf), self.xp
        halves = squared_norms(centers) / 2
        parts = list(row_chunks(centers.shape[0], _CHUNK_CENTERS))
        blocks = [(centers[part], halves[part]) for part in parts]
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            chunk = self.at(rows)
            for block, half in blocks:
                products = inner_products(chunk, block)
                products -= half
                nearness[rows] = xp.maximum(nearness[rows], xp.max(products, axis=1))
        nearness *= -2
        nearness += self.norms
        return resolved(nearness, self.norms)


def squared_distances(
    block: Any,
    others: Any,
    *,
    noise: Literal["both", "others"] = "both",
    grid: bool = False,
) -> Any:
    """Squared distances (b, m) between points of a frame; on the grid if asked for.

    Noise, which counts as 0, is relative to the norms of "both" or "others" alone.
    """
    squared = inner_products(block, others)
    norms, to = squared_norms(block)[:, None], squared_norms(others)
    for rows in row_chunks(squared.shape[0], _CHUNK_PAIRS):
        part = squared[rows]
        part *= -2
        part += norms[rows]
        part += to
        resolved(part, norms[rows] + to if noise == "both" else to)
        if grid:
            squared[rows] = round_to_grid(part)
    return squared


def resolution(dtype: Any) -> float:
    """Up to which part of the norms a squared distance is rounding noise."""
    return _RESOLUTION * float(np.finfo(floating_dtype(dtype)).eps)


def resolved(squared: Any, norms: Any) -> Any:
    """Set to zero, in place, what the expansion cannot tell from zero."""
    squared *= squared > resolution(squared.dtype) * norms
    return squared


def stacked(*tables: Any) -> Any:
    """Return the rows of several tables of one kind, one after another."""
    tables = tuple(table for table in tables if table is not None)
    tables = tuple(table for table in tables if table.shape[0]) or tables[:1]
    if len(tables) == 1:
        return tables[0]
    if is_sparse(tables[0]):
        return sparse.csr_array(sparse.vstack(tables))
    return namespace(*tables).concat(tables)
