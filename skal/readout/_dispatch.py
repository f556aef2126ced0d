"""How to read each kind of model."""

import functools
import importlib
import sys

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

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
# Modules of skal that register handlers for the types of another library.
_LATE_HANDLERS = {"skorch": "skal.readout._skorch"}


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
    for library, module in _LATE_HANDLERS.items():
        if library in sys.modules:
            importlib.import_module(module)
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = estimator[:-1].transform(X)
    inner = inner_model(estimator)
    if inner is not None:
        return read_rows(inner, X, what, n_draws=n_draws, seed=seed)
    return _read(estimator, X, what, n_draws=n_draws, seed=seed)


@functools.singledispatch
def _read(estimator, X, what, *, n_draws, seed):  # noqa: ARG001
    """Read a classifier without layers: its features are its input."""
    out = {}
    if "proba" in what:
        out["proba"] = predict_proba(estimator, X)
    if "embedding" in what:
        out["embedding"] = own_input(estimator, X)
    if "proba_draws" in what and (members := _committee(estimator)):
        out["proba_draws"] = np.stack([member(X) for member in members])
    return out


read_rows.register = _read.register


def column_labels(estimator):
    """Name the columns of a fitted model's ``predict_proba``; None if it does not say.

    A net whose last layer is wider than the labels it saw names them 0, 1, 2 ...
    """
    inner = inner_model(estimator)
    if inner is not None:
        return column_labels(inner)
    return _labels(estimator)


@functools.singledispatch
def _labels(estimator):
    return getattr(estimator, "classes_", None)


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


def _committee(estimator):
    """Return the members of an ensemble as functions of X to aligned probabilities."""
    forest = sys.modules.get("sklearn.ensemble")
    if forest is None:
        return []
    n_classes = len(getattr(estimator, "classes_", ()))
    if isinstance(estimator, forest.BaggingClassifier):
        pairs = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
        return [
            functools.partial(_member_proba, member, n_classes, columns)
            for member, columns in pairs
        ]
    kinds = (
        forest.RandomForestClassifier,
        forest.ExtraTreesClassifier,
        forest.VotingClassifier,
    )
    if isinstance(estimator, kinds):
        return [
            functools.partial(_member_proba, member, n_classes, None)
            for member in estimator.estimators_
        ]
    return []


def _member_proba(member, n_classes, columns, X):
    """Probabilities of one member, whose classes are numbers of the ensemble's."""
    X = X if columns is None else X[:, columns]
    out = np.zeros((X.shape[0], n_classes))
    out[:, np.asarray(member.classes_, dtype=np.intp)] = member.predict_proba(X)
    return out


def _read_calibrated(estimator, X, what, *, n_draws, seed):
    """Calibrated probabilities; the features are those of the first model inside."""
    first = estimator.calibrated_classifiers_[0].estimator
    rest = [name for name in what if name != "proba"]
    out = read_rows(first, X, rest, n_draws=n_draws, seed=seed) if rest else {}
    if "proba" in what:
        out["proba"] = predict_proba(estimator, X)
    return out
