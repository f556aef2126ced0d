"""Scoring each round of a simulation on validation data."""

import copy

import numpy as np
from sklearn.metrics import check_scoring

from skal.containers import as_pool, n_rows, take
from skal.labels import as_labels, distinct, is_missing


def round_scorer(learner, X_val, y_val):
    """Return a function of the campaign: a dict of the scores of its model."""
    if X_val is None and y_val is None:
        if learner.scoring is not None:
            raise ValueError(
                "scoring is set and there is nothing to score on: pass X_val and y_val "
                "to fit."
            )
        return lambda campaign: {}  # noqa: ARG005
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val go together: one of them is None.")
    X_val, y_val = _rows_of_classes(as_pool(X_val), y_val, learner.ood_label)
    name = learner.scoring if isinstance(learner.scoring, str) else "score"
    scorer = check_scoring(learner, learner.scoring)

    def score(campaign):
        then = copy.copy(learner)  # predicts as the learner would at this point
        then.__dict__.update(campaign.attributes())
        result = scorer(then, X_val, y_val)
        return dict(result) if isinstance(result, dict) else {name: result}

    return score


def _rows_of_classes(X_val, y_val, ood_label):
    """Leave out rows that belong to no class."""
    y_val = as_labels(y_val, missing_label=None)
    if n_rows(X_val) != len(y_val):
        raise ValueError(
            f"X_val has {n_rows(X_val)} rows and y_val has {len(y_val)}: give one "
            f"label a row."
        )
    rows = np.arange(len(y_val))
    if ood_label is not None:
        rows = rows[~is_missing(y_val, ood_label)]
    names, inverse = distinct(y_val[rows])
    return take(X_val, rows), names[inverse]
