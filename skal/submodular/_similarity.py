"""Similarities among a pool and two sets beside it, made where they are asked for."""

from __future__ import annotations

from typing import Any, Literal

from skal.functional._tables import as_table
from skal.submodular._points import SETS, Given, Points, outer, outer_like

_ALL = slice(None)


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
    xp, dtype : module, dtype
        NumPy's or torch's functions, and the precision of the similarities.
    single : bool
        Whether that is single precision.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.submodular import Similarity
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    >>> similarity = Similarity.from_features(X, query=[[0.0, 1.0]])
    >>> similarity.block("U", "Q").round(3).ravel()
    array([0.   , 0.707, 1.   ])
    """

    def __init__(self, source: Points | Given) -> None:
        self._source = source
        sizes = source.sizes()
        self.n: int = sizes.get("U", 0)
        self.n_query, self.n_private = sizes.get("Q"), sizes.get("P")
        self.xp, self.dtype = source.xp, source.dtype
        self.single = "float32" in str(source.dtype)

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
            Among the pool. Functions that need it say so. Where it is not symmetric,
            ``UU[i, j]`` says how well row j serves row i.
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
            name: table if name == "U" else as_table(table, SETS[name], like=X)
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
        pool = outer(logit_gradient, embedding, bias=bias)
        sets = {"U": pool}
        for letter, pair in (("Q", query), ("P", private)):
            if pair is not None:
                sets[letter] = outer_like(pool, pair, SETS[letter], bias=bias)
        return cls(Points(sets, metric))

    def block(
        self, left: str, right: str, rows: Any = _ALL, columns: Any = _ALL
    ) -> Any:
        """Return similarities of some rows of one set to some rows of another.

        Parameters
        ----------
        left, right : {"U", "Q", "P"}
            The pool, the query set or the private set.
        rows, columns : slice or array of positions, default=slice(None)
            Which of them.

        Returns
        -------
        ndarray or tensor of shape (len(rows), len(columns))
            A new array.
        """
        return self._source.block(left, right, rows, columns)

    def diagonal(self, name: str = "U") -> Any:
        """Return the similarity of each row of a set to itself."""
        return self._source.diagonal(name)

    def columns(self, left: str, rows: Any) -> Any:
        """Return similarities of a whole set to some pool rows, (rows, left).

        A new array, each pool row's in one piece.
        """
        return self._source.columns(left, rows)

    def pairs(self, j: int) -> Any:
        """Return the similarities of a pool row to all, of both directions, (n,)."""
        return self._source.pairs(j)

    def totals(self, left: str) -> Any:
        """Return the sum over a set of the similarities to each pool row, (n,)."""
        return self._source.totals(left)

    def linear(self, name: str = "U") -> Any:
        """Return vectors whose inner products are those of a set, or None."""
        return self._source.linear(name)

    def vector(self, values: Any) -> Any:
        """Return values as an array of the kind and precision of the similarities."""
        return self._source.vector(values)

    def empty(self, shape: tuple[int, ...]) -> Any:
        """Return an array of that kind whose values are not set yet."""
        xp, like = self.xp, self.vector([0.0])
        return xp.empty(shape, dtype=like.dtype, device=like.device)
