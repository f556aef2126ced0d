"""How to read each kind of model."""

import functools
import importlib
import sys

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skal.containers import n_rows
from skal.readout._checks import read_only

# Meta-estimators that predict by one fitted model: where the class lives, its name,
# and the attribute that holds the model. Looked up once their module is loaded: an
# object of a library that nobody imported cannot exist.
_WRAPPERS = [
    ("sklearn.model_selection._search", "BaseSearchCV", "best_estimator_"),
    (
        "sklearn.model_selection._classification_threshold",
        "BaseThresholdClassifier",
        "estimator_",
    ),
    ("sklearn.semi_supervised", "SelfTrainingClassifier", "estimator_"),
    ("sklearn.frozen", "FrozenEstimator", "estimator"),
]
# Modules of skal that register handlers for the types of another module.
_LATE_HANDLERS = {
    "skorch": "skal.readout._skorch",
    "sklearn.calibration": "skal.readout._calibration",
}


def inner_model(estimator):
    """Return the fitted model that a Pipeline or a wrapper ends in; None if it is one.

    A Pipeline's last step reads what the steps before it made of X.
    """
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1][1]
    for module, name, attribute in _WRAPPERS:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(estimator, kind):
            return getattr(estimator, attribute)
    return None


def read_rows(estimator, X, what, *, n_draws=10, seed=0):
    """Read rows X of a fitted model, all of `what` in one pass; a dict of arrays.

    Handlers for new kinds of models are added with ``read_rows.register(Kind)``; they
    take the same arguments and may leave out what the model cannot say.
    """
    _register_late()
    options = {"n_draws": n_draws, "seed": seed}
    handler = _read.dispatch(type(estimator))
    inner = inner_model(estimator)
    if inner is None or handler is not _read.dispatch(object):
        return handler(estimator, X, what, **options)
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = transform(estimator[:-1], X)
    return read_rows(inner, X, what, **options)


def _register_late():
    for library, module in _LATE_HANDLERS.items():
        if library in sys.modules:
            importlib.import_module(module)


@functools.singledispatch
def _read(estimator, X, what, *, n_draws, seed):  # noqa: ARG001
    """Read a classifier without layers: its features are its input."""
    out = {}
    if "proba" in what:
        out["proba"] = predict_proba(estimator, X)
    if "embedding" in what:
        out["embedding"] = own_input(estimator, X)
    if "proba_draws" in what and (draws := _committee(estimator, X)) is not None:
        out["proba_draws"] = draws
    return out


read_rows.register = _read.register


def column_labels(estimator):
    """Name the columns of a fitted model's ``predict_proba``; None if it does not say.

    A net whose last layer is wider than the labels it saw names them 0, 1, 2 ...
    """
    _register_late()
    inner = inner_model(estimator)
    if inner is not None:
        return column_labels(inner)
    return _labels(estimator)


@functools.singledispatch
def _labels(estimator):
    return getattr(estimator, "classes_", None)


column_labels.register = _labels.register


def transform(transformer, X):
    """Transform rows of a pool, which a step with ``copy=False`` must not write to."""
    guarded = read_only(X)
    out = transformer.transform(guarded)
    return X if out is guarded else out


def predict_proba(estimator, X):
    """Probabilities of the classes, or an error that says what would have them."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{type(estimator).__name__} has no predict_proba, which gives `proba`. "
            f"Wrap it in CalibratedClassifierCV, or take a strategy that reads "
            f"features only (CoreSet) or nothing (RandomSampling)."
        )
    return estimator.predict_proba(X)


def own_input(estimator, X):
    """Rows of X as the estimator itself sees them, by its own rules."""
    rules = {"accept_sparse": "csr", "ensure_all_finite": False}
    try:
        if isinstance(estimator, BaseEstimator):
            return validate_data(estimator, X, reset=False, **rules)
        return check_array(X, **rules)
    except (ValueError, TypeError) as error:
        raise type(error)(
            f"The features of X (`embedding`) cannot be read from "
            f"{type(estimator).__name__}: {error} Give the strategy a "
            f"`representation`, a transformer that makes a table of numbers of X."
        ) from error


def _committee(estimator, X):
    """Return what each member of an ensemble says of X, aligned; None without one."""
    ensemble = sys.modules.get("sklearn.ensemble")
    if ensemble is None:
        return None
    members = getattr(estimator, "estimators_", ())
    features = [None] * len(members)
    if isinstance(estimator, ensemble.BaggingClassifier):
        features = estimator.estimators_features_
    forests = (ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier)
    if isinstance(estimator, (ensemble.BaggingClassifier, *forests)):
        X = own_input(estimator, X)  # the members saw arrays
    elif not isinstance(estimator, ensemble.VotingClassifier):
        return None
    n_classes = len(estimator.classes_)
    return np.stack(
        [
            _member_proba(member, X if columns is None else X[:, columns], n_classes)
            for member, columns in zip(members, features, strict=True)
        ]
    )


def _member_proba(member, X, n_classes):
    """Probabilities of one member, whose classes are numbers of the ensemble's."""
    proba = predict_proba(member, X)
    if len(member.classes_) == n_classes:  # a frozen member has names, not numbers
        return proba
    out = np.zeros((n_rows(X), n_classes))
    out[:, np.asarray(member.classes_, dtype=np.intp)] = proba
    return out
