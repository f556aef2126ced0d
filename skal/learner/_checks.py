"""What a learner is given, checked before any work."""

import warnings

from sklearn.base import is_regressor
from sklearn.utils.multiclass import check_classification_targets

from skal.containers import n_rows
from skal.labels import check_complete, encode, resolve_count, warn_if_sentinel
from skal.strategies import QueryStrategy


def check_parts(learner):
    """Check that a learner holds a classifier and a strategy."""
    estimator, strategy = learner.estimator, learner.strategy
    if isinstance(estimator, type):
        name = estimator.__name__
        raise TypeError(f"estimator is the class {name}: give {name}().")
    if hasattr(estimator, "__sklearn_tags__") and is_regressor(estimator):
        raise TypeError(
            f"estimator is a regressor, {type(estimator).__name__}: an ActiveLearner "
            f"needs a classifier."
        )
    if strategy is not None and not isinstance(strategy, QueryStrategy):
        raise TypeError(
            f"strategy is {strategy!r}: give an instance of a class of "
            f"skal.strategies, such as MarginSampling(), or None for chance."
        )


def check_oracle(learner, X, y):
    """Check the labels of a simulation; return class codes and classes."""
    y = check_complete(y, n_rows(X), type(learner).__name__)
    truth, classes = encode(y, missing_label=None, ood_label=learner.ood_label)
    check_classification_targets(classes[truth[truth >= 0]])
    if len(classes) < 2:
        raise ValueError(
            f"y holds one class only, {classes.tolist()}: a classifier needs two."
        )
    if learner.ood_label is not None and (truth >= 0).all():
        warnings.warn(
            f"ood_label is {learner.ood_label!r}, and no row of y has that label.",
            UserWarning,
            stacklevel=4,
        )
    warn_if_sentinel(classes, learner.missing_label)
    return truth, classes


def check_n_initial(n_initial, n):
    """Turn `n_initial` into a number of labels that n rows have."""
    count = resolve_count(n_initial, n, "n_initial")
    if count > n:
        raise ValueError(
            f"n_initial is {count} and the pool has {n} rows: give at most {n}, or a "
            f"float as a share of the pool."
        )
    return count


def check_pool_size(pool_size, query_size):
    """Check that a subset of the pool holds what a round asks for."""
    if pool_size is not None and pool_size < query_size:
        raise ValueError(
            f"pool_size is {pool_size} and query_size is {query_size}: a round cannot "
            f"choose more rows than it chooses from."
        )
