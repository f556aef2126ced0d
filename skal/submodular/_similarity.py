"""Similarities among a pool and two sets beside it, made where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from skal.functional._arrays import as_array, namespace, to_numpy
from skal.functional._tables import (
    Outer,
    as_table,
    cast,
    inner_products,
    squared_norms,
    unit_rows,
    working_dtype,
)
from skal.submodular._points import Points

_CHUNK_CELLS = 2**22
_SETS = {"U": "the pool", "Q": "the query set", "P": "the private set"}


class Similarity:
    """Similarities among a pool, a query set and a private set.

    Make it by :meth:`from_features` or :meth:`from_gradients`, which hold the points
    and give rows, columns and blocks when they are asked for, never the whole matrix;
    or by :meth:`from_matrix`, which takes what you have.

    Attributes
    ----------
    n : int
        Size of the pool.
    n_query, n_private : int or None
        Sizes of the other sets; None for a set that was never given.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.submodular import Similarity
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    >>> similarity = Similarity.from_features(X, query=[[0.0, 1.0]])
    >>> similarity.block("U", "Q").round(3).ravel()
    array([0.   , 0.707, 1.   ])
    """

    def __init__(self, parts: Any) -> None:
        self._parts = parts

    @classmethod
    def from_matrix(
        cls,
        UU: Any = None,
        *,
        UQ: Any = None,
        QQ: Any = None,
        UP: Any = None,
        PP: Any = None,
        QP: Any = None,
    ) -> Similarity:
        """Take similarities that are there already.

        Parameters
        ----------
        UU : array-like or tensor of shape (n, n), default=None
            Among the pool. Functions that need it say so.
        UQ, QQ : array-like or tensor of shapes (n, q) and (q, q), default=None
            Of the pool to the query set, and among that.
        UP, PP : array-like or tensor of shapes (n, p) and (p, p), default=None
            Of the pool to the private set, and among that.
        QP : array-like or tensor of shape (q, p), default=None
            Of the query set to the private set.

        Returns
        -------
        similarity : Similarity

        Raises
        ------
        ValueError
            If shapes do not fit each other, or a value is NaN or infinite.
        """
        given = {"UU": UU, "UQ": UQ, "QQ": QQ, "UP": UP, "PP": PP, "QP": QP}
        return cls(Given({name: m for name, m in given.items() if m is not None}))

    @classmethod
    def from_features(
        cls,
        X: Any,
        *,
        query: Any = None,
        private: Any = None,
        metric: Literal["cosine", "shifted", "dot", "rbf"] = "cosine",
    ) -> Similarity:
        """Compare rows of features.

        Parameters
        ----------
        X : array-like, sparse matrix or tensor of shape (n, d)
            The pool.
        query, private : tables of shape (q, d) and (p, d), default=None
            The other sets. A table without rows is an empty set.
        metric : {"cosine", "shifted", "dot", "rbf"}, default="cosine"
            The cosine; (1 + cosine) / 2; the inner product; or
            ``exp(-|x - y|**2 / d)``. Rows of zeros have the cosine 0 with all.

        Returns
        -------
        similarity : Similarity

        Raises
        ------
        ValueError
            If tables do not fit each other, or a value is NaN or infinite.
        """
        X = as_table(X, "X")
        tables = {"U": X, "Q": query, "P": private}
        sets = {
            name: table if name == "U" else as_table(table, _SETS[name], like=X)
            for name, table in tables.items()
            if table is not None
        }
        return cls(Points(sets, metric))

    @classmethod
    def from_gradients(
        cls,
        logit_gradient: Any,
        embedding: Any,
        *,
        query: Any = None,
        private: Any = None,
        metric: Literal["cosine", "shifted", "dot", "rbf"] = "cosine",
        bias: bool = True,
    ) -> Similarity:
        """Compare gradients of a last layer, outer products that are never formed.

        Parameters
        ----------
        logit_gradient : array-like or tensor of shape (n, C)
            Gradient of the loss by the logits.
        embedding : array-like or tensor of shape (n, d)
            What goes into the last layer.
        query, private : pairs (logit_gradient, embedding), default=None
            The other sets.
        metric : {"cosine", "shifted", "dot", "rbf"}, default="cosine"
            As in :meth:`from_features`.
        bias : bool, default=True
            Whether the gradient by the bias is a part of them.

        Returns
        -------
        similarity : Similarity

        Raises
        ------
        ValueError
            If arrays do not fit each other, or a value is NaN or infinite.
        """
        pairs = {"U": (logit_gradient, embedding), "Q": query, "P": private}
        sets = {
            name: _outer(*pair, bias=bias)
            for name, pair in pairs.items()
            if pair is not None
        }
        return cls(Points(sets, metric))
