"""One run of a comparison: a strategy, a repeat."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from skal.evaluation._learners import describe_initial
from skal.learner._initial import is_named, random_start_size

_FROM_HISTORY = ("n_labeled", "cost", "fit_time", "query_time", "sampling_bias")
_NOT_KEPT = ("indices", "class_counts")


class Run(NamedTuple):
    """Which strategy, which repeat, and the seed that all strategies of it share."""

    strategy: str
    repeat: int
    seed: int

    @property
    def key(self):
        """What it is found by in the table."""
        return self.strategy, self.repeat


def play(run, learner, splits, scoring):
    """Return the table of one run, a row a round, averaged over the folds."""
    learner = clone(learner).set_params(
        random_state=run.seed, scoring=scoring, verbose=0
    )
    try:
        folds = [_play_fold(learner, *parts) for parts in splits()]
    except Exception as error:
        error.add_note(f"(strategies[{run.strategy!r}], repeat {run.repeat})")
        raise
    table = folds[0] if len(folds) == 1 else _average(folds)
    table.insert(0, "strategy", run.strategy)
    table.insert(1, "repeat", run.repeat)
    table.insert(3, "initial", describe_initial(learner))
    return table


def _play_fold(learner, X, y, X_test, y_test):
    learner = clone(learner)
    if is_named(learner.initial, "strategy"):
        learner.n_initial = random_start_size(learner, y)
    learner.fit(X, y, X_val=X_test, y_val=y_test)
    rows = pd.DataFrame(learner.history_).drop(columns=list(_NOT_KEPT))
    scores = [name for name in rows if name not in ("round", *_FROM_HISTORY)]
    for name in scores:
        rows[name] = _as_floats(rows[name], name)
    return rows[["round", *_FROM_HISTORY, *scores]]


def _as_floats(values, name):
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"scoring gives {values.iloc[0]!r} as {name!r}: a score is a number."
        ) from error


def _average(folds):
    """Average the rounds that every fold has; counts that agree stay integers."""
    n = min(map(len, folds))
    values = np.mean([fold[:n].to_numpy(dtype=float) for fold in folds], axis=0)
    mean = pd.DataFrame(values, columns=list(folds[0])).astype({"round": np.int64})
    for name in ("n_labeled", "cost"):
        if (mean[name] % 1 == 0).all():
            mean[name] = mean[name].astype(np.int64)
    return mean
