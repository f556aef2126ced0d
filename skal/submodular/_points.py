"""Where similarities come from: points that are compared, or given matrices."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse

from skal.functional._arrays import as_array, namespace, row_chunks, to_numpy
from skal.functional._tables import (
    Outer,
    as_table,
    cast,
    inner_products,
    squared_norms,
    working_dtype,
)

_CHUNK_ROWS, _SMALL = 4096, 1e-12
METRICS = ("cosine", "shifted", "dot", "rbf")
SETS = {"U": "X", "Q": "query", "P": "private"}


class Points:
    """Rows of features or factored gradients, compared where they are asked for.

    Parameters
    ----------
    sets : dict of str to table or Outer
        "U", the pool, and maybe "Q" and "P".
    metric : {"cosine", "shifted", "dot", "rbf"}
    """

    def __init__(self, sets: dict[str, Any], metric: str) -> None:
        if metric not in METRICS:
            raise ValueError(f"metric is {metric!r}: give one of {list(METRICS)}.")
        self.sets, self.metric = dict(sets), metric
        like = sets["U"].right if isinstance(sets["U"], Outer) else sets["U"]
        self.xp, self.dtype, self.like = namespace(like), working_dtype(like), like
        self._norms, self._scales, self._tame, self._center = {}, {}, {}, None
        for name, table in sets.items():
            norms, self._tame[name] = self._squared(table, SETS[name])
            if metric == "rbf":
                self.sets[name], norms = self._centered(table, norms)
            self._norms[name] = self.xp.astype(norms, self.dtype)
            self._scales[name] = self.xp.astype(self._scale(norms), self.dtype)

    def _squared(self, table: Any, name: str) -> tuple[Any, bool]:
        """Squared lengths of rows, checked; and whether they are of a usual size.

        In single precision the squares of what confident models leave are 0: then all
        are computed in double precision.
        """
        xp = self.xp
        norms = squared_norms(cast(table, self.dtype))
        usual = (norms > _SMALL) & (norms < 1 / _SMALL)  # not where they are NaN
        if bool(xp.all(usual)):
            return norms, True
        parts = [
            squared_norms(cast(table[rows], xp.float64))
            for rows in row_chunks(table.shape[0], _CHUNK_ROWS)
        ]
        norms = xp.concat(parts)
        fits = norms <= float(xp.finfo(self.dtype).max)
        if not bool(xp.all(fits)):
            row = int(xp.argmin(xp.astype(fits, xp.int8)))
            raise ValueError(
                f"{name} holds NaN, infinity or too large a number in row {row}."
            )
        return norms, False

    def _centered(self, table: Any, norms: Any) -> tuple[Any, Any]:
        """Move dense rows to the pool's mean, where distances lose no digits."""
        if isinstance(table, Outer) or sparse.issparse(table):
            return table, norms
        if self._center is None:
            double = self.xp.astype(table, self.xp.float64, copy=False)
            self._center = self.xp.mean(double, axis=0)  # of the pool, the first set
        moved = cast(table, self.dtype) - self.xp.astype(self._center, self.dtype)
        return moved, squared_norms(moved)

    def _scale(self, norms: Any) -> Any:
        """Inverse lengths; zero for rows of zeros, which are like nothing."""
        lengths = self.xp.sqrt(norms)
        positive = lengths > float(self.xp.finfo(self.dtype).tiny)
        safe = self.xp.where(positive, lengths, self.xp.ones_like(lengths))
        return self.xp.where(positive, 1 / safe, self.xp.zeros_like(lengths))

    def vector(self, values: Any) -> Any:
        """Return an array of the points' kind and precision."""
        return self.xp.astype(as_array(values, self.xp, like=self.like), self.dtype)

    def sizes(self) -> dict[str, int]:
        """Return how many rows each set has."""
        return {name: int(table.shape[0]) for name, table in self.sets.items()}

    def block(self, left: str, right: str, rows: Any, columns: Any) -> Any:
        """Similarities of some rows of one set to some of another."""
        rows, columns = _as_slice(rows), _as_slice(columns)
        table = cast(self.sets[left][rows], self.dtype)
        others = cast(self.sets[right][columns], self.dtype)
        if self.metric == "rbf":
            return self._rbf(inner_products(table, others), left, right, rows, columns)
        if self.metric == "dot":
            return inner_products(table, others)
        scales = self._scales[left][rows][:, None]
        late = (
            others.shape[0] < table.shape[1] and self._tame[left] and self._tame[right]
        )
        if late:  # fewer numbers, and none that is too large or too small
            products = inner_products(table, others)
            products *= scales
        else:
            products = inner_products(_scaled(table, scales), others)
        products *= self._scales[right][columns]
        return shifted(products) if self.metric == "shifted" else products

    def _rbf(
        self, products: Any, left: str, right: str, rows: Any, columns: Any
    ) -> Any:
        products *= -2
        products += self._norms[left][rows][:, None]
        products += self._norms[right][columns]
        products = self.xp.clip(products, 0, None)
        return self.xp.exp(products / -self.sets["U"].shape[1])

    def diagonal(self, name: str) -> Any:
        """Similarity of each row of a set to itself."""
        norms = self._norms[name]
        if self.metric == "dot":
            return self.xp.asarray(norms, copy=True)
        if self.metric == "rbf":
            return self.xp.ones_like(norms)
        cosines = self.xp.astype(self._scales[name] > 0, self.dtype)
        return shifted(cosines) if self.metric == "shifted" else cosines

    def columns(self, left: str, rows: Any) -> Any:
        """Similarities of a whole set to some rows of the pool, (rows, left)."""
        return self.block("U", left, rows, slice(None))

    def pairs(self, j: int) -> Any:
        """Similarities of a row of the pool to all, in both directions, (n,)."""
        return 2 * self.columns("U", np.array([j]))[0]

    def totals(self, left: str) -> Any:
        """Sum of the similarities of a whole set to each row of the pool, (n,)."""
        if self.metric == "rbf":
            return _summed(self, left)
        scales = {
            n: None if self.metric == "dot" else self._scales[n] for n in ("U", left)
        }
        sums = _weighted_sum(self.sets[left], scales[left], self.dtype)
        totals = _products(self.sets["U"], sums, self.dtype)
        if self.metric == "dot":
            return totals
        totals = totals * scales["U"]
        if self.metric == "shifted":
            totals = (totals + self.sets[left].shape[0]) / 2
        return totals

    def linear(self, name: str = "U") -> LinearMap | None:
        """Return a set as vectors whose inner products are the similarities."""
        table = self.sets[name]
        if self.metric == "rbf" or isinstance(table, Outer):
            return None
        scales = None if self.metric == "dot" else self._scales[name]
        return LinearMap(table, scales, self.metric == "shifted", self.dtype)


def _as_slice(rows: Any) -> Any:
    """Return rows that stand side by side as a slice, which copies nothing."""
    several = isinstance(rows, np.ndarray) and len(rows) > 1 and rows[0] >= 0
    if several and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _scaled(table: Any, scales: Any) -> Any:
    """Multiply rows by numbers, (rows, 1)."""
    if isinstance(table, Outer):
        return Outer(table.left * scales, table.right)
    if sparse.issparse(table):
        return sparse.csr_array(table.multiply(scales))
    return table * scales


def shifted(cosines: Any) -> Any:
    """Bring cosines from -1 ... 1 to 0 ... 1."""
    cosines = cosines * 0.5
    cosines += 0.5
    return cosines


class LinearMap:
    """Vectors, never formed, whose inner products are the similarities of a set."""

    def __init__(self, table: Any, scales: Any, shift: bool, dtype: Any) -> None:
        self.table, self.scales, self.shift, self.dtype = table, scales, shift, dtype
        self.size = table.shape[1] + shift

    def rows(self, rows: Any = slice(None)) -> Any:
        """Return some vectors, (rows, size), NumPy's, in double precision."""
        rows = np.array([rows]) if isinstance(rows, Integral) else rows
        table = cast(self.table[rows], self.dtype)
        table = table.toarray() if sparse.issparse(table) else to_numpy(table)
        table = table.astype(np.float64)
        if self.scales is not None:
            table *= to_numpy(self.scales[rows])[:, None]
        if not self.shift:
            return table
        return np.c_[table, np.ones(len(table))] / 2**0.5

    def times(self, vectors: Any, rows: Any = slice(None)) -> Any:
        """Return inner products, (len(vectors), rows), NumPy's."""
        n_features = self.table.shape[1]
        part = cast(
            as_array(vectors[:, :n_features], namespace(self.table), like=self.table),
            self.dtype,
        )
        table = cast(self.table[rows], self.dtype)
        products = to_numpy((table @ part.T).T)
        products = np.ascontiguousarray(products)
        if self.scales is not None:
            products *= to_numpy(self.scales[rows])
        if self.shift:
            products = (products + vectors[:, -1:]) / 2**0.5
        return products


class Given:
    """Matrices of similarities that somebody has made."""

    def __init__(self, matrices: dict[str, Any]) -> None:
        if not any("U" in name for name in matrices):
            raise ValueError("UU, UQ and UP are None: give at least one of them.")
        xp = self.xp = namespace(*matrices.values())
        like = next(m for m in matrices.values() if namespace(m) is xp)
        self.matrices = {
            name: _checked(matrix, name, xp, like) for name, matrix in matrices.items()
        }
        self.dtype = working_dtype(next(iter(self.matrices.values())))
        self._sizes: dict[str, int] = {}
        for name, matrix in self.matrices.items():
            for axis, letter in enumerate(name):
                size = int(matrix.shape[axis])
                if self._sizes.setdefault(letter, size) != size:
                    raise ValueError(
                        f"{name} has the shape {tuple(matrix.shape)}, and another "
                        f"matrix says that {letter} has {self._sizes[letter]} rows."
                    )

    def vector(self, values: Any) -> Any:
        """Return an array of the matrices' kind and precision."""
        like = next(iter(self.matrices.values()))
        return self.xp.astype(as_array(values, self.xp, like=like), self.dtype)

    def sizes(self) -> dict[str, int]:
        """Return how many rows each set has."""
        return self._sizes

    def block(self, left: str, right: str, rows: Any, columns: Any) -> Any:
        """Similarities of some rows of one set to some of another, a copy."""
        if left + right in self.matrices:
            part = self.matrices[left + right][rows][:, columns]
        elif right + left in self.matrices:
            part = self.matrices[right + left][columns][:, rows].T
        else:
            raise ValueError(
                f"{left + right} is needed and was not given: pass it to "
                f"Similarity.from_matrix."
            )
        return self.xp.astype(part, self.dtype, copy=True)

    def columns(self, left: str, rows: Any) -> Any:
        """Similarities of a whole set to some rows of the pool, (rows, left)."""
        name = left + "U"
        if name in self.matrices:
            part = self.matrices[name][:, rows].T
            return self.xp.astype(part, self.dtype, copy=True)
        return self.block("U", left, rows, slice(None))

    def pairs(self, j: int) -> Any:
        """Similarities of a row of the pool to all, in both directions, (n,)."""
        row = self.block("U", "U", np.array([j]), slice(None))
        return row[0] + self.columns("U", np.array([j]))[0]

    def totals(self, left: str) -> Any:
        """Sum of the similarities of a whole set to each row of the pool, (n,)."""
        return _summed(self, left)

    def diagonal(self, name: str) -> Any:
        """Similarity of each row of a set to itself."""
        if name * 2 not in self.matrices:
            self.block(name, name, slice(0), slice(0))
        return self.xp.astype(
            self.xp.linalg.diagonal(self.matrices[name * 2]), self.dtype
        )

    def linear(self, name: str = "U") -> None:
        """Return nothing: matrices have no vectors."""


def _summed(source: Any, left: str) -> Any:
    n = source.sizes()["U"]
    parts = [
        source.xp.sum(source.columns(left, np.arange(part.start, part.stop)), axis=1)
        for part in chunks(n, source.sizes()[left])
    ]
    return source.xp.concat(parts)


def _weighted_sum(table: Any, scales: Any, dtype: Any) -> Any:
    """Sum rows by their weights, (d,); factored rows give (C, d)."""
    if isinstance(table, Outer):
        left = table.left if scales is None else table.left * scales[:, None]
        return left.T @ table.right
    table = cast(table, dtype)
    if scales is None:
        return table.sum(axis=0)
    return scales @ table


def _products(table: Any, vector: Any, dtype: Any) -> Any:
    """Return the inner products of all rows with one sum of rows, (n,)."""
    if isinstance(table, Outer):
        return (table.left * (table.right @ vector.T)).sum(axis=1)
    return cast(table, dtype) @ vector


def _checked(matrix: Any, name: str, xp: Any, like: Any) -> Any:
    matrix = as_array(matrix, xp, like=like)
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {matrix.ndim}.")
    if not bool(xp.all(xp.isfinite(matrix))):
        raise ValueError(f"{name} holds NaN or infinity.")
    return matrix


def outer(logit_gradient: Any, embedding: Any, *, bias: bool) -> Outer:
    """Return gradients of a last layer in factors, that by the bias with them."""
    right = as_table(embedding, "embedding")
    xp = namespace(right)
    left = as_array(logit_gradient, xp, like=right)
    if left.ndim != 2 or len(left) != right.shape[0]:
        raise ValueError(
            f"logit_gradient must have shape ({right.shape[0]}, C), as many rows as "
            f"embedding, got {tuple(left.shape)}."
        )
    values = right.data if sparse.issparse(right) else right
    for name, table in (("logit_gradient", left), ("embedding", values)):
        if not bool(xp.all(xp.isfinite(table))):
            raise ValueError(f"{name} holds NaN or infinity.")
    dtype = working_dtype(right)
    left, right = cast(left, dtype), cast(right, dtype)
    if bias and sparse.issparse(right):
        ones = np.ones((right.shape[0], 1), dtype)
        right = sparse.csr_array(sparse.hstack([right, ones]))
    elif bias:
        right = xp.concat([right, xp.ones_like(right[:, :1])], axis=1)
    return Outer(left, right)


def outer_like(pool: Outer, pair: Any, name: str, *, bias: bool) -> Outer:
    """Return other gradients of the same layer, of the kind of the pool's."""
    xp = namespace(pool.right)
    if len(pair) != 2:
        raise ValueError(f"{name} must be a pair (logit_gradient, embedding).")
    try:
        gradients = outer(
            *(
                table if sparse.issparse(table) else as_array(table, xp, like=pool.left)
                for table in pair
            ),
            bias=bias,
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    widths = gradients.left.shape[1], gradients.right.shape[1] - bias
    expected = pool.left.shape[1], pool.right.shape[1] - bias
    if widths != expected:
        raise ValueError(
            f"{name} must have as many columns as the pool, {expected} in "
            f"logit_gradient and embedding, got {widths}."
        )
    return gradients


def chunks(n: int, width: int, cells: int = 2**22) -> Iterator[slice]:
    """Yield slices of rows whose blocks of this width stay small."""
    yield from row_chunks(n, max(1, cells // max(1, width)))
