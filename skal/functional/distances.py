"""Euclidean distances to the nearest of many centers, by matrix products in chunks.

``|x - c|^2 = |x|^2 + |c|^2 - 2 x.c`` costs one matrix product, and loses digits where
the points lie far from the origin: dense rows are centered on their mean, chunk by
chunk, and what the expansion cannot tell from zero is zero.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._arrays import floating_dtype, row_chunks
from .ranking import round_to_grid

_CHUNK_ROWS = 2048
_CHUNK_CENTERS = 1024
_CHUNK_PAIRS = 128
_RESOLUTION = 32


@dataclass(frozen=True)
class Centers:
    """Features (m, d) in the frame of one `Rows`, and their squared norms (m,)."""

    features: Any
    norms: NDArray[Any]

    def __len__(self) -> int:
        return len(self.norms)

    def __getitem__(self, rows: Any) -> "Centers":
        return Centers(self.features[rows], self.norms[rows])


class Rows:
    """Rows of a table (n, d), dense or sparse, to measure squared distances from."""

    def __init__(self, X: Any) -> None:
        self.X = sparse.csr_array(X) if _is_sparse(X) else np.asarray(X)
        if self.X.ndim != 2:
            raise ValueError(f"X must have 2 dimensions, got {self.X.ndim}.")
        self.dtype = floating_dtype(self.X.dtype)
        self.shift = np.zeros(self.X.shape[1], self.dtype)
        if not _is_sparse(X) and len(self):
            self.shift = self.X.mean(axis=0, dtype=self.dtype)
        self.norms = np.empty(len(self), self.dtype)
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            self.norms[rows] = _squared_norms(self._framed(self.X[rows]))

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def at(self, positions: NDArray[np.intp]) -> Centers:
        """Rows of the table itself, as centers."""
        return self._as_centers(self.X[positions])

    def centers(self, features: Any, name: str) -> Centers:
        """Points from elsewhere, as centers."""
        as_table = sparse.csr_array if _is_sparse(self.X) else np.asarray
        features = as_table(features)
        if features.ndim != 2 or features.shape[1] != self.X.shape[1]:
            raise ValueError(
                f"{name} must have shape (m, {self.X.shape[1]}), as many columns as X, "
                f"got {features.shape}."
            )
        return self._as_centers(features)

    def squared_to_nearest(self, centers: Centers) -> NDArray[Any]:
        """Squared distance (n,) from each row to the nearest center, inf if none."""
        nearest = np.full(len(self), np.inf, self.dtype)
        blocks = [centers[part] for part in row_chunks(len(centers), _CHUNK_CENTERS)]
        factors = [_factor(block) for block in blocks]
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            chunk = self._framed(self.X[rows])
            for block, factor in zip(blocks, factors, strict=True):
                expansion = _product(chunk, factor)
                expansion += block.norms
                np.minimum(nearest[rows], expansion.min(axis=1), out=nearest[rows])
        nearest += self.norms
        return _resolve(nearest, self.norms)

    def _framed(self, features: Any) -> Any:
        if _is_sparse(features):
            return features.astype(self.dtype, copy=False)
        return np.subtract(features, self.shift, dtype=self.dtype)

    def _as_centers(self, features: Any) -> Centers:
        features = self._framed(features)
        return Centers(features, _squared_norms(features))


def squared_between(centers: Centers) -> NDArray[Any]:
    """Squared distances (m, m) between all pairs of centers, on the grid."""
    squared = _product(centers.features, _factor(centers))
    for rows in row_chunks(len(centers), _CHUNK_PAIRS):
        part = squared[rows]
        part += centers.norms[rows, None]
        part += centers.norms
        squared[rows] = round_to_grid(_resolve(part, centers.norms))
    return squared


def distance_to_nearest(X: Any, centers: Any) -> NDArray[Any]:
    """Euclidean distance from each row to the nearest center.

    How far a row is from everything seen so far: the score of the k-center strategy.
    In high dimensions without structure all distances are nearly equal, and this says
    little.

    O(n m d) time in matrix products; O(n + m d) memory besides chunks.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        The rows. Sparse input is never densified whole.
    centers : array-like or sparse matrix of shape (m, d)
        The centers; sparse only if ``X`` is. May have no rows.

    Returns
    -------
    ndarray of shape (n,)
        Distances, in the precision of ``X`` (float16 gives float32, integers give
        float64); infinite where there is no center.

    Raises
    ------
    ValueError
        If ``X`` or ``centers`` has not two dimensions, or their columns differ.

    Notes
    -----
    A squared distance below 32 eps times the squared distance of the row from the
    mean of ``X`` (from the origin for sparse input) is rounding noise, and counts as 0.

    Examples
    --------
    >>> from skal.functional import distance_to_nearest
    >>> distance_to_nearest([[1.0], [2.0], [6.0]], [[0.0], [5.0]])
    array([1., 2., 1.])
    """
    rows = Rows(X)
    return np.sqrt(rows.squared_to_nearest(rows.centers(centers, "centers")))


def _is_sparse(table: Any) -> bool:
    return sparse.issparse(table)


def _squared_norms(features: Any) -> NDArray[Any]:
    if _is_sparse(features):
        return features.multiply(features).sum(axis=1)
    return np.einsum("ij,ij->i", features, features)


def _factor(centers: Centers) -> Any:
    factor = (-2 * centers.features).T
    return factor.tocsr() if _is_sparse(factor) else factor


def _product(features: Any, factor: Any) -> NDArray[Any]:
    product = features @ factor
    return product.toarray() if _is_sparse(product) else product


def _resolve(squared: NDArray[Any], norms: NDArray[Any]) -> NDArray[Any]:
    """Set to zero, in place, what the expansion cannot tell from zero."""
    squared *= squared > _RESOLUTION * np.finfo(squared.dtype).eps * norms
    return squared
