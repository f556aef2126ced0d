"""The practical Fisher kernel: rows compared by features and their gradients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, namespace, to_numpy
from ._tables import as_table
from .ranking import round_to_grid
from .standardized import standardized_products


def fisher_matches(
    embedding: Any,
    query_embedding: Any,
    n: int,
    rng: np.random.Generator,
    *,
    logit_gradient: Any = None,
    query_logit_gradient: Any = None,
    head: Any = None,
) -> Any:
    """Pick the rows that are most like one of the query rows, the queries in turn.

    Rows are alike in their features and in what their loss would have the features be:
    the similarity is the sum of the `standardized_products` of features and of
    gradients by the features, ``logit_gradient @ head``. All first matches come before
    all second ones. Rows far from every query are never picked, so where the queries
    do not speak for what the model gets wrong, this is the wrong tool.

    O(n_rows min(n, m) (d + log n)) time, and O(n_rows C d) with a ``head``;
    O(n_rows min(n, m)) memory besides chunks.

    Parameters
    ----------
    embedding : array-like, sparse matrix or tensor of shape (n_rows, d)
        Features of the rows to choose from.
    query_embedding : array-like, sparse matrix or tensor of shape (m, d)
        Features of the queries. Of more than ``n``, n are used: any one, and then the
        one least like all before.
    n : int
        How many rows to pick; more than there are gives all of them.
    rng : numpy.random.Generator
        Draws the first query where there are too many.
    logit_gradient, query_logit_gradient : (n_rows, C) and (m, C), default=None
        Gradients of the loss by the logits; None compares by features alone.
    head : array-like or tensor of shape (C, d), default=None
        Weights of the linear layer from features to logits; None compares the
        gradients as they are.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (min(n, n_rows),)
        Distinct positions. Equally alike, on the grid of `round_to_grid`: the lowest
        position first.

    Raises
    ------
    ValueError
        If ``n`` is negative, or there is no query.

    Notes
    -----
    The authors' code looks at the first 32 matches of a query; here a query has as many
    as it takes.

    References
    ----------
    .. [1] D. Gudovskiy, A. Hodgkinson, T. Yamaguchi and S. Tsukizawa, "Deep active
       learning for biased datasets via Fisher kernel self-supervision", CVPR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import fisher_matches
    >>> rows, queries = [[1, 2, 3], [3, 1, 2], [3, 2, 1]], [[2, 4, 6]]
    >>> fisher_matches(rows, queries, 2, np.random.default_rng(0))
    array([0, 1])
    """
    rows = _Profiles(as_table(embedding, "embedding"), logit_gradient, head)
    queries = as_table(query_embedding, "query_embedding", like=rows.embedding)
    asked = _Profiles(queries, query_logit_gradient, head)
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    if len(asked) == 0:
        raise ValueError("There is no query to match rows with: give at least one.")
    n = min(n, len(rows))
    if n == 0:
        picks = np.empty(0, np.intp)
    else:
        asked = asked.at(_unlike(asked, n, rng)) if n < len(asked) else asked
        picks = _in_turn(to_numpy(rows.similarity(asked)), n)
    return as_array(picks, namespace(rows.embedding), like=rows.embedding)


class _Profiles:
    """Rows to compare: their features, and gradients by the logits if there are any."""

    def __init__(self, embedding: Any, logit_gradient: Any, head: Any) -> None:
        self.embedding, self.head = embedding, head
        self.gradient = None
        if logit_gradient is not None:
            xp = namespace(embedding)
            self.gradient = as_array(logit_gradient, xp, like=embedding)

    def __len__(self) -> int:
        return int(self.embedding.shape[0])

    def at(self, rows: list[int]) -> "_Profiles":
        gradient = None if self.gradient is None else self.gradient[rows]
        return _Profiles(self.embedding[rows], gradient, self.head)

    def similarity(self, others: "_Profiles") -> Any:
        products = standardized_products(self.embedding, others.embedding)
        if self.gradient is not None:
            gradients = self.gradient, others.gradient
            products += standardized_products(*gradients, self.head)
        return products


def _unlike(queries: _Profiles, n: int, rng: np.random.Generator) -> list[int]:
    """Any query, and then the one least like all before."""
    chosen = [int(rng.integers(len(queries)))]
    closest = np.full(len(queries), -np.inf)
    while len(chosen) < n:
        similarity = queries.similarity(queries.at(chosen[-1:]))[:, 0]
        np.maximum(closest, round_to_grid(to_numpy(similarity)), out=closest)
        closest[chosen] = np.inf
        chosen.append(int(closest.argmin()))
    return chosen


def _in_turn(similarity: NDArray[Any], n: int) -> NDArray[np.intp]:
    """Order rows (n_rows, queries) by rank among the matches of a query; take n."""
    columns = [round_to_grid(column) for column in similarity.T]
    ranked = np.array([_best(column, n) for column in columns])
    alike = np.array(
        [column[rows] for column, rows in zip(columns, ranked, strict=True)]
    )
    order = np.lexsort((ranked, -alike), axis=0)
    turns = np.take_along_axis(ranked, order, axis=0).T.ravel()
    _, starts = np.unique(turns, return_index=True)
    return turns[np.sort(starts)[:n]]


def _best(values: NDArray[Any], n: int) -> NDArray[np.intp]:
    """Positions of the n largest values, best first, the lowest position among ties."""
    last = np.partition(values, len(values) - n)[len(values) - n]
    better = np.flatnonzero(values > last)
    tied = np.flatnonzero(values == last)[: n - len(better)]
    positions = np.sort(np.concatenate([better, tied]))
    return positions[np.argsort(-values[positions], kind="stable")]
