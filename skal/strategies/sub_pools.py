"""Strategies that order the pool once and choose in another part of it each round."""

from __future__ import annotations

from numbers import Real
from typing import Literal

import numpy as np

from skal._seeding import generator
from skal.containers import n_rows
from skal.functional import (
    cluster_distance_difference,
    distance_to_nearest,
    k_means,
    sub_pool,
)
from skal.strategies._checks import check_option
from skal.strategies._sub_pools import SubPools, check_count

_SEED = 0  # the order is the pool's: the same in every run on it
_MOST_FITTED = 100_000
_N_CLUSTERS = 10  # while no class is known


class BAL(SubPools):
    """Choose what is least sure in another part of the pool each round, hard to easy.

    Rows are ordered once by how near they lie to the border of two clusters of features
    that need no labels, and each round chooses in its own part of that order: first
    what is hardest to tell apart, at last what is typical. So a batch is new to the
    model by the choice inside the part, and all of the batches together are diverse by
    the parts. `balance` is how long a part is; it is what to search over. Where the
    clusters of the features have nothing to do with the classes, the order is noise,
    and this is the choice of the sampler in random parts of the pool.

    The first batch needs no labels: ``initial="strategy"``. It is the hardest rows, and
    a small one is often worse than random ones. Orders the pool once, by k-means in
    O(n * n_clusters * d) a pass; a round reads the model in its part only.

    Parameters
    ----------
    balance : "auto" or float, default="auto"
        Balancing factor, above 0: the length of a part in slots, of which there are as
        many as rounds. Above 1 parts overlap, below 1 they leave gaps. It wants to grow
        with the share of the pool that is bought. "auto" is a line through the values
        of the authors, ``7 / 12 + 5 / 3 * min(1, query_size * n_rounds / n)``; a search
        by ``GridSearchCV`` over 0.5 to 2.5 is better.
    n_rounds : int or None, default=None
        How many batches there will be, the first included. None: the learner's
        ``n_rounds``, one more with ``initial="strategy"``; 10 without a learner.
    n_clusters : int or None, default=None
        Of the features. None: the number of classes; 10 while none is known.
    indicator : {"cdd", "dtc", "pretext_loss"}, default="cdd"
        What makes a row hard: a small difference of the distances to its two nearest
        centers, a large distance to the nearest one, or a large loss in the task by
        which the representation learned (`sample_losses`).
    sampler : QueryStrategy or None, default=None
        Chooses inside a part, and reads the features of the model, not those of
        `representation`. None: :class:`LeastConfidenceSampling`.
    descending : bool, default=False
        Whether to begin with what is easiest.
    schedule : {"uniform", "released"}, default="uniform"
        "released" is the authors' code: the second batch comes of the third slot, since
        their first batch is twice the size of others, and parts that stick out of the
        pool are cut off and not moved. There are as many slots as batches of the size
        of the present one, the first counted by its size.

    Attributes
    ----------
    balance_ : float
        The balancing factor of the last query.
    order_ : ndarray of shape (n,), dtype intp
        Positions in the pool, the hardest first.
    sub_pools_ : dict of int to (start, stop)
        Of each round so far, the part of `order_` in which it chose; where that held
        too few rows, its neighbors were added.
    sampler_ : QueryStrategy
        The clone that chooses in the parts.

    See Also
    --------
    skal.estimators.RotationPretext : The authors' `representation` for images.
    skal.plotting.QueryMapDisplay : Shows the parts as bands.

    Notes
    -----
    With labels before the first query, the sampler chooses in the first part already.
    While all labels are of one class and there is no model, the hardest of a part come
    first. The order is of the pool and its features alone, the same whatever
    `random_state`; k-means is fitted on at most 100,000 rows of it, and all rows are
    ordered by its centers. With ``representation=None`` the features are those at the
    first query, for all rounds.

    The authors search for the factor by the accuracy after the second batch, judged on
    labels that nobody has bought; with a search on labeled data nothing is hidden.

    References
    ----------
    .. [1] Li, Chen, Yu, Liu & Jia (2023). BAL: Balancing Diversity and Novelty for
       Active Learning. IEEE TPAMI.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.strategies import BAL
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     LogisticRegression(max_iter=500), BAL(balance=1.0), initial="strategy",
    ...     n_initial=60, query_size=60, n_rounds=3, random_state=0)
    >>> learner.fit(X / 16, y).strategy_.sub_pools_
    {0: (0, 449), 1: (449, 898), 2: (898, 1347), 3: (1347, 1797)}
    """

    balance: Literal["auto"] | float = "auto"
    n_clusters: int | None = None
    indicator: Literal["cdd", "dtc", "pretext_loss"] = "cdd"
    descending: bool = False
    schedule: Literal["uniform", "released"] = "uniform"

    @property
    def _reads(self):
        return "pretext_loss" if self.indicator == "pretext_loss" else "embedding"

    def _about(self):
        return self.indicator, self.n_clusters, self.descending

    def _hardness(self, values, n_classes):
        sign = -1 if self.descending else 1
        if self.indicator == "pretext_loss":
            return sign * values
        known = n_classes if n_classes > 1 else _N_CLUSTERS
        centers = _centers(values, self.n_clusters or known)
        if self.indicator == "dtc":
            return sign * distance_to_nearest(values, centers)
        if centers.shape[0] < 2:  # a pool of one row
            return np.zeros(n_rows(values))
        return -sign * cluster_distance_difference(values, centers)

    def _window(self, done, total, query_size, n):
        if self.balance == "auto":
            share = min(1.0, query_size * total / n)
            self.balance_ = 7 / 12 + 5 / 3 * share
        else:
            self.balance_ = float(self.balance)
        last = total - 1
        if self.schedule == "uniform" or done == 0:
            return sub_pool(min(done, last), total, n, self.balance_)
        before = self._pool.n_bought - (done - 1) * query_size
        n_slots = last + max(1, int(before / query_size + 0.5))
        if done >= last:
            return sub_pool(n_slots - 1, n_slots, n, self.balance_)
        return sub_pool(done + 1, n_slots, n, self.balance_, shift=False)

    def _first(self, n_inside, query_size):  # noqa: ARG002
        return slice(query_size)

    def _check(self):
        super()._check()
        balance = self.balance
        number = isinstance(balance, Real) and not isinstance(balance, bool)
        if balance != "auto" and not (number and 0 < balance < np.inf):
            raise ValueError(
                f"balance is {balance!r}: give 'auto' or a number above 0, the length "
                f"of a sub-pool in slots; 0.5 to 2.5 are usual."
            )
        check_option("indicator", self.indicator, {"cdd", "dtc", "pretext_loss"})
        check_option("schedule", self.schedule, {"uniform", "released"})
        check_count("n_clusters", self.n_clusters, 2)


class PT4AL(SubPools):
    """Choose what is least sure in another part of the order of pretext losses a round.

    Rows are ordered once by their loss in a task that needs no labels, the largest
    first, and divided into as many equal parts as there are rounds; the first batch is
    spread evenly over the first part. The ancestor of :class:`BAL`. What comes first is
    hard for the task, and perhaps not for the classes: round things, for rotations.

    The first batch needs no labels: use it with ``initial="strategy"``. Beyond the
    training of `representation`, O(n log n) once; a round reads the model in its part.

    Parameters
    ----------
    n_rounds : int or None, default=None
        How many batches there will be, the first included. None: the learner's
        ``n_rounds``, one more with ``initial="strategy"``; 10 without a learner.
    sampler : QueryStrategy or None, default=None
        Chooses inside a part. None: :class:`LeastConfidenceSampling`.

    Attributes
    ----------
    order_ : ndarray of shape (n,), dtype intp
        Positions in the pool, the hardest first.
    sub_pools_ : dict of int to (start, stop)
        Of each round so far, the part of `order_` in which it chose; where that held
        too few rows, its neighbors were added.
    sampler_ : QueryStrategy
        The clone that chooses in the parts.

    Notes
    -----
    `representation` must have ``sample_losses(X)``, one loss a row; for images, None is
    a :class:`skal.estimators.RotationPretext` with its defaults, which `fit` trains.

    The authors' code sorts the losses as texts, so that ``2e-05`` is larger than 1.2,
    and easy images come first; numbers are sorted here.

    References
    ----------
    .. [1] Yi, Seo, Park & Choi (2022). PT4AL: Using Self-Supervised Pretext Tasks for
       Active Learning. ECCV.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skal.strategies import PT4AL
    >>> class Task(FunctionTransformer):
    ...     '''What a task that needs no labels finds hard: here, dark rows.'''
    ...     def sample_losses(self, X):
    ...         return -X.sum(axis=1)
    >>> X = np.array([[5.0], [1.0], [9.0], [2.0], [7.0], [3.0]])
    >>> PT4AL(n_rounds=3, representation=Task()).fit(X).query(2)
    array([1, 3])
    """

    def _window(self, done, total, query_size, n):  # noqa: ARG002
        return sub_pool(min(done, total - 1), total, n, 1.0)

    def _first(self, n_inside, query_size):
        return np.arange(query_size) * n_inside // query_size


def _centers(X, n_clusters):
    """Return the centers of clusters of rows, found on some of them."""
    rng = generator(_SEED)
    if (n := n_rows(X)) > _MOST_FITTED:
        X = X[np.sort(rng.choice(n, _MOST_FITTED, replace=False))]
    return k_means(X, n_clusters, rng, least_drop=0)[0]
