"""modAL: strategies of skal as the plain functions that it takes."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skal.containers import n_rows
from skal.interop._shared import Chooser, check_strategy, scores_at, stack
from skal.labels import as_labels


def as_modal(strategy):
    """Make a query strategy for modAL of one of skal.

    What it returns goes where modAL takes a query strategy:
    ``modAL.models.ActiveLearner(estimator, query_strategy=as_modal(BADGE()))``. It
    reads the learner's fitted estimator; the rows of ``X_training`` are the labeled
    rows of the pool. Use one for each learner: it counts the learner's rounds, for
    strategies that change with them. It takes no committee, of which skal could read
    only the mean (an ensemble of scikit-learn with :class:`skal.strategies.BALD` does
    what a committee does).

    Each query copies the pool once, to put the labeled rows above it; the rest is the
    cost of the strategy.

    Parameters
    ----------
    strategy : QueryStrategy
        Copied, never fitted itself. With ``random_state=None``, the copy draws one seed
        at its first query.

    Returns
    -------
    query_strategy : callable
        ``query_strategy(classifier, X_pool, n_instances=1)`` returns a pair: positions
        in ``X_pool``, most wanted first, and the scores there (NaN where the strategy
        does not score single rows).

    Raises
    ------
    TypeError
        If `strategy` is not an instance of a strategy of skal.

    Notes
    -----
    On scikit-learn 1.8 and later the constructor, ``query`` and ``predict`` of modAL's
    learner work, and its ``teach`` and ``fit`` fail. Make a new learner each round, or
    use :class:`skal.ActiveLearner`.

    Where a query raises an error, modAL calls the strategy a second time; the error
    shown is that of the second call.

    References
    ----------
    .. [1] Danka & Horvath (2018). modAL: A modular active learning framework for
       Python.

    Examples
    --------
    Anything that has ``estimator``, ``X_training`` and ``y_training``, as modAL's
    learner has:

    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from skal.interop import as_modal
    >>> from skal.strategies import CoreSet
    >>> learner = SimpleNamespace(
    ...     estimator=None, X_training=np.array([[0.0]]), y_training=np.array([1])
    ... )
    >>> as_modal(CoreSet())(learner, np.array([[1.0], [9.0], [5.0]]), n_instances=2)
    (array([1, 2]), array([9., 5.]))
    """
    check_strategy(strategy)
    return ModalStrategy(strategy)


class ModalStrategy:
    """What :func:`as_modal` returns."""

    def __init__(self, strategy):
        self.strategy = strategy
        self._chooser = Chooser()

    def __call__(self, classifier, X_pool, n_instances=1):
        """Choose rows of `X_pool`; return their positions and their scores."""
        if hasattr(classifier, "learner_list"):
            raise TypeError(
                f"as_modal reads one model, and this is a {type(classifier).__name__}: "
                f"give it to an ActiveLearner. An ensemble of scikit-learn with BALD "
                f"does what a committee does."
            )
        labeled, labels = classifier.X_training, classifier.y_training
        n_labeled = 0 if labeled is None else n_rows(labeled)
        y = np.full(n_labeled + n_rows(X_pool), None, dtype=object)
        X = X_pool
        if n_labeled:
            X = stack(labeled, X_pool, ("X_training", "X_pool"))
            y[:n_labeled] = as_labels(labels, missing_label=None)
        strategy = self._chooser.of(self.strategy, missing_label=None)
        strategy.fit(X, y, estimator=_fitted_estimator(classifier))
        picked = strategy.query(n_instances)
        scores = np.full(len(picked), np.nan)
        order = np.argsort(picked)
        if (found := scores_at(strategy, picked[order])) is not None:
            scores[order] = found
        strategy._forget_pool()
        return picked - n_labeled, scores

    def __repr__(self):
        return f"as_modal({self.strategy!r})"


def _fitted_estimator(classifier):
    """Return the estimator of a learner; None where nobody has fitted it."""
    if classifier.X_training is None and classifier.estimator is not None:
        try:
            check_is_fitted(classifier.estimator)
        except NotFittedError:
            return None
    return classifier.estimator
