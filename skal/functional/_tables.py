"""Tables of features, dense or sparse, of NumPy or torch: what kernels do with rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._arrays import as_array, floating_dtype, namespace, to_numpy


@dataclass(frozen=True)
class Outer:
    """Outer products (n, c d) of the rows of two tables, (n, c) and (n, d).

    They are never formed: what is done with them is done factor by factor.
    """

    left: Any
    right: Any

    def __getitem__(self, rows: Any) -> "Outer":
        return Outer(self.left[rows], self.right[rows])

    @property
    def shape(self) -> tuple[int, int]:
        """How many outer products there are, and how many entries each has."""
        return len(self.left), self.left.shape[1] * self.right.shape[1]


def is_sparse(table: Any) -> bool:
    """Tell whether a table is one of SciPy's sparse kinds."""
    return bool(sparse.issparse(table))


def as_table(values: Any, name: str, like: Any = None) -> Any:
    """Return a CSR array, an array or a tensor with two dimensions, not copied.

    With ``like``, a table of its kind, on its device and with as many columns.
    """
    if is_sparse(values if like is None else like):
        table = sparse.csr_array(values)
    else:
        xp = namespace(values if like is None else like)
        table = as_array(values, xp, like=like)
    if like is None and table.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {table.ndim}.")
    if like is not None and table.shape[1:] != like.shape[1:]:
        rule = f"shape (m, {like.shape[1]})" if table.ndim == 2 else "2 dimensions"
        raise ValueError(
            f"{name} must have {rule}, as many columns as X, got {tuple(table.shape)}."
        )
    return table


def working_dtype(table: Any) -> Any:
    """Return the dtype to compute in, float32 or float64, of its own namespace."""
    return getattr(namespace(table), floating_dtype(table.dtype).name)


def cast(block: Any, dtype: Any) -> Any:
    """Return rows of a table in another precision, the same object where it has it."""
    if isinstance(block, Outer):
        return Outer(cast(block.left, dtype), cast(block.right, dtype))
    if is_sparse(block):
        return block.astype(dtype, copy=False)
    return namespace(block).astype(block, dtype, copy=False)


def squared_norms(block: Any) -> Any:
    """Return the squared length of each row, (n,)."""
    if isinstance(block, Outer):
        return squared_norms(block.left) * squared_norms(block.right)
    if is_sparse(block):
        return block.multiply(block).sum(axis=1)
    return namespace(block).einsum("ij,ij->i", block, block)


def unit_rows(block: Any) -> Any:
    """Return the rows divided by their lengths; rows of zeros stay as they are."""
    xp = namespace(block)
    lengths = xp.sqrt(squared_norms(block))
    lengths = xp.where(lengths > 0, lengths, xp.ones_like(lengths))
    if is_sparse(block):
        return sparse.csr_array(block.multiply(1 / lengths[:, None]))
    return block / lengths[:, None]


def inner_products(block: Any, others: Any) -> Any:
    """Return the inner products of the rows of two tables, dense, (n, m)."""
    if isinstance(block, Outer):
        products = inner_products(block.right, others.right)
        products *= inner_products(block.left, others.left)
        return products
    products = block @ others.T
    return products.toarray() if is_sparse(products) else products


def groups(codes: Any) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each code that occurs, ascending, with the positions that hold it."""
    codes = to_numpy(codes)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(codes) else ():
        yield int(codes[rows[0]]), rows
