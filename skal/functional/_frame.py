"""A table of features to measure distances in."""

from typing import Any

import numpy as np
from scipy import sparse

from ._arrays import floating_dtype, namespace
from ._tables import cast, inner_products, is_sparse, squared_norms, working_dtype

_RESOLUTION = 32


class Frame:
    """A table seen from the mean of its rows, or from the origin where it is sparse.

    Attributes
    ----------
    X : CSR array, array or tensor of shape (n, d), as it came
    xp : module, its namespace
    dtype : what distances are computed in
    """

    def __init__(self, X: Any) -> None:
        self.X, self.xp, self.dtype = X, namespace(X), working_dtype(X)
        self._eps = float(np.finfo(floating_dtype(X.dtype)).eps)
        seen_from_mean = not is_sparse(X) and len(X)
        self._shift = X.mean(axis=0, dtype=self.dtype) if seen_from_mean else None

    def at(self, rows: Any) -> Any:
        """Return rows of the table in the frame."""
        return self.put(self.X[rows])

    def put(self, block: Any) -> Any:
        """Bring points into the frame."""
        block = cast(block, self.dtype)
        return block if self._shift is None else block - self._shift

    def back(self, block: Any) -> Any:
        """Return points of the frame to where the table is."""
        return block if self._shift is None else block + self._shift

    def squared(self, block: Any, others: Any) -> Any:
        """Squared distances (b, m) in the frame; what is rounding noise counts as 0."""
        products = inner_products(block, others)
        norms, scale = squared_norms(others), squared_norms(block)[:, None]
        products *= -2
        products += norms
        products += scale
        products *= products > _RESOLUTION * self._eps * (scale + norms)
        return products


def stacked(*tables: Any) -> Any:
    """Return the rows of several tables of one kind, one after another."""
    tables = tuple(table for table in tables if table is not None and table.shape[0])
    if len(tables) == 1:
        return tables[0]
    if is_sparse(tables[0]):
        return sparse.csr_array(sparse.vstack(tables))
    return namespace(*tables).concat(tables)
