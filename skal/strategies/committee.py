"""Strategies that ask where the members of a committee disagree.

The members are passes of a net with dropout, the models of an ensemble, or whatever
else is read as ``proba_draws``.
"""

from numbers import Integral

from skal.functional import batch_bald, mutual_information
from skal.strategies.base import QueryStrategy


class _Committee(QueryStrategy):
    """What reads draws says how many, and is asked before the model is."""

    n_draws: int = 50

    def _options(self):
        if not isinstance(self.n_draws, Integral) or self.n_draws < 1:
            raise ValueError(f"n_draws is {self.n_draws!r}: give an int >= 1.")
        return super()._options()


class BALD(_Committee):
    """Choose the rows about which the members of a committee disagree the most.

    The score is the mutual information between the label of a row and the member:
    large where members are sure of different classes, zero where all are equally
    unsure, so rows that are ambiguous by nature are left alone. Members are the passes
    of a net with its dropout switched on, or the models of a forest, a bagging or a
    voting ensemble. Scores one row at a time, so a batch may hold near-duplicates: see
    :class:`BatchBALD`. The wrong tool where members hardly differ, as with little
    dropout.

    `n_draws` passes over the model and O(n * n_draws * n_classes); memory for all
    draws.

    Parameters
    ----------
    n_draws : int, default=50
        The number of passes with dropout. An ensemble has one draw a member.

    References
    ----------
    .. [1] Houlsby, Huszar, Ghahramani & Lengyel (2011). Bayesian Active Learning for
       Classification and Preference Learning.
    .. [2] Gal, Islam & Ghahramani (2017). Deep Bayesian Active Learning with Image
       Data.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.strategies import BALD
    >>> X, y = load_iris(return_X_y=True)
    >>> y[10:] = -1
    >>> y[[60, 110]] = 1, 2
    >>> forest = RandomForestClassifier(random_state=0).fit(X[y >= 0], y[y >= 0])
    >>> strategy = BALD(random_state=0).fit(X, y, estimator=forest)
    >>> strategy.query(5).shape
    (5,)
    """

    def _score(self, proba_draws):
        return mutual_information(proba_draws)


class BatchBALD(_Committee):
    """Choose rows whose labels together say the most about which member is right.

    :class:`BALD` of the whole batch: a row adds what the rows before it do not tell, so
    copies are not bought twice. N members can be told apart by few labels, and then
    nothing is left to choose by: the rest of the batch follows BALD, with a warning.
    So it is made for small batches and many draws.

    `n_draws` passes over the model; then O(n * n_draws * n_classes) for the first pick
    and, for each later one, O(n_samples * n_draws * n_classes) a row that must be
    looked at, which few must. Memory for all draws.

    Parameters
    ----------
    n_draws : int, default=50
        The number of passes with dropout. An ensemble has one draw a member.
    n_samples : int, default=1000
        Labelings of the batch so far to average over: all there are while that many or
        fewer, then that many drawn at random.

    Notes
    -----
    A draw is one and the same member for all rows: of a net, one dropout mask.

    References
    ----------
    .. [1] Kirsch, van Amersfoort & Gal (2019). BatchBALD: Efficient and Diverse Batch
       Acquisition for Deep Bayesian Active Learning.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.strategies import BatchBALD
    >>> X, y = load_iris(return_X_y=True)
    >>> y[10:] = -1
    >>> y[[60, 110]] = 1, 2
    >>> forest = RandomForestClassifier(random_state=0).fit(X[y >= 0], y[y >= 0])
    >>> strategy = BatchBALD(random_state=0).fit(X, y, estimator=forest)
    >>> strategy.query(3).shape
    (3,)
    """

    n_samples: int = 1000

    def _select(self, query_size, rng, proba_draws):
        if not isinstance(self.n_samples, Integral) or self.n_samples < 1:
            raise ValueError(f"n_samples is {self.n_samples!r}: give an int >= 1.")
        return batch_bald(proba_draws, query_size, n_samples=self.n_samples, rng=rng)
