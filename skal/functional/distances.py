"""Euclidean distances to the nearest of many centers, by matrix products in chunks.

``|x - c|^2 = |x|^2 + |c|^2 - 2 x.c`` costs one matrix product, and loses digits where
the points lie far from the origin: dense rows are centered on their mean, chunk by
chunk, and what the expansion cannot tell from zero is zero.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ._arrays import as_array, device_of, floating_dtype, namespace, row_chunks
from .ranking import round_to_grid

_CHUNK_ROWS = 2048
_CHUNK_CENTERS = 1024
_CHUNK_PAIRS = 128
_RESOLUTION = 32


@dataclass(frozen=True)
class Centers:
    """Features (m, d) in the frame of one `Rows`, and their squared norms (m,)."""

    features: Any
    norms: Any

    def __len__(self) -> int:
        return len(self.norms)

    def __getitem__(self, rows: Any) -> "Centers":
        return Centers(self.features[rows], self.norms[rows])


class Rows:
    """Rows of a table (n, d), dense or sparse, to measure squared distances from.

    Attributes
    ----------
    xp : module
        What they are computed with: NumPy, or torch under NumPy's names.
    dtype : dtype of `xp`
    """

    def __init__(self, X: Any) -> None:
        self.xp = namespace(X)
        self.X = sparse.csr_array(X) if _is_sparse(X) else as_array(X, self.xp)
        if self.X.ndim != 2:
            raise ValueError(f"X must have 2 dimensions, got {self.X.ndim}.")
        self.precision = np.finfo(floating_dtype(self.X.dtype))
        self.dtype = getattr(self.xp, floating_dtype(self.X.dtype).name)
        self.shift = 0
        if not _is_sparse(X) and len(self):
            self.shift = self.X.mean(axis=0, dtype=self.dtype)
        self.norms = self.full(0)
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            self.norms[rows] = _squared_norms(self._framed(self.X[rows]))

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def full(self, value: float) -> Any:
        """Return one value for each row, (n,), on the device of the rows."""
        device = device_of(self.X)
        return self.xp.full((len(self),), value, dtype=self.dtype, device=device)

    def at(self, positions: Any) -> Centers:
        """Rows of the table itself, as centers."""
        return self._as_centers(self.X[positions])

    def centers(self, features: Any, name: str) -> Centers:
        """Points from elsewhere, as centers."""
        if _is_sparse(self.X):
            features = sparse.csr_array(features)
        else:
            features = as_array(features, self.xp, like=self.X)
        if features.ndim != 2 or features.shape[1] != self.X.shape[1]:
            raise ValueError(
                f"{name} must have shape (m, {self.X.shape[1]}), as many columns as X, "
                f"got {features.shape}."
            )
        return self._as_centers(features)

    def squared_to_nearest(self, centers: Centers) -> Any:
        """Squared distance (n,) from each row to the nearest center, inf if none."""
        nearest, xp = self.full(np.inf), self.xp
        blocks = [centers[part] for part in row_chunks(len(centers), _CHUNK_CENTERS)]
        factors = [_factor(block) for block in blocks]
        for rows in row_chunks(len(self), _CHUNK_ROWS):
            chunk = self._framed(self.X[rows])
            for block, factor in zip(blocks, factors, strict=True):
                expansion = _product(chunk, factor)
                expansion += block.norms
                closest = xp.min(expansion, axis=1)
                nearest[rows] = xp.minimum(nearest[rows], closest)
        nearest += self.norms
        return self.resolve(nearest, self.norms)

    def squared_between(self, centers: Centers) -> Any:
        """Return squared distances (m, m) between all pairs of centers, on the grid."""
        squared = _product(centers.features, _factor(centers))
        for rows in row_chunks(len(centers), _CHUNK_PAIRS):
            part = squared[rows]
            part += centers.norms[rows, None]
            part += centers.norms
            squared[rows] = round_to_grid(self.resolve(part, centers.norms))
        return squared

    def resolve(self, squared: Any, norms: Any) -> Any:
        """Set to zero, in place, what the expansion cannot tell from zero."""
        squared *= squared > _RESOLUTION * float(self.precision.eps) * norms
        return squared

    def _framed(self, features: Any) -> Any:
        if _is_sparse(features):
            return features.astype(self.dtype, copy=False)
        return self.xp.astype(features, self.dtype, copy=False) - self.shift

    def _as_centers(self, features: Any) -> Centers:
        features = self._framed(features)
        return Centers(features, _squared_norms(features))


def distance_to_nearest(X: Any, centers: Any) -> Any:
    """Euclidean distance from each row to the nearest center.

    How far a row is from everything seen so far: the score of the k-center strategy.
    In high dimensions without structure all distances are nearly equal, and this says
    little.

    O(n m d) time in matrix products; O(n + m d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    centers : array-like, sparse matrix or tensor of shape (m, d)
        The centers; sparse only if ``X`` is. May have no rows.

    Returns
    -------
    ndarray or tensor of shape (n,)
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
    return rows.xp.sqrt(rows.squared_to_nearest(rows.centers(centers, "centers")))


def _is_sparse(table: Any) -> bool:
    return sparse.issparse(table)


def _squared_norms(features: Any) -> Any:
    if _is_sparse(features):
        return features.multiply(features).sum(axis=1)
    return namespace(features).einsum("ij,ij->i", features, features)


def _factor(centers: Centers) -> Any:
    factor = (-2 * centers.features).T
    return factor.tocsr() if _is_sparse(factor) else factor


def _product(features: Any, factor: Any) -> Any:
    product = features @ factor
    return product.toarray() if _is_sparse(product) else product
