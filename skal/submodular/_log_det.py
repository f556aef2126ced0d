"""What the determinant of similarities grows by: variances given the rows so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skal.functional._arrays import row_chunks, to_numpy
from skal.submodular._similarity import Similarity
from skal.submodular._states import State

_MOST_FEATURES = 4096  # of which a square matrix is kept
_CHUNK_ROWS = 4096


def not_positive(where: str) -> str:
    """Say that a matrix of similarities is no covariance, and what to do."""
    return (
        f"the similarities {where}, as eta and nu scale them, are not positive "
        f"definite: reduce eta or nu, raise lambda_, or give double precision."
    )


class Beside:
    """Sets beside the pool that are conditioned on.

    Parameters
    ----------
    similarity : Similarity
    scales : dict of str to float
        "Q", "P" or both, and by what their similarity to the pool is multiplied. Sets
        without rows are left out.
    lambda_ : float
        Added to the diagonal.
    """

    def __init__(
        self, similarity: Similarity, scales: dict[str, float], lambda_: float
    ) -> None:
        sizes = {"Q": similarity.n_query, "P": similarity.n_private}
        self.similarity = similarity
        self.scales = {name: scale for name, scale in scales.items() if sizes[name]}
        self.whitener = np.empty((0, 0))
        if self.scales:
            blocks = [
                [similarity.block(a, b) for b in self.scales] for a in self.scales
            ]
            kernel = np.block([[to_numpy(block) for block in row] for row in blocks])
            kernel = kernel.astype(np.float64) + lambda_ * np.eye(len(kernel))
            try:
                self.whitener = np.linalg.inv(np.linalg.cholesky(kernel))
            except np.linalg.LinAlgError:
                raise ValueError(not_positive("beside the pool")) from None

    def whitened(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what is known of pool rows, (size of the sets, rows)."""
        if not self.scales:
            return np.empty((0, len(rows)))
        blocks = [
            scale * to_numpy(self.similarity.columns(name, rows)).astype(np.float64)
            for name, scale in self.scales.items()
        ]
        return self.whitener @ np.concatenate(blocks, axis=1).T


class Variances:
    """Variance of each pool row given some others, that grow one by one.

    Attributes
    ----------
    left : ndarray of shape (n,), double precision
    before : ndarray of shape (n,)
        The same given nothing.
    """

    def __init__(self, similarity: Similarity, beside: Beside, lambda_: float) -> None:
        self.similarity, self.n = similarity, similarity.n
        self.before = to_numpy(similarity.diagonal()).astype(np.float64) + lambda_
        self.left = self.before.copy()
        for rows in row_chunks(self.n, _CHUNK_ROWS):
            known = beside.whitened(np.arange(rows.start, rows.stop))
            self.left[rows] -= (known**2).sum(axis=0)
        vectors = similarity.linear()
        lean = vectors is not None and vectors.size <= _MOST_FEATURES
        kind = _Lean if lean else _Columns
        self.covariances = kind(similarity, beside)

    def add(self, j: int) -> None:
        """Condition on one more row."""
        with_j, variance = self.covariances.of(j), self.left[j]
        self.covariances.add(variance)
        scaled = with_j / np.sqrt(variance)
        self.left -= scaled**2


class _Lean:
    """Covariances by vectors whose inner products are the similarities."""

    def __init__(self, similarity: Similarity, beside: Beside) -> None:
        self.vectors = similarity.linear()
        self.matrix = np.eye(self.vectors.size)
        if beside.scales:
            known = [
                scale * similarity.linear(name).rows()
                for name, scale in beside.scales.items()
            ]
            known = beside.whitener @ np.concatenate(known)
            self.matrix -= known.T @ known

    def of(self, j: int) -> NDArray[np.float64]:
        self.last = self.matrix @ self.vectors.rows(j)[0]
        return self.vectors.times(self.last)

    def add(self, variance: float) -> None:
        self.matrix -= np.outer(self.last, self.last) / variance


class _Columns:
    """Covariances by columns of similarities and those of the rows so far."""

    def __init__(self, similarity: Similarity, beside: Beside) -> None:
        self.similarity = similarity
        self.known = beside.whitened(np.arange(similarity.n))
        self.size = len(self.known)

    def of(self, j: int) -> NDArray[np.float64]:
        column = to_numpy(self.similarity.columns("U", np.array([j]))[0])
        known = self.known[: self.size]
        self.last = column.astype(np.float64) - known.T @ known[:, j]
        return self.last

    def add(self, variance: float) -> None:
        if self.size == len(self.known):
            grown = np.empty((max(16, 2 * self.size), self.known.shape[1]))
            grown[: self.size] = self.known
            self.known = grown
        self.known[self.size] = self.last / np.sqrt(variance)
        self.size += 1


class LogDet(State):
    """Logarithm of a variance, less that of the variance given more.

    Parameters
    ----------
    variances : Variances
    given_more : Variances or None
    """

    def __init__(
        self, variances: Variances, given_more: Variances | None = None
    ) -> None:
        super().__init__(variances.n)
        self.variances, self.given_more = variances, given_more
        self.taken = np.zeros(self.n, dtype=bool)
        tolerance = 1e-4 if variances.similarity.single else 1e-9
        self.slack = tolerance * variances.before
        self._check()

    def gains(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what each of some rows would add."""
        if self.given_more is None:
            return np.log(self.variances.left[rows])
        return np.log(self.variances.left[rows] / self.given_more.left[rows])

    def add(self, j: int) -> None:
        """Take a row into the set."""
        self.variances.add(j)
        if self.given_more is not None:
            self.given_more.add(j)
        self.taken[j] = True
        self._check()

    def _check(self) -> None:
        free = ~self.taken
        all_left = [self.variances.left]
        if self.given_more is not None:
            all_left.append(self.given_more.left)
            more = all_left[1] - all_left[0] > self.slack
            if (more & free).any():
                raise ValueError(not_positive("of the pool and the sets beside it"))
        if any((left[free] <= 0).any() for left in all_left):
            raise ValueError(not_positive("of the pool and the sets beside it"))
