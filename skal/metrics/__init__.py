"""What a run of active learning is judged on, besides accuracy.

Functions of plain arrays (:func:`sampling_bias`,
:func:`expected_calibration_error`, :func:`ood_auroc`, :func:`cost_per_accuracy`)
and scorers, ``(estimator, X, y)`` callables for the ``scoring`` of scikit-learn's
searches (``neg_...``: negated, so that higher is better).
"""

from skal.metrics._bias import sampling_bias
from skal.metrics._calibration import expected_calibration_error
from skal.metrics._cost import cost_per_accuracy
from skal.metrics._detection import ood_auroc
from skal.metrics._scorers import (
    neg_annotation_cost,
    neg_calibration_error,
    neg_sampling_bias,
)

__all__ = [
    "cost_per_accuracy",
    "expected_calibration_error",
    "neg_annotation_cost",
    "neg_calibration_error",
    "neg_sampling_bias",
    "ood_auroc",
    "sampling_bias",
]
