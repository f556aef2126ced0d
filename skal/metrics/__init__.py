"""What a run of active learning is judged on, besides accuracy.

Functions of plain arrays (:func:`sampling_bias`,
:func:`expected_calibration_error`, :func:`ood_auroc`, :func:`cost_per_accuracy`), of
one batch and its pool (:func:`input_diversity`, :func:`feature_diversity`,
:func:`batch_uncertainty`, :func:`representativeness`), of the table that
:func:`skal.evaluation.compare_strategies` returns (:func:`penalty_matrix`,
:func:`area_under_budget_curve`, :func:`labels_saved`), and scorers,
``(estimator, X, y)`` callables for the ``scoring`` of scikit-learn's searches
(``neg_...``: negated, so that higher is better).
"""

from skal.metrics._batch import batch_uncertainty, input_diversity
from skal.metrics._bias import sampling_bias
from skal.metrics._budget import area_under_budget_curve, labels_saved
from skal.metrics._calibration import expected_calibration_error
from skal.metrics._cost import cost_per_accuracy
from skal.metrics._coverage import feature_diversity, representativeness
from skal.metrics._detection import ood_auroc
from skal.metrics._penalty import penalty_matrix
from skal.metrics._scorers import (
    neg_annotation_cost,
    neg_calibration_error,
    neg_sampling_bias,
)

__all__ = [
    "area_under_budget_curve",
    "batch_uncertainty",
    "cost_per_accuracy",
    "expected_calibration_error",
    "feature_diversity",
    "input_diversity",
    "labels_saved",
    "neg_annotation_cost",
    "neg_calibration_error",
    "neg_sampling_bias",
    "ood_auroc",
    "penalty_matrix",
    "representativeness",
    "sampling_bias",
]
