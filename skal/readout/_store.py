"""The rows of one reading that are known already."""

import numpy as np
import scipy.sparse as sp

from skal.containers import as_index, take


class Store:
    """Values of rows of a pool, in the order in which they came.

    Rows read together are handed out as a view. Where the values are the pool's own
    memory (a plain classifier's features), nothing is stored at all.
    """

    def __init__(self, n):
        self._slot = np.full(n, -1, dtype=np.intp)
        self._values = None
        self._blocks = []
        self._count = 0
        self._in_place = False

    @classmethod
    def of(cls, values):
        """Store values of all rows, in the order of the pool."""
        store = cls(0)
        store._values = values
        store._slot = None
        store._in_place = True
        return store

    @property
    def partial(self):
        """Whether rows may lack."""
        return self._slot is not None

    def lacks(self, positions):
        """Mask of the positions that are not known."""
        return self._slot[as_index(positions)] < 0

    def add(self, positions, block, rows, X):
        """Take in values of rows that were lacking; `rows` of X are what was read."""
        if _same_memory(block, rows) and self._count == 0:
            self._values, self._in_place = X, True
            self._slot[positions] = positions
            return
        if self._in_place:
            self._move_out()
        start, self._count = self._count, self._count + len(positions)
        self._slot[positions] = np.arange(start, self._count)
        if sp.issparse(block):
            self._blocks.append(block)
            return
        if self._values is None:  # memory is taken page by page, as it is written
            shape = (len(self._slot), *block.shape[1:])
            self._values = np.empty(shape, dtype=block.dtype)
        self._values[start : self._count] = block

    def _move_out(self):
        """Leave the pool's memory: not all values are the pool's own after all."""
        known = np.flatnonzero(self._slot >= 0)
        values = take(self._values, known)
        self._values, self._in_place = None, False
        self._slot[known] = -1
        self.add(known, values, None, None)

    def take(self, positions):
        """Values at ascending positions that are known."""
        if self._blocks:
            old = [] if self._values is None else [self._values]
            self._values, self._blocks = sp.vstack(old + self._blocks, "csr"), []
        if self._in_place:
            return take(self._values, positions)
        slots = self._slot[as_index(positions)]
        ascending = (np.diff(slots) > 0).all()
        return take(self._values, slots) if ascending else self._values[slots]


def _same_memory(block, rows):
    if block is rows:
        return True
    plain = isinstance(block, np.ndarray) and isinstance(rows, np.ndarray)
    return (
        plain
        and all(
            getattr(block, name) == getattr(rows, name)
            for name in ("shape", "dtype", "strides")
        )
        and block.ctypes.data == rows.ctypes.data
    )
