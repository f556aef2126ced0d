"""How a batch lies in the pool: whether it covers it, and where it is dense.

The analysis of Margatina et al. (2021). The code that they released departs from their
paper in both; either sense is here.
"""

from typing import Any, Literal

import numpy as np

from skal.metrics._neighbors import distances_to_nearest, tables


def feature_diversity(queried: Any, pool: Any, *, released: bool = False) -> float:
    r"""Measure how well a batch covers the pool in the space of features.

    One over the mean distance from a row of the pool to the nearest row of the batch:
    :math:`(\frac{1}{|U|} \sum_{x \in U} \min_{q \in Q} \|x - q\|)^{-1}`. High = every
    row of the pool has a row of the batch nearby. It depends on the scale of the
    features and grows with the size of the batch: compare batches of one size, over the
    features of one model. A batch of outliers is diverse in the usual sense, and scores
    low.

    Takes :math:`O(|U| |Q| d)` time in matrix products; memory for a copy of the batch
    and for a chunk of the pool.

    Parameters
    ----------
    queried : array-like of positions, mask along the pool, or features (n_queried, d)
        The batch. One-dimensional is positions or a mask, two-dimensional features.
    pool : array-like or sparse matrix of shape (n, d)
        Features of the pool, the batch included.
    released : bool, default=False
        Take the distance to the second nearest row of the batch, as the authors' code
        does.

    Returns
    -------
    diversity : float
        Above 0; infinite where each row of the pool is in the batch.

    Raises
    ------
    ValueError
        If a table is empty, not two-dimensional, or has NaN, if the columns differ, a
        position is not in the pool, or `released` is set for a batch of one row.

    Notes
    -----
    The authors' code also takes the initial labels as part of the batch, over the
    features of the model of the first round, not normalized.

    References
    ----------
    .. [1] K. Margatina, G. Vernikos, L. Barrault, N. Aletras (2021). Active Learning by
       Acquiring Contrastive Examples. Section 6.

    Examples
    --------
    >>> from skal.metrics import feature_diversity
    >>> pool = [[0.0], [1.0], [2.0], [10.0]]
    >>> feature_diversity([1, 3], pool)
    2.0
    >>> round(feature_diversity([1, 3], pool, released=True), 6)
    0.111111
    """
    pool, batch = tables(queried, pool)
    rank = 2 if released else 1
    if batch.shape[0] < rank:
        raise ValueError(
            "queried has one row, and released=True takes the second nearest: give at "
            "least two rows."
        )
    return _inverse(distances_to_nearest(pool, batch, rank)[:, -1].mean())


def representativeness(
    queried: Any,
    pool: Any,
    *,
    n_neighbors: int = 10,
    kind: Literal["knn_density", "paper", "released"] = "knn_density",
) -> float:
    r"""Measure how dense the pool is around the rows of a batch.

    The density at a row is one over its mean distance to its `n_neighbors` nearest
    rows of the pool, itself left out; the default is the mean density of the batch.
    High = the batch lies where the pool is dense, and is no batch of outliers.

    .. warning::
        The two other kinds run the other way: they are *low* for a batch in dense
        regions, although the paper reads high values as representative. They are here
        to reproduce its table.

    It depends on the scale of the features: compare batches over the features of one
    model. One row with many exact copies makes the mean density infinite.

    Takes :math:`O(|U| |Q| d)` time in matrix products; memory for a copy of the pool.

    Parameters
    ----------
    queried : array-like of positions, mask along the pool, or features (n_queried, d)
        The batch. One-dimensional is positions or a mask, two-dimensional features.
    pool : array-like or sparse matrix of shape (n, d)
        Features of the pool, the batch included.
    n_neighbors : int, default=10
        How many neighbors a density is taken from.
    kind : {"knn_density", "paper", "released"}, default="knn_density"
        ``"knn_density"`` is the mean density of the batch, high where it is dense;
        ``"paper"`` one over that; ``"released"``, as the authors' code, the mean
        distance to the `n_neighbors` nearest rows and the row itself, at distance 0.

    Returns
    -------
    representativeness : float
        Above 0, in units of one over a distance (``"knn_density"``) or of a distance.

    Raises
    ------
    ValueError
        If a table is empty, not two-dimensional, or has NaN, if the columns differ, a
        position is not in the pool, the pool has too few rows for `n_neighbors`, or
        `kind` is none of these.

    Notes
    -----
    Of features that are given for `queried`, a row that has an exact copy in the pool
    is taken for that one, which is left out once.

    References
    ----------
    .. [1] K. Margatina, G. Vernikos, L. Barrault, N. Aletras (2021). Active Learning by
       Acquiring Contrastive Examples. Section 6.
    .. [2] L. Ein-Dor et al. (2020). Active Learning for BERT: An Empirical Study.

    Examples
    --------
    >>> from skal.metrics import representativeness
    >>> pool = [[0.0], [1.0], [2.0], [10.0]]
    >>> round(representativeness([1, 3], pool, n_neighbors=2), 6)
    0.558824
    >>> round(representativeness([1, 3], pool, n_neighbors=2, kind="paper"), 6)
    1.789474
    """
    if kind not in ("knn_density", "paper", "released"):
        raise ValueError(
            f"kind is {kind!r}: give 'knn_density', 'paper' or 'released'."
        )
    pool, batch = tables(queried, pool)
    if not 1 <= n_neighbors < pool.shape[0]:
        raise ValueError(
            f"n_neighbors is {n_neighbors} and the pool has {pool.shape[0]} rows: give "
            f"an int >= 1 below that."
        )
    distances = distances_to_nearest(batch, pool, n_neighbors + 1)
    in_pool = distances[:, 0] == 0
    total = np.where(in_pool, distances.sum(axis=1), distances[:, :-1].sum(axis=1))
    if kind == "released":
        return float((total / (n_neighbors + 1)).mean())
    with np.errstate(divide="ignore"):
        density = float((n_neighbors / total).mean())
    return density if kind == "knn_density" else _inverse(density)


def _inverse(value: Any) -> float:
    return float(1 / value) if value else float("inf")
