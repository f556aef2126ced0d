"""What a set function knows of the set so far, and what a row would add to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config

from skal.functional._arrays import row_chunks, to_numpy
from skal.submodular._points import chunks
from skal.submodular._similarity import Similarity

_CELLS_AT_ONCE = 2**17


class State:
    """A set that grows, and the gains of the rows that it may grow by.

    Attributes
    ----------
    n : int
        Rows of the pool.
    relevance : ndarray of shape (n,) or None
        What to go by when no row adds anything.
    bounded : bool
        Whether gains never grow, and asking for few costs less than asking for all.
    constant : bool
        Whether gains never change.
    batch : int
        How many rows to ask for at once, at first.
    """

    bounded = False
    constant = False
    batch = 32
    relevance: Any = None

    def __init__(self, n: int) -> None:
        self.n = n

    def gains(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what each of some rows would add."""
        raise NotImplementedError

    def add(self, j: int) -> None:
        """Take a row into the set."""
        raise NotImplementedError


class Coverage(State):
    """Each row of a set is served by the member most similar to it.

    ``sum_i max(0, max_{j in A} s'_ij)`` with ``s'_ij = max(min(s_ij, c_i) - d_i, 0)``,
    and a value of its own for each member.

    Parameters
    ----------
    similarity : Similarity
    served : {"U", "Q"}
        The rows i.
    cap, floor : arrays (rows served,) or None
        ``c_i`` and ``d_i``.
    own : array of shape (n,) or None
        What a member is worth by itself.
    relevance : array of shape (n,) or None
    """

    bounded = True

    def __init__(
        self,
        similarity: Similarity,
        served: str = "U",
        *,
        cap: Any = None,
        floor: Any = None,
        own: Any = None,
        relevance: Any = None,
    ) -> None:
        super().__init__(similarity.n)
        self.similarity, self.served, self.xp = similarity, served, similarity.xp
        self.cap, self.floor, self.relevance = cap, floor, relevance
        self.own = np.zeros(self.n) if own is None else np.asarray(own, np.float64)
        width = (similarity.n_query or 0) if served == "Q" else similarity.n
        self.best, self.started = similarity.vector(np.zeros(width)), False
        self.columns = _Columns(self.n, width, similarity)

    def make(self, rows: Any) -> Any:
        """Return transformed similarities (rows, served)."""
        xp, block = self.xp, self.similarity.columns(self.served, rows)
        if self.cap is not None:
            block = xp.minimum(block, self.cap)
        if self.floor is not None:
            block -= self.floor
        return block

    def gains(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what each of some rows would add."""
        gains = self.own[rows].copy()
        for part in chunks(len(rows), len(self.best)):
            view = gains[part]
            for places, table, slots in self.columns.take(rows[part], self.make):
                view[places] += self._above_best(table, slots)
        return gains

    def _above_best(self, table: Any, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Sum what lies above the best so far, a few columns at a time."""
        sums, width = np.empty(len(slots)), len(self.best)
        size = min(len(slots), max(1, _CELLS_AT_ONCE // max(1, width)))
        room, ones = self.similarity.empty((size, width)), self.xp.ones_like(self.best)
        for part in row_chunks(len(slots), size):
            over = _rows_into(room, table, slots[part])
            if self.started:
                over -= self.best
            sums[part] = to_numpy(_positive_part(over) @ ones)
        return sums

    def add(self, j: int) -> None:
        """Take a row into the set."""
        [(_, table, slots)] = self.columns.take(np.array([j]), self.make)
        self.best = self.xp.maximum(self.best, table[slots[0]])
        self.started = True


def _rows_into(room: Any, table: Any, rows: NDArray[np.intp]) -> Any:
    """Copy rows of a table, into memory that is there already where that is NumPy's."""
    if isinstance(table, np.ndarray):
        return np.take(table, rows, axis=0, out=room[: len(rows)], mode="clip")
    return table[rows]


def _positive_part(values: Any) -> Any:
    """Put 0 in the place of what is below, in place."""
    if isinstance(values, np.ndarray):
        return np.maximum(values, 0, out=values)
    return values.clamp_(min=0)


class _Columns:
    """Columns of similarities; the first stay, as half of `working_memory` takes them.

    To let the last ones stay is worse: greedy comes back to a column when it has been
    through all others.
    """

    def __init__(self, n: int, width: int, similarity: Similarity) -> None:
        row_bytes = max(1, width) * (4 if similarity.single else 8)
        limit = int(get_config()["working_memory"] * 2**19)
        self.slot_of, self.n_used = np.full(n, -1, np.intp), 0
        self.values = similarity.empty((min(n, limit // row_bytes), width))

    def take(
        self, rows: NDArray[np.intp], make: Any
    ) -> list[tuple[NDArray[np.intp], Any, NDArray[np.intp]]]:
        """Return which of some rows are in which table of columns, and where in it."""
        missing = np.flatnonzero(self.slot_of[rows] < 0)
        if self.n_used + len(missing) <= len(self.values):
            self._keep(rows[missing], make)
            return [(np.arange(len(rows)), self.values, self.slot_of[rows])]
        kept = np.flatnonzero(self.slot_of[rows] >= 0)
        found = [(missing, make(rows[missing]), np.arange(len(missing)))]
        if len(kept):
            found.append((kept, self.values, self.slot_of[rows[kept]]))
        return found

    def _keep(self, rows: NDArray[np.intp], make: Any) -> None:
        if len(rows):
            slots = slice(self.n_used, self.n_used + len(rows))
            self.values[slots] = make(rows)
            self.slot_of[rows] = np.arange(slots.start, slots.stop)
            self.n_used = slots.stop


class Quadratic(State):
    """Values of rows by themselves, and of pairs.

    ``sum_{j in A} linear_j - weight * sum_{i != j in A} s_ij``, pairs counted once in
    each order.
    """

    def __init__(self, similarity: Similarity, linear: Any, weight: float) -> None:
        super().__init__(similarity.n)
        self.similarity, self.weight = similarity, weight
        self.bounded = self.constant = weight == 0
        self.current = np.array(linear, np.float64)

    def gains(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return self.current[rows]

    def add(self, j: int) -> None:
        if self.weight:
            self.current -= self.weight * to_numpy(self.similarity.pairs(j))


class Dispersed(Quadratic):
    """Values of rows by themselves, and the dissimilarities of pairs, each once."""

    def add(self, j: int) -> None:
        alike = to_numpy(self.similarity.pairs(j)) / 2
        self.current += self.weight * (1 - alike)
