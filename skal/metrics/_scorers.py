"""Scorers, plain ``(estimator, X, y)`` callables: higher is better."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import ArrayLike

from skal.metrics._calibration import expected_calibration_error


def neg_sampling_bias(estimator: Any, X: Any = None, y: Any = None) -> float:  # noqa: ARG001
    """Score a fitted learner by the balance of the labels it bought, negated bias.

    For the ``scoring`` of a search or of ``cross_validate``. It says what was bought in
    `fit` and nothing about `X` and `y`: the wrong tool for anything but a learner.

    Parameters
    ----------
    estimator : object
        A fitted :class:`skal.ActiveLearner`, or what holds one at its end: a
        ``Pipeline``, a search, a ``FrozenEstimator``, another wrapper.
    X, y : object, default=None
        Not read; there because a scorer is given them.

    Returns
    -------
    score : float
        ``-sampling_bias_`` of the learner, between -1 and 0.

    Raises
    ------
    TypeError
        If no fitted learner is found.

    See Also
    --------
    sampling_bias : The measure itself.

    References
    ----------
    .. [1] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo, R. Iyer (2021).
       Mitigating Sampling Bias and Improving Robustness in Active Learning. Eq. 4-5.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from skal.metrics import neg_sampling_bias
    >>> learner = SimpleNamespace(sampling_bias_=0.25)  # stands for a fitted learner
    >>> neg_sampling_bias(learner, None, None)
    -0.25
    """
    return -float(_learner_value(estimator, "sampling_bias_", "neg_sampling_bias"))


def neg_annotation_cost(estimator: Any, X: Any = None, y: Any = None) -> float:  # noqa: ARG001
    """Score a fitted learner by the labels it paid for, negated count.

    For the ``scoring`` of a search or of ``cross_validate``: tells strategies apart
    that waste labels on samples of no class. The wrong tool where each run has the same
    budget and no ``ood_label``: all then cost the same.

    Parameters
    ----------
    estimator : object
        A fitted :class:`skal.ActiveLearner`, or what holds one at its end: a
        ``Pipeline``, a search, a ``FrozenEstimator``, another wrapper.
    X, y : object, default=None
        Not read; there because a scorer is given them.

    Returns
    -------
    score : float
        ``-cost_`` of the learner, in labels.

    Raises
    ------
    TypeError
        If no fitted learner is found.

    See Also
    --------
    cost_per_accuracy : The cost beside the accuracy it bought.

    References
    ----------
    .. [1] J. Kim, J. Kim, S. Hwang (2023). Deep Active Learning with Contrastive
       Learning Under Realistic Data Pool Assumptions.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from skal.metrics import neg_annotation_cost
    >>> learner = SimpleNamespace(cost_=120)  # stands for a fitted learner
    >>> neg_annotation_cost(learner, None, None)
    -120.0
    """
    return -float(_learner_value(estimator, "cost_", "neg_annotation_cost"))


def neg_calibration_error(estimator: Any, X: Any, y: ArrayLike) -> float:
    """Score a fitted classifier by its expected calibration error, negated.

    For the ``scoring`` of a search or of ``cross_validate``, over any classifier. The
    columns are named by the classifier's ``classes_``, so that a fold that lacks a
    class is scored right; a label that the classifier does not know is a miss. See
    :func:`expected_calibration_error` for when it is the wrong tool.

    Parameters
    ----------
    estimator : object
        A fitted classifier with ``predict_proba`` and ``classes_``.
    X : array-like of shape (n_samples, n_features)
        Samples, as the classifier takes them.
    y : array-like of shape (n_samples,)
        Their labels.

    Returns
    -------
    score : float
        Between -1 and 0, with 15 bins.

    Raises
    ------
    TypeError
        If the estimator has no ``predict_proba``.
    ValueError
        If what ``predict_proba`` returns are no probabilities.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017). On Calibration of Modern
       Neural Networks. ICML.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skal.metrics import neg_calibration_error
    >>> X, y = [[0.0]] * 4, [0, 0, 0, 1]
    >>> model = DummyClassifier(strategy="prior").fit(X, y)  # says 3/4 for class 0
    >>> neg_calibration_error(model, X, [0, 0, 1, 1])
    -0.25
    """
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            "neg_calibration_error needs a classifier with predict_proba; got "
            f"{estimator!r}."
        )
    proba = estimator.predict_proba(X)
    return -expected_calibration_error(y, proba, classes=estimator.classes_)


def _learner_value(estimator: Any, attribute: str, scorer: str) -> float:
    """Return the attribute of the first layer of the estimator that has it."""
    layers = []
    for layer in _layers(estimator):
        if hasattr(layer, attribute):
            return getattr(layer, attribute)
        layers.append(type(layer).__name__)
    raise TypeError(
        f"{scorer} needs a fitted skal.ActiveLearner at the end of the estimator; got "
        f"{' > '.join(layers)}, without {attribute}."
    )


def _layers(estimator: Any) -> Iterator[Any]:
    """Yield the estimator and what it wraps, from the outside in."""
    while estimator is not None:
        yield estimator
        estimator = _inner(estimator)


def _inner(estimator: Any) -> Any:
    """Return the fitted estimator that this one wraps, None if there is not just one.

    A meta-estimator's parameter `estimator` is not it: it is cloned before it is fitted
    (a `FrozenEstimator` hands on the attributes of what it holds by itself).
    """
    for name in ("best_estimator_", "estimator_"):
        if hasattr(estimator, name):
            return getattr(estimator, name)
    if hasattr(estimator, "steps"):
        return estimator.steps[-1][1]
    calibrated = getattr(estimator, "calibrated_classifiers_", [])
    return calibrated[0].estimator if len(calibrated) == 1 else None
