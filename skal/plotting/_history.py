"""What a fitted learner remembers of its run."""

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skal.metrics._scorers import _learner_value


def history_of(learner, caller):
    """Return the history of a learner, or of what holds one at its end."""
    if isinstance(learner, BaseEstimator):
        check_is_fitted(learner)
    return _learner_value(learner, "history_", caller)


def history_table(learner, name, caller):
    """Make a table of results, of one strategy and repeat, of a learner's history."""
    table = pd.DataFrame(history_of(learner, caller))
    if name is None:
        name = type(_learner_value(learner, "strategy_", caller)).__name__
    return table.drop(columns=["indices", "class_counts"]).assign(
        strategy=name, repeat=0
    )
