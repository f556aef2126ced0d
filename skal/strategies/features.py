"""Strategies that hold features against the labeled rows of each class."""

from typing import Literal

from skal.functional import (
    balanced_top,
    class_gaussians,
    class_similarity,
    class_subspaces,
    reconstruction_error,
    top,
)
from skal.strategies._checks import check_dense, check_labeled, check_option
from skal.strategies.base import QueryStrategy


class _OfPredictedClass(QueryStrategy):
    """Base of strategies that compare a row with the class predicted for it."""

    balanced: bool = True

    def _select(self, query_size, rng, proba, embedding, labeled_embedding, labeled_y):
        scores = self._score(proba, embedding, labeled_embedding, labeled_y)
        if not self.balanced:
            return top(scores, query_size, rng)
        classes = proba.argmax(axis=1)
        return balanced_top(scores, classes, proba.shape[1], query_size, rng)


class SCAL(_OfPredictedClass):
    """Choose the rows that resemble no labeled row of the class predicted for them.

    The score is the negative of the largest cosine with a labeled row of that class,
    and each predicted class gets the same share of the labels. Over a net trained with
    a supervised contrastive loss this is SCAL, over one trained with cross-entropy
    FeatureSim. It looks at directions and not at doubts: what lies between two classes,
    near labeled rows of both, is never wanted.

    Needs labeled rows. One pass over the model and O(n * n_labeled * d / n_classes) in
    matrix products, memory O(n * d).

    Parameters
    ----------
    balanced : bool, default=True
        Whether each predicted class gets the same share, as far as it goes; the rest
        goes to the best of all. Otherwise the best of all are chosen.
    normalize : {"cosine", "literal"}, default="cosine"
        Whether features are divided by their lengths, or those of labeled rows alone,
        as the formula is printed. Of little effect where features have unit length.

    Notes
    -----
    A row predicted as a class without labels scores 2 less its largest similarity to
    any labeled row, more than any cosine: such rows come first.

    References
    ----------
    .. [1] Krishnan, Sinha, Ahuja, Subedar, Tickoo & Iyer (2021). Mitigating Sampling
       Bias and Improving Robustness in Active Learning.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import SCAL
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1], [1.0, 1.0], [0.0, 3.0]])
    >>> proba = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    >>> SCAL().fit(X, [0, 1, -1, -1, -1], proba=proba).query(2)
    array([3, 4])
    """

    normalize: Literal["cosine", "literal"] = "cosine"

    def _score(self, proba, embedding, labeled_embedding, labeled_y):
        check_option("normalize", self.normalize, {"cosine", "literal"})
        check_labeled(self, labeled_y)
        return -class_similarity(
            embedding,
            proba.argmax(axis=1),
            labeled_embedding,
            labeled_y,
            normalize=self.normalize,
        )


class DFM(_OfPredictedClass):
    """Choose the rows that principal components of their predicted class fit worst.

    Components are learned of the labeled rows of each class; the score is the distance
    of a row from the subspace of the class predicted for it, and each predicted class
    gets the same share of the labels. A class with few labels has few components, and
    everything in it looks new: it is the wrong tool for the first rounds.

    Needs labeled rows and dense features. One pass over the model and O(n * d * r) for
    r components, besides O(n_labeled * d * min(n_labeled, d)) to find them, once for a
    model; memory O(n * d).

    Parameters
    ----------
    n_components : float or int, default=0.97
        Share of the variance of a class that its components keep, above 0 and up to
        1.0, or an int, their number.
    balanced : bool, default=True
        Whether each predicted class gets the same share, as far as it goes; the rest
        goes to the best of all. Otherwise the best of all are chosen.

    Notes
    -----
    A predicted class without labels is held against the components of all labeled rows.

    References
    ----------
    .. [1] Krishnan, Sinha, Ahuja, Subedar, Tickoo & Iyer (2021). Mitigating Sampling
       Bias and Improving Robustness in Active Learning.
    .. [2] Ahuja, Ndiour, Kalyanpur & Tickoo (2019). Probabilistic Modeling of Deep
       Features for Out-of-Distribution and Adversarial Detection.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import DFM
    >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [10.0, 0.0], [3.0, 1.0]])
    >>> proba = np.ones((5, 1))
    >>> DFM().fit(X, [0, 0, 0, -1, -1], proba=proba).score_samples()[3:]
    array([0., 1.])
    """

    needs_dense_features = True
    n_components: float = 0.97

    def _score(self, proba, embedding, labeled_embedding, labeled_y):
        check_dense(self, embedding)
        check_labeled(self, labeled_y)
        subspaces = self._once(
            class_subspaces,
            labeled_embedding,
            labeled_y,
            n_classes=proba.shape[1],
            n_components=self.n_components,
        )
        return reconstruction_error(embedding, proba.argmax(axis=1), subspaces)


class DDU(QueryStrategy):
    """Choose the rows at which the labeled rows have the lowest density.

    A Gaussian is fitted to the labeled rows of each class, weighted by its share of the
    labels; the score is the negative logarithm of their density. It tells what a model
    has not seen from what is ambiguous, and so goes for outliers where there are some.
    With fewer labels in a class than features the covariance is singular and `jitter`
    makes most of the score: learn fewer features first, by `representation`.

    Needs labeled rows and dense features. One pass over the model and O(n * d * r) for
    r principal axes of all classes together, at most the labeled rows, besides
    O(n_labeled * d * min(n_labeled, d)) to find them, once for a model.

    Parameters
    ----------
    jitter : float, default=1e-6
        Where the smallest variance of a class in any direction is below this share of
        its mean variance, that much is added in all directions.
        :func:`skal.functional.class_gaussians` tells how much it was.

    Notes
    -----
    Densities are summed over the classes in log space: the authors' code exponentiates
    first, which underflows for some hundred features. A class with one label has the
    covariance within the other classes.

    References
    ----------
    .. [1] Mukhoti, Kirsch, van Amersfoort, Torr & Gal (2023). Deep Deterministic
       Uncertainty: A New Simple Baseline.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import DDU
    >>> X = np.array([[0.0], [2.0], [9.0], [11.0], [5.0], [1.0], [20.0]])
    >>> DDU().fit(X, [0, 0, 1, 1, -1, -1, -1]).query(3)
    array([6, 4, 5])
    """

    needs_dense_features = True
    jitter: float = 1e-6

    def _score(self, embedding, labeled_embedding, labeled_y):
        check_dense(self, embedding)
        check_labeled(self, labeled_y)
        gaussians = self._once(
            class_gaussians, labeled_embedding, labeled_y, jitter=self.jitter
        )
        return -gaussians.log_density(embedding)
