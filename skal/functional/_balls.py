"""Which rows lie in the balls of which."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._arrays import (
    as_array,
    floating_dtype,
    namespace,
    positions_where,
    row_chunks,
    to_numpy,
)
from ._frame import Frame
from ._tables import inner_products, squared_norms

_CHUNK_CELLS = 2**23
_MAX_PAIRS = 2**23


class Balls:
    """Which rows lie in the balls of which, and how many of them nothing covers yet.

    Distances are symmetric, so with the uncovered rows first, each of them is measured
    from itself onward only.

    Attributes
    ----------
    uncovered : ndarray of bool of shape (n,)
    degree : ndarray of int of shape (n,), uncovered rows in the ball of each row
    """

    def __init__(self, X: Any, radius: float, covered: NDArray[np.bool_]) -> None:
        self.order = np.argsort(covered, kind="stable")
        self.rank = np.argsort(self.order)
        self.rows = Frame(X).at(as_array(self.order, namespace(X), like=X))
        largest = float(np.finfo(floating_dtype(X.dtype)).max)
        self.half = squared_norms(self.rows) / 2 - min(radius * radius, largest) / 4
        self.uncovered = ~covered
        self.degree = np.zeros(len(covered), np.int64)
        self.adjacency = self._measure()

    def neighbors(self, positions: NDArray[np.intp]) -> Iterator[NDArray[Any]]:
        """Yield the rows in the balls of some rows, those of a few balls at a time.

        Covered ones are left out of the balls of rows that were covered at first.
        """
        if self.adjacency is not None:
            yield self.adjacency[positions].indices
            return
        for part in row_chunks(len(positions), self._chunk_rows()):
            yield self._pairs(self.rank[positions[part]])[1]

    def cover(self, row: int) -> None:
        """Count the ball of a row as covered."""
        for ball in self.neighbors(np.array([row])):
            new = ball[self.uncovered[ball]]
            self.uncovered[new] = False
            for balls in self.neighbors(new):
                self.degree -= self._counts(balls)

    def _measure(self) -> Any:
        """Count degrees; return the pairs as a matrix unless they are too many."""
        left, right, n_pairs = [], [], 0
        n_uncovered = int(self.uncovered.sum())
        for rows in row_chunks(n_uncovered, self._chunk_rows()):
            i, j = self._pairs(np.arange(rows.start, rows.stop), rows.start)
            once = self.rank[j] >= self.rank[i]
            i, j = i[once], j[once]
            self.degree += self._counts(j)
            both = self.uncovered[j] & (i != j)
            self.degree += self._counts(i[both])
            n_pairs += len(i)
            if n_pairs <= _MAX_PAIRS:
                left += [i, j[i != j]]
                right += [j, i[i != j]]
        if n_pairs > _MAX_PAIRS or not left:
            return None
        i, j = np.concatenate(left), np.concatenate(right)
        n, ones = len(self.order), np.ones(len(i), np.int8)
        return sparse.csr_array((ones, (i, j)), shape=(n, n))

    def _pairs(
        self, ranks: NDArray[np.intp], start: int = 0
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Positions of some rows, and of the rows from one rank on in their balls."""
        rows = as_array(ranks, namespace(self.half), like=self.half)
        products = inner_products(self.rows[rows], self.rows[start:])
        products -= self.half[start:]
        near = products > self.half[rows][:, None]
        cells = to_numpy(positions_where(near.reshape(-1)))
        i, j = np.divmod(cells, len(self.order) - start)
        order = self.order.astype(np.int32)
        return order[ranks[i]], order[start + j]

    def _counts(self, positions: NDArray[Any]) -> NDArray[np.intp]:
        return np.bincount(positions, minlength=len(self.order))

    def _chunk_rows(self) -> int:
        return max(16, _CHUNK_CELLS // len(self.order))
