"""One pass over a fitted model: what it says of the rows of a pool.

:func:`read` is for people, :class:`Reader` for strategies and learners. Both ask
:func:`read_rows`, which dispatches on the type of the model; teach it a new kind of
model with ``read_rows.register(Kind)``.
"""

from skal.readout._checks import align_columns, read_only
from skal.readout._dispatch import column_labels, inner_model, read_rows
from skal.readout._features import Transformed, learn_features
from skal.readout._reader import OF_REPRESENTATION, READINGS, Reader, read

__all__ = [
    "OF_REPRESENTATION",
    "READINGS",
    "Reader",
    "Transformed",
    "align_columns",
    "column_labels",
    "inner_model",
    "learn_features",
    "read",
    "read_only",
    "read_rows",
]
