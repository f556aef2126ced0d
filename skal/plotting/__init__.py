"""Figures of a run of active learning, as scikit-learn's displays.

A display keeps plain data, ``plot(ax=None)`` draws it, and ``ax_`` and ``figure_`` are
there to go on with. Make one of a table of results, of a fitted learner or of
predictions by a class method named ``from_...``. Matplotlib is imported when something
is drawn.
"""

from skal.plotting._budget_curve import BudgetCurveDisplay
from skal.plotting._penalty_matrix import PenaltyMatrixDisplay
from skal.plotting._query_map import QueryMapDisplay
from skal.plotting._reliability import ReliabilityDisplay
from skal.plotting._sampling_bias import SamplingBiasDisplay

__all__ = [
    "BudgetCurveDisplay",
    "PenaltyMatrixDisplay",
    "QueryMapDisplay",
    "ReliabilityDisplay",
    "SamplingBiasDisplay",
]
