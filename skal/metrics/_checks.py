"""What the metrics ask of the arrays they are given."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skal.labels import as_labels, is_missing


def complete_labels(y: ArrayLike, name: str) -> NDArray[Any]:
    """Return labels of any type, (n_samples,), none of them missing."""
    labels = as_labels(y, missing_label=None)
    missing = is_missing(labels, None)
    if missing.any():
        raise ValueError(
            f"{name} has a missing label (row {missing.argmax()}); keep only the rows "
            "that have one."
        )
    return labels


def as_probabilities(
    y_prob: ArrayLike, n_samples: int | None = None, name: str = "y_prob"
) -> NDArray[np.float64]:
    """Return ``y_prob`` in float64, (n_samples, n_classes), rows summing to one."""
    try:
        proba = np.asarray(y_prob, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no table of numbers: {error}") from error
    if proba.ndim != 2 or n_samples not in (None, len(proba)):
        raise ValueError(
            f"{name} has shape {proba.shape}; it needs one row a label and one column "
            f"a class, ({n_samples or 'n_samples'}, n_classes)."
        )
    _refuse_rows(~np.isfinite(proba).all(axis=1), name, "NaN or infinity")
    _refuse_rows((proba < 0).any(axis=1), name, "a negative probability")
    _refuse_rows(np.abs(proba.sum(axis=1) - 1) > 1e-3, name, "a sum that is not 1")
    return proba


def _refuse_rows(bad: Any, name: str, what: str) -> None:
    """Raise when any row is bad, naming the first."""
    if bad.any():
        raise ValueError(
            f"{name} has {what} in {bad.sum()} of {len(bad)} rows (first: row "
            f"{bad.argmax()}); it needs probabilities, as predict_proba returns."
        )
