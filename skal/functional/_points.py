"""Points to measure between: rows of a table, or outer products of rows of two."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._arrays import (
    as_array,
    device_of,
    floating_dtype,
    namespace,
    row_chunks,
    to_numpy,
)
from ._tables import as_table, cast, inner_products, squared_norms, working_dtype

_CHUNK_ROWS = 2048
_CHUNK_CENTERS = 1024
_RESOLUTION = 32


class Points:
    """Points (n, d), or (n, C d) in factors, and squared distances between them.

    Attributes
    ----------
    tables : list of one table, the points, or of two, features and logit gradients
    norms : ndarray of shape (n,), squared
    """

    def __init__(self, X: Any, logit_gradient: Any) -> None:
        X = as_table(X, "X")
        self.xp, self.dtype, self.shift = namespace(X), working_dtype(X), None
        self.eps = float(np.finfo(floating_dtype(X.dtype)).eps)
        self.tables = [X]
        if logit_gradient is not None:
            self.tables.append(self._checked(as_array(logit_gradient, self.xp, X)))
        elif not sparse.issparse(X) and len(self):
            self.shift = X.mean(axis=0, dtype=self.dtype)
        norms = self._full(0)
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            norms[rows] = 1
            for part in self.at(rows):
                norms[rows] *= squared_norms(part)
        self.norms = to_numpy(norms)

    def __len__(self) -> int:
        return int(self.tables[0].shape[0])

    def at(self, rows: Any) -> list[Any]:
        """Return the factors of some rows."""
        parts = [cast(table[rows], self.dtype) for table in self.tables]
        return parts if self.shift is None else [parts[0] - self.shift]

    def squared_to_nearest(self, centers: list[int]) -> NDArray[Any]:
        """Squared distance (n,) from each row to the nearest of some rows."""
        nearest = self._full(np.inf)
        for part in row_chunks(len(centers), _CHUNK_CENTERS):
            factors = self.at(centers[part])
            factors[0] = -2 * factors[0]
            norms = as_array(self.norms[centers[part]], self.xp, nearest)
            for rows in row_chunks(len(self), _CHUNK_ROWS):
                expansion = _inner(self.at(rows), factors)
                expansion += norms
                closest = self.xp.min(expansion, axis=1)
                nearest[rows] = self.xp.minimum(nearest[rows], closest)
        return self._resolved(to_numpy(nearest) + self.norms, self.norms)

    def squared(self, rows: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
        """Squared distances (rows, others), zero from a row to itself."""
        inner = to_numpy(_inner(self.at(rows), self.at(others)))
        norms = self.norms[rows, None]
        squared = self._resolved(norms + self.norms[others] - 2 * inner, norms)
        return squared * (rows[:, None] != others)

    def _resolved(self, squared: NDArray[Any], norms: NDArray[Any]) -> NDArray[Any]:
        """Set to zero what the expansion cannot tell from zero."""
        return np.where(squared > _RESOLUTION * self.eps * norms, squared, 0)

    def _full(self, value: float) -> Any:
        device = device_of(*self.tables)
        return self.xp.full((len(self),), value, dtype=self.dtype, device=device)

    def _checked(self, gradient: Any) -> Any:
        if gradient.ndim != 2 or len(gradient) != len(self):
            raise ValueError(
                f"logit_gradient must have shape ({len(self)}, C), as many rows as X, "
                f"got {tuple(gradient.shape)}."
            )
        return gradient


def _inner(left: list[Any], right: list[Any]) -> Any:
    """Inner products of outer products: the products of those of their factors."""
    inner = inner_products(left[0], right[0])
    if len(left) > 1:
        inner *= inner_products(left[1], right[1])
    return inner
