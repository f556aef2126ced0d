"""Strategies that ask where the model is least sure."""

import numpy as np

from skal.functional import (
    entropy,
    least_confidence,
    margin,
    normalized_least_confidence,
)
from skal.strategies.base import QueryStrategy


class EntropySampling(QueryStrategy):
    """Choose the rows whose predicted distribution has the largest entropy.

    The whole distribution counts: a row between five classes is wanted more than one
    between two. With many classes, small probabilities that do not matter can decide;
    then prefer :class:`MarginSampling`. Scores one row at a time, so a batch may hold
    near-duplicates. One pass over the model and O(n * n_classes).

    References
    ----------
    .. [1] Settles (2009). Active Learning Literature Survey.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import EntropySampling
    >>> proba = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.5, 0.0]])
    >>> EntropySampling().fit(np.zeros((3, 1)), proba=proba).query(2)
    array([1, 0])
    """

    def _score(self, proba):
        return entropy(proba)


class LeastConfidenceSampling(QueryStrategy):
    """Choose the rows whose most probable class is the least probable.

    Looks at one probability only. Scores one row at a time, so a batch may hold
    near-duplicates. One pass over the model and O(n * n_classes).

    References
    ----------
    .. [1] Lewis & Gale (1994). A Sequential Algorithm for Training Text Classifiers.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import LeastConfidenceSampling
    >>> proba = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.5, 0.0]])
    >>> LeastConfidenceSampling().fit(np.zeros((3, 1)), proba=proba).query(2)
    array([1, 2])
    """

    def _score(self, proba):
        return least_confidence(proba)


class NormalizedConfidenceSampling(QueryStrategy):
    """Choose by least confidence after each row's logits are divided by their length.

    What the released code of PT4AL and BAL does in place of what the papers say: take
    it as their `sampler` to repeat published numbers, and
    :class:`LeastConfidenceSampling` otherwise. It forgets how large the logits of a row
    are, which is how sure a net is. Reads nets only. One pass over the model and
    O(n * n_classes).

    References
    ----------
    .. [1] Yi, Seo, Park & Choi (2022). PT4AL: Using Self-Supervised Pretext Tasks for
       Active Learning. ECCV.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import NetClassifier
    >>> from skal.strategies import BAL, NormalizedConfidenceSampling
    >>> X, y = load_digits(return_X_y=True)
    >>> net = NetClassifier(max_epochs=2, random_state=0).fit(X[:60] / 16, y[:60])
    >>> sampler = NormalizedConfidenceSampling()
    >>> strategy = BAL(balance=1.0, schedule="released", sampler=sampler)
    >>> y[60:] = -1
    >>> len(strategy.fit(X / 16, y, estimator=net).query(5))
    5
    """

    def _score(self, logit):
        return normalized_least_confidence(logit)


class MarginSampling(QueryStrategy):
    """Choose the rows whose two most probable classes are the closest.

    The score is the negative margin. Often the strongest of the three classical scores
    with many classes. Scores one row at a time, so a batch may hold near-duplicates.
    One pass over the model and O(n * n_classes).

    References
    ----------
    .. [1] Scheffer, Decomain & Wrobel (2001). Active Hidden Markov Models for
       Information Extraction.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import MarginSampling
    >>> proba = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.5, 0.0]])
    >>> MarginSampling().fit(np.zeros((3, 1)), proba=proba).query(2)
    array([2, 1])
    """

    def _score(self, proba):
        margins = margin(proba)
        return np.negative(margins, out=margins)


class LearningLoss(QueryStrategy):
    """Choose the rows whose loss, as the net itself predicts it, is the largest.

    Reads a :class:`skal.estimators.LossPredictionClassifier`, which learns beside the
    classes which of two rows has the larger loss. The head needs some hundred labels
    before its order means anything, and predicts losses of training rows, which are
    small where the net has learned them by heart. Scores one row at a time, so a batch
    may hold near-duplicates. One pass over the model.

    References
    ----------
    .. [1] Yoo & Kweon (2019). Learning Loss for Active Learning. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import LossPredictionClassifier
    >>> from skal.strategies import LearningLoss
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = X[:200] / 16, np.where(np.arange(200) < 60, y[:200], -1)
    >>> net = LossPredictionClassifier(max_epochs=2, random_state=0)
    >>> strategy = LearningLoss().fit(X, y, estimator=net.fit(X[:60], y[:60]))
    >>> len(strategy.query(5))
    5
    """

    def _score(self, predicted_loss):
        return predicted_loss
