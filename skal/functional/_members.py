"""The members of a cluster and their neighbors among each other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, device_of, row_chunks, to_numpy
from ._frame import Frame, squared_distances

_CHUNK_CELLS = 2**22
_ALMOST_ZERO = 1e-5
_SPARE_NEIGHBORS = 2


class Members:
    """The rows of a cluster that are left, and their nearest neighbors among them.

    More neighbors are listed than are asked for, so that few rows have to be measured
    anew when others are taken away.
    """

    def __init__(self, X: Any, n_neighbors: int, squared: bool) -> None:
        n = X.shape[0]
        shape = n, max(0, min(n - 1, _SPARE_NEIGHBORS * n_neighbors))
        self.frame, self.squared = Frame(X), squared
        self.left = np.ones(n, bool)
        self.near, self.far = np.full(shape, n), np.zeros(shape)

    def typicality(self, n_neighbors: int) -> NDArray[Any]:
        """Return the typicality of each row among the rows left."""
        short = self._present().sum(axis=1) < n_neighbors
        self._measure(np.flatnonzero(short & self.left))
        present = self._present()
        present &= present.cumsum(axis=1) <= n_neighbors
        mean = (self.far * present).sum(axis=1) / max(1, n_neighbors)
        return 1 / (mean + _ALMOST_ZERO)

    def _present(self) -> NDArray[np.bool_]:
        """Tell which of the listed neighbors are left."""
        return np.append(self.left, False)[self.near]

    def _measure(self, rows: NDArray[np.intp]) -> None:
        """List the neighbors of some rows among those left, the nearest first."""
        if len(rows) == 0:
            return
        others = np.flatnonzero(self.left)
        width = min(len(others) - 1, self.near.shape[1])
        to = self._at(others)
        for part in row_chunks(len(rows), max(16, _CHUNK_CELLS // len(others))):
            squared = squared_distances(self._at(rows[part]), to)
            itself = np.searchsorted(others, rows[part])
            squared[np.arange(len(itself)), itself] = np.inf
            far, near = _smallest(squared, width)
            self.near[rows[part]], self.far[rows[part]] = len(self.left), 0
            self.near[rows[part], :width] = others[near]
            self.far[rows[part], :width] = far if self.squared else np.sqrt(far)

    def _at(self, rows: NDArray[np.intp]) -> Any:
        return self.frame.at(as_array(rows, self.frame.xp, like=self.frame.X))


def _smallest(values: Any, k: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the k smallest values of each row, the smallest first, and their columns.

    Of equal values any may come: what is made of them is the same.
    """
    if device_of(values) is not None:
        smallest = values.topk(k, largest=False)
        return to_numpy(smallest.values), to_numpy(smallest.indices)
    columns = np.argpartition(values, k - 1, axis=1)[:, :k]
    chosen = np.take_along_axis(values, columns, axis=1)
    order = np.argsort(chosen, axis=1)
    return (
        np.take_along_axis(chosen, order, axis=1),
        np.take_along_axis(columns, order, axis=1),
    )
