"""Expected calibration error: how far confidence is from accuracy."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar

from skal.labels import column_classes
from skal.metrics._checks import as_probabilities, complete_labels


def expected_calibration_error(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 15,
    classes: ArrayLike | None = None,
) -> float:
    r"""Measure how far a model's confidence is from how often it is right.

    Samples are put into bins of equal width by the probability of their predicted
    class; the error is the mean over samples of the gap, in their bin, between that
    confidence and the accuracy. It is the wrong tool for choosing between models of
    different accuracy (a constant guess can be perfectly calibrated: use a proper
    score, scikit-learn's ``neg_brier_score``), for few samples (noise within a bin
    only adds to it), or when the probabilities of the other classes matter.

    Takes :math:`O(n \cdot C)` time and memory.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The labels, of any type, none missing. One that names no column is a miss.
    y_prob : array-like of shape (n_samples, n_classes)
        Class probabilities; each row sums to 1 (to 1e-3).
    n_bins : int, default=15
        Number of bins between 0 and 1.
    classes : array-like of shape (n_classes,), default=None
        The label of each column, the model's ``classes_``. By default the sorted
        labels of `y_true` if there are as many as columns, else 0, 1, ... .

    Returns
    -------
    error : float
        Between 0 (calibrated) and 1 (certain and never right).

    Raises
    ------
    ValueError
        If `y_prob` is no table of probabilities with one row a label, if there are no
        rows, if the columns cannot be named, or if `n_bins` is below 1.

    Notes
    -----
    A bin holds its upper edge, (lo, hi], as in [1]_; the first holds 0 as well. Bins
    are found in float64, whatever the type of `y_prob`. Among classes that are tied
    for the highest probability, the first is the predicted one.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017). On Calibration of Modern
       Neural Networks. ICML.
    .. [2] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo, R. Iyer (2021).
       Mitigating Sampling Bias and Improving Robustness in Active Learning. Eq. 6.

    Examples
    --------
    >>> from skal.metrics import expected_calibration_error
    >>> y_prob = [[0.75, 0.25]] * 4
    >>> expected_calibration_error([0, 0, 0, 1], y_prob)  # 3 of 4 right, as it says
    0.0
    >>> expected_calibration_error([0, 0, 1, 1], y_prob)
    0.25
    >>> expected_calibration_error(["no"], [[0.5, 0.5]], classes=["no", "yes"])
    0.5
    """
    bins = confidence_bins(y_true, y_prob, n_bins=n_bins, classes=classes)
    return bins.error


class ConfidenceBins(NamedTuple):
    """Sums over the samples of each bin, three arrays of shape (n_bins,)."""

    counts: np.ndarray
    confidence: np.ndarray
    correct: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error."""
        gaps = np.abs(self.correct - self.confidence)
        return float(gaps.sum() / self.counts.sum())


def confidence_bins(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 15,
    classes: ArrayLike | None = None,
) -> ConfidenceBins:
    """Count the samples of each bin (lo, hi], their confidence and the hits among them.

    Parameters and errors are those of :func:`expected_calibration_error`.
    """
    check_scalar(n_bins, "n_bins", Integral, min_val=1)
    labels = complete_labels(y_true, "y_true")
    proba = as_probabilities(y_prob, len(labels))
    if not len(labels):
        raise ValueError("y_true and y_prob are empty: there is nothing to measure.")
    names = column_classes(proba.shape[1], labels, classes)
    confidence = proba.max(axis=1)
    correct = names[proba.argmax(axis=1)] == labels
    index = np.clip(np.ceil(confidence * n_bins).astype(np.intp) - 1, 0, n_bins - 1)
    counts, confidences, hits = (
        np.bincount(index, weights, minlength=n_bins)
        for weights in (None, confidence, correct)
    )
    return ConfidenceBins(counts, confidences, hits)
