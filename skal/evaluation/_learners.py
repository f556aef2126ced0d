"""The rows of a comparison: names, and the learner that plays each."""

import inspect
from collections.abc import Mapping

from sklearn.base import clone

from skal.learner import ActiveLearner
from skal.strategies import QueryStrategy

_SET_HERE = ("estimator", "strategy", "scoring", "random_state", "verbose")


def as_learners(estimator, strategies, learner_params):
    """Make an unfitted learner of each row."""
    if not isinstance(strategies, Mapping) or not strategies:
        raise TypeError(
            f"strategies is {strategies!r}: give a dict of names to strategies, such "
            f"as {{'Random': RandomSampling()}}."
        )
    known = set(inspect.signature(ActiveLearner).parameters).difference(_SET_HERE)
    unknown = sorted(set(learner_params) - known)
    if unknown:
        raise TypeError(
            f"compare_strategies has no parameter {unknown[0]!r}; a learner's are "
            f"{sorted(known)}."
        )
    return {
        _name(name): _as_learner(name, row, estimator, learner_params)
        for name, row in strategies.items()
    }


def _name(name):
    if not isinstance(name, str) or not name:
        raise TypeError(f"strategies has the name {name!r}: give texts.")
    return name


def _as_learner(name, row, estimator, learner_params):
    if isinstance(row, ActiveLearner):
        return clone(row)
    if row is not None and not isinstance(row, QueryStrategy):
        raise TypeError(
            f"strategies[{name!r}] is {row!r}: give a strategy (an object, not its "
            f"class) or an ActiveLearner; a Pipeline goes inside the learner, as its "
            f"estimator."
        )
    if estimator is None:
        raise TypeError(
            f"estimator is None, and strategies[{name!r}] is a strategy, which needs "
            f"one; only an ActiveLearner brings its own."
        )
    return clone(ActiveLearner(estimator, row, **learner_params))


def check_initial_positions(learners, cuts):
    """Refuse positions in X for the first batch where runs see a part of X only."""
    given = [name for name, one in learners.items() if describe_initial(one) == "given"]
    if cuts and given:
        raise ValueError(
            f"initial of strategies[{given[0]!r}] holds positions in X, and a part of "
            f"X is held out for testing: give X_test and y_test."
        )


def describe_initial(learner):
    """Say in one word what chooses the first batch."""
    initial = learner.initial
    if isinstance(initial, str):
        return initial
    return type(initial).__name__ if isinstance(initial, QueryStrategy) else "given"
