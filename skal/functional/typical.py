"""The rows in the dense middle of clusters."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, namespace, to_numpy
from ._members import Members
from ._tables import as_table, groups
from .ranking import round_to_grid

_MAX_NEIGHBORS = 20
_SMALL = 5


def typicality(X: Any, n_neighbors: int, *, squared: bool = False) -> NDArray[Any]:
    """Measure how close each row is to its nearest neighbors among the others.

    One over the mean distance to the `n_neighbors` nearest: high in the dense middle of
    a cluster, low at its rim and for outliers. It compares rows of one cluster; a tight
    cluster has higher values throughout than a wide one.

    O(n^2 d) time in matrix products; O(n (d + n_neighbors)) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    n_neighbors : int
        How many neighbors, at most n - 1; 0 makes all rows alike.
    squared : bool, default=False
        Take the mean of squared distances, which a single far neighbor weighs on more.

    Returns
    -------
    ndarray of shape (n,)
        ``1 / (mean distance + 1e-5)``, in float64.

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions, or not more rows than neighbors are asked for.

    References
    ----------
    .. [1] G. Hacohen, A. Dekel and D. Weinshall, "Active learning on a budget: opposite
       strategies suit high and low budgets", ICML 2022.

    Examples
    --------
    >>> from skal.functional import typicality
    >>> typicality([[0.0], [1.0], [2.0], [10.0]], 2).round(6)
    array([0.666662, 0.99999 , 0.666662, 0.117647])
    """
    X = as_table(X, "X")
    if not 0 <= n_neighbors < max(1, X.shape[0]):
        raise ValueError(
            f"n_neighbors must be between 0 and the other rows, {X.shape[0] - 1}, got "
            f"{n_neighbors}."
        )
    return Members(X, n_neighbors, squared).typicality(n_neighbors)


def most_typical(
    X: Any,
    clusters: Any,
    n: int,
    *,
    labeled_clusters: Any = (),
    squared: bool = False,
) -> Any:
    """Pick the most typical row of each cluster in turn, those without labels first.

    Clusters with the fewest labeled members come first, of these the largest, of equal
    ones the one with the lowest position. Each gives the row of the highest
    `typicality` among its rows that are left, for ``min(20, half of them)`` neighbors;
    then it is the turn of the first again. Clusters of five rows or fewer have no
    turn before the others are used up. Made for small budgets: once each cluster is
    known, what is wanted is what is not typical.

    O(s^2 d) time for each cluster of s rows that gets a turn, in matrix products;
    O(n d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n_rows, d)
        The rows to pick from. Sparse input is never densified whole.
    clusters : array-like or tensor of int of shape (n_rows,)
        Their clusters, numbers from 0.
    n : int
        How many rows to pick; more than there are gives all of them.
    labeled_clusters : array-like or tensor of int of shape (m,), default=()
        The clusters of rows that are labeled: they count among the members.
    squared : bool, default=False
        Typicality by squared distances.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (min(n, n_rows),)
        Distinct positions, in the order of the picks. Equally typical, on the grid of
        `round_to_grid`: the lowest position.

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions, ``clusters`` not one number a row, or ``n`` is
        negative.

    Notes
    -----
    The paper takes the mean of distances, the authors' code that of squared ones. Their
    code fails where all clusters are small or used up.

    References
    ----------
    .. [1] G. Hacohen, A. Dekel and D. Weinshall, "Active learning on a budget: opposite
       strategies suit high and low budgets", ICML 2022.

    Examples
    --------
    >>> from skal.functional import most_typical
    >>> X = [[0.0], [1.0], [2.0], [9.0], [50.0], [51.0], [54.0]]
    >>> most_typical(X, [0, 0, 0, 0, 1, 1, 1], 2)
    array([1, 4])
    """
    X = as_table(X, "X")
    clusters, labeled = to_numpy(clusters), np.asarray(to_numpy(labeled_clusters))
    if np.shape(clusters) != (X.shape[0],):
        raise ValueError(
            f"clusters must have one number for each of {X.shape[0]} rows, got the "
            f"shape {np.shape(clusters)}."
        )
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    turns = (
        _in_turns([_most_typical_first(X, rows, squared) for rows in together])
        for together in _rounds(clusters, labeled.astype(np.intp))
    )
    picks = list(islice(chain.from_iterable(turns), n))
    return as_array(np.array(picks, np.intp), namespace(X), like=X)


def _rounds(
    clusters: NDArray[Any], labeled: NDArray[np.intp]
) -> Iterator[list[NDArray[np.intp]]]:
    """Yield the rows of the clusters that take turns with each other, in their order.

    First those of the clusters that are not small, then those of the small ones.
    """
    members = dict(groups(clusters))
    n_labeled = np.bincount(labeled, minlength=max(members, default=0) + 1)
    sizes = {number: len(rows) + n_labeled[number] for number, rows in members.items()}
    order = sorted(members, key=lambda c: (n_labeled[c], -sizes[c], members[c][0]))
    for small in (False, True):
        yield [members[c] for c in order if (sizes[c] <= _SMALL) == small]


def _in_turns(queues: list[Iterator[int]]) -> Iterator[int]:
    """Yield one of each queue in turn until all are used up."""
    while queues:
        left = []
        for queue in queues:
            head = next(queue, None)
            if head is not None:
                left.append(queue)
                yield head
        queues = left


def _most_typical_first(X: Any, rows: NDArray[np.intp], squared: bool) -> Iterator[int]:
    """Yield the rows of a cluster, each the most typical of those that are left."""
    block = X[as_array(rows, namespace(X), like=X)]
    members = Members(block, min(_MAX_NEIGHBORS, len(rows) // 2), squared)
    for n_left in range(len(rows), 0, -1):
        values = members.typicality(min(_MAX_NEIGHBORS, n_left // 2))
        best = int(np.where(members.left, round_to_grid(values), -1).argmax())
        members.left[best] = False
        yield int(rows[best])
