"""Strategies around a strategy: what it chooses from, and in which shares."""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skal.functional import balanced_top, partition_sizes
from skal.strategies._asking import Asking


class _Wrapper(Asking):
    """Base of strategies around another one, with which they begin.

    Parameters
    ----------
    strategy : QueryStrategy
        The strategy around which this one works.

    Attributes
    ----------
    strategy_ : QueryStrategy
        The clone that is asked.
    """

    strategy: Any = dataclasses.field(kw_only=False)

    @available_if(lambda self: hasattr(self.strategy, "score_samples"))
    def score_samples(self, X=None):
        """Score rows as the inner strategy does; higher = more wanted, (n,)."""
        self._check_begun("score_samples")
        return self.strategy_.score_samples(X)

    @property
    def needs_dense_features(self):
        """Whether the inner strategy refuses sparse features."""
        return not get_tags(self.strategy).input_tags.sparse

    def _lacks(self, reader):
        return [*super()._lacks(reader), *self.strategy._lacks(reader)]


class Partitioned(_Wrapper):
    """Split the candidates at random and let a strategy choose in each part.

    Makes strategies affordable whose cost grows faster than the pool: with p parts,
    one that is quadratic in the pool costs a p-th. The parts do not see each other's
    picks, so a batch may hold near-duplicates from different parts, unless `oversample`
    makes the strategy choose among them; and a strategy that costs a pass over the pool
    gains nothing.

    Parameters
    ----------
    strategy : QueryStrategy
        Chooses in each part, in proportion to its size.
    n_partitions : int
        How many parts; a smaller batch is chosen from as many parts as it has rows.
    oversample : float or None, default=None
        None joins what the parts choose. A number above 1 has each part choose that
        many times its share, and then the strategy once more from all of these [2]_: a
        better batch, for the price of a query over ``oversample * query_size`` rows.
    shuffle : bool, default=True
        Whether the parts are random; False cuts the candidates where they stand, in the
        order of the pool, which takes equal parts of a pool that is shuffled.

    Attributes
    ----------
    strategy_ : QueryStrategy
        The clone that is asked.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios.
    .. [2] Mirzasoleiman, Karbasi, Sarkar & Krause (2013). Distributed Submodular
       Maximization: Identifying Representative Elements in Massive Data. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import CoreSet, Partitioned
    >>> X = np.random.default_rng(0).normal(size=(1000, 5))
    >>> strategy = Partitioned(CoreSet(), n_partitions=10, random_state=0)
    >>> len(strategy.fit(X).query(50))
    50
    """

    n_partitions: int
    oversample: float | None = None
    shuffle: bool = True

    def _select(self, query_size, rng, candidates):
        n_parts = self.n_partitions
        if not isinstance(n_parts, Integral) or n_parts < 1:
            raise ValueError(f"n_partitions is {n_parts!r}: give an int of 1 or more.")
        if self.oversample is None:
            chosen = self._from_parts(query_size, rng, candidates)
        else:
            chosen = self._from_parts(self._n_first(query_size), rng, candidates)
            chosen = self.strategy_._query(query_size, np.sort(chosen), key=(n_parts,))
        return np.searchsorted(candidates, chosen)

    def _n_first(self, query_size):
        """Return how many rows the parts choose for the last choice."""
        times = self.oversample
        if not isinstance(times, Real) or not 1 <= times < np.inf:
            raise ValueError(
                f"oversample is {times!r}: give None, or a number of 1 or more."
            )
        return int(np.ceil(times * query_size))

    def _from_parts(self, n, rng, candidates):
        """Choose n rows, each part its share, the first of all parts first."""
        n = min(n, len(candidates))
        sizes, shares = partition_sizes(len(candidates), n, min(self.n_partitions, n))
        rows = rng.permutation(candidates) if self.shuffle else candidates
        parts = np.split(rows, np.cumsum(sizes)[:-1])
        picks = [
            self.strategy_._query(share, np.sort(part), key=(number,))
            for number, (part, share) in enumerate(zip(parts, shares, strict=True))
        ]
        ranks = np.concatenate([np.arange(len(pick)) for pick in picks])
        return np.concatenate(picks)[np.argsort(ranks, kind="stable")]


class ClassBalanced(_Wrapper):
    """Choose an even share of each predicted class, by the scores of a strategy.

    A strategy that scores rows one at a time may spend a whole batch on one confusing
    class. Here each class has the same share; what a class cannot fill, and what does
    not divide, goes to the best of all. It is the wrong tool where the classes are not
    equally wanted, and with fewer rows a batch than classes it does nothing.

    Parameters
    ----------
    strategy : QueryStrategy
        Scores the rows; one that only chooses whole batches is refused.

    Attributes
    ----------
    strategy_ : QueryStrategy
        The clone that is asked.

    References
    ----------
    .. [1] Krishnan, Sinha, Ahuja, Subedar, Tickoo & Iyer (2021). Mitigating Sampling
       Bias and Improving Robustness in Active Learning.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import ClassBalanced, EntropySampling
    >>> proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5], [0.2, 0.8]])
    >>> strategy = ClassBalanced(EntropySampling()).fit(np.zeros((4, 1)), proba=proba)
    >>> strategy.query(2)
    array([2, 3])
    """

    def _select(self, query_size, rng, candidates, proba):
        inner = self.strategy_
        if not hasattr(inner, "score_samples"):
            raise TypeError(
                f"strategy is {inner!r}, which chooses batches and scores no rows: "
                f"ClassBalanced needs scores, as EntropySampling has them."
            )
        scores = inner._scores(candidates, inner._model())
        return balanced_top(
            scores, proba.argmax(axis=1), proba.shape[1], query_size, rng
        )
