"""What the determinant of similarities grows by: variances given the rows so far."""

from __future__ import annotations

from typing import Any

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
    """Variances of pool rows given sets beside the pool, and rows of it, one by one.

    Parameters
    ----------
    similarity : Similarity
    besides : list of Beside
        Of each the variances given it are kept.
    lambda_ : float
        Added to the diagonal.

    Attributes
    ----------
    left : ndarray of shape (len(besides), n), double precision
    before : ndarray of shape (n,)
        The same given nothing.
    """

    def __init__(
        self, similarity: Similarity, besides: list[Beside], lambda_: float
    ) -> None:
        self.before = to_numpy(similarity.diagonal()).astype(np.float64) + lambda_
        self.left = np.stack([_given(beside, self.before) for beside in besides])
        kind = _Lean if is_lean(similarity) else _Columns
        self.covariances = kind(similarity, besides)

    def add(self, j: int) -> None:
        """Condition on one more row."""
        with_j, variances = self.covariances.of(j), self.left[:, j].copy()
        self.covariances.add(variances)
        with_j /= np.sqrt(variances)[:, None]
        self.left -= np.square(with_j, out=with_j)


def _given(beside: Beside, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variances of all pool rows given the sets beside it."""
    left = before.copy()
    if beside.scales:
        for rows in row_chunks(len(left), _CHUNK_ROWS):
            known = beside.whitened(np.arange(rows.start, rows.stop))
            left[rows] -= (known**2).sum(axis=0)
    return left


def is_lean(similarity: Similarity) -> bool:
    """Tell whether similarities are inner products of vectors that are not too long."""
    vectors = similarity.linear()
    return vectors is not None and vectors.size <= _MOST_FEATURES


class _Lean:
    """Covariances by vectors whose inner products are the similarities."""

    def __init__(self, similarity: Similarity, besides: list[Beside]) -> None:
        self.vectors = similarity.linear()
        self.rests = [_Rest(similarity, beside) for beside in besides]

    def of(self, j: int) -> NDArray[np.float64]:
        vector = self.vectors.rows(j)[0]
        self.last = np.stack([rest.of(vector) for rest in self.rests])
        return self.vectors.times(self.last)

    def add(self, variances: NDArray[np.float64]) -> None:
        for rest, last, variance in zip(self.rests, self.last, variances, strict=True):
            rest.add(last / np.sqrt(variance))


class _Rest:
    """What is left of vectors when the part that others explain is taken out.

    Attributes
    ----------
    known : ndarray of shape (n_known, size)
        ``x - known.T @ (known @ x)`` is left of x.
    """

    def __init__(self, similarity: Similarity, beside: Beside) -> None:
        size = similarity.linear().size
        self._rows = np.empty((0, size))
        if beside.scales:
            sets = [
                scale * similarity.linear(name).rows()
                for name, scale in beside.scales.items()
            ]
            self._rows = beside.whitener @ np.concatenate(sets)
        self.n_known = len(self._rows)

    @property
    def known(self) -> NDArray[np.float64]:
        return self._rows[: self.n_known]

    def of(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return vector - self.known.T @ (self.known @ vector)

    def add(self, vector: NDArray[np.float64]) -> None:
        self._rows = _with_room(self._rows, self.n_known)
        self._rows[self.n_known] = vector
        self.n_known += 1


class _Columns:
    """Covariances by columns of similarities and those of the rows so far."""

    def __init__(self, similarity: Similarity, besides: list[Beside]) -> None:
        self.similarity = similarity
        self.known = [beside.whitened(np.arange(similarity.n)) for beside in besides]
        self.sizes = [len(known) for known in self.known]

    def of(self, j: int) -> NDArray[np.float64]:
        column = to_numpy(self.similarity.columns("U", np.array([j]))[0])
        tables = zip(self.known, self.sizes, strict=True)
        known = [table[:size] for table, size in tables]
        self.last = column - np.stack([table.T @ table[:, j] for table in known])
        return self.last

    def add(self, variances: NDArray[np.float64]) -> None:
        for number, variance in enumerate(variances):
            size = self.sizes[number]
            self.known[number] = _with_room(self.known[number], size)
            self.known[number][size] = self.last[number] / np.sqrt(variance)
            self.sizes[number] += 1


def _with_room(table: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return a table of which the first rows are used, with room for one more."""
    if size < len(table):
        return table
    grown = np.empty((max(16, 2 * size), table.shape[1]))
    grown[:size] = table
    return grown


class LogDet(State):
    """Logarithm of a variance, less that of the variance given more.

    Parameters
    ----------
    variances : Variances
        Of the one, or of both.
    slack : float
        Part of a variance by which rounding can make it grow.
    """

    def __init__(self, variances: Variances, slack: float) -> None:
        super().__init__(len(variances.before))
        self.variances, self.slack = variances, slack * variances.before
        self.taken = np.zeros(self.n, dtype=bool)
        self._check()

    def gains(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what each of some rows would add."""
        left = self.variances.left[:, rows]
        return np.log(left[0] if len(left) == 1 else left[0] / left[1])

    def add(self, j: int) -> None:
        """Take a row into the set."""
        self.variances.add(j)
        self.taken[j] = True
        self._check()

    def _check(self) -> None:
        left = self.variances.left
        grown = left[1:] - left[0] > self.slack
        if (((left <= 0) & ~self.taken).any()) or (grown & ~self.taken).any():
            raise ValueError(not_positive("of the pool and the sets beside it"))


class LazyLogDet(State):
    """Logarithm of a variance, of some rows at a time.

    For vectors whose similarities are surely a covariance. A row that is asked for
    catches up with the rows that were added since it was.

    Parameters
    ----------
    similarity : Similarity
    beside : Beside
    lambda_ : float
    """

    bounded = True
    batch = 128

    def __init__(self, similarity: Similarity, beside: Beside, lambda_: float) -> None:
        super().__init__(similarity.n)
        before = to_numpy(similarity.diagonal()).astype(np.float64) + lambda_
        self.left = _given(beside, before)
        self.vectors, self.rest = similarity.linear(), _Rest(similarity, beside)
        self.n_known = np.full(self.n, self.rest.n_known)  # by each row

    def gains(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what each of some rows would add."""
        for part in row_chunks(len(rows), _CHUNK_ROWS):
            self._catch_up(part if len(rows) == self.n else rows[part])
        left = self.left[rows]
        if (left <= 0).any():
            raise ValueError(not_positive("of the pool and the sets beside it"))
        return np.log(left)

    def _catch_up(self, rows: Any) -> None:
        known, n_known = self.n_known[rows], self.rest.n_known
        first = int(known.min())
        if first < n_known:
            explained = self.vectors.times(self.rest.known[first:], rows)
            explained[np.arange(first, n_known)[:, None] < known] = 0
            np.square(explained, out=explained)
            self.left[rows] -= explained.sum(axis=0, dtype=np.float64)
            self.n_known[rows] = n_known

    def add(self, j: int) -> None:
        """Take a row into the set."""
        [gain] = self.gains(np.array([j]))
        vector = self.rest.of(self.vectors.rows(j)[0])
        self.rest.add(vector / np.exp(gain / 2))
