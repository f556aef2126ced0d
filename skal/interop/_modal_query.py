"""modAL: its query strategies, which are plain functions, as strategies of skal."""

import dataclasses
from collections.abc import Callable
from typing import Any

from sklearn.exceptions import NotFittedError

from skal.containers import as_pool
from skal.interop._shared import PoolModel, checked_picks, numpy_seeded
from skal.strategies import QueryStrategy


class FromModal(QueryStrategy):
    """Choose by a query strategy of modAL, or by any function like one.

    The function is called as modAL calls it, ``query_function(classifier, X,
    n_instances=query_size)``, where `X` holds the candidates. The classifier has
    ``predict_proba``, ``predict``, ``estimator``, ``classes_``, and the labeled rows as
    ``X_training`` and ``y_training`` (None while there are none). A further argument is
    set with ``functools.partial(margin_sampling, random_tie_break=True)``. Strategies
    for committees (``vote``) and for regression are not for this; where skal has the
    strategy itself, take that, which breaks ties by its own seed and scales further.

    Each row is read once for the model's probabilities; the rest is the function's own
    cost.

    Parameters
    ----------
    query_function : callable
        Returns positions in the `X` that it is given, or a tuple that begins with them.

    Raises
    ------
    ValueError
        At a query, if the function returns anything but `query_size` distinct
        positions.

    Notes
    -----
    The picks come in the order in which the function returns them; modAL's own
    functions return them in no order, or the most wanted last (``random_tie_break``).

    modAL draws from NumPy's global generator: it is seeded from `random_state` for the
    call, and its state restored.

    References
    ----------
    .. [1] Danka & Horvath (2018). modAL: A modular active learning framework for
       Python.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.interop import FromModal
    >>> def least_sure(classifier, X, n_instances=1):
    ...     confidence = classifier.predict_proba(X).max(axis=1)
    ...     picked = np.argsort(confidence)[:n_instances]
    ...     return picked, confidence[picked]
    >>> proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    >>> FromModal(least_sure).fit(np.zeros((3, 1)), proba=proba).query(2)
    array([1, 2])
    """

    query_function: Callable[..., Any] = dataclasses.field(kw_only=False)

    def _select(self, query_size, rng, X, candidates, labeled_X, labeled_y, estimator):
        if not callable(self.query_function):
            raise TypeError(
                f"query_function is {self.query_function!r}: give a function of "
                f"(classifier, X, n_instances)."
            )
        name = f"query_function {_name_of(self.query_function)}"
        classes = self._pool.classes
        learner = ModalLearner(
            PoolModel(self._model(), name),
            (X, candidates),
            estimator=estimator,
            classes=classes,
            labeled=(labeled_X, classes[labeled_y]) if len(labeled_y) else (None, None),
        )
        with numpy_seeded(rng):
            result = self.query_function(learner, X, n_instances=query_size)
        picked = result[0] if isinstance(result, tuple) else result
        return checked_picks(picked, query_size, len(candidates), name)


class ModalLearner:
    """What functions of modAL ask of a learner, answered by skal's reading."""

    on_transformed = False

    def __init__(self, model, rows, *, estimator, classes, labeled):
        self._model, self._rows = model, rows
        self.estimator = estimator
        self.classes_ = classes
        self.X_training, self.y_training = labeled

    def predict_proba(self, X):
        """Probabilities of the classes, (rows, n_classes)."""
        if not self._model.known:
            raise NotFittedError(
                f"{self._model.name} asks for probabilities, and there is no model: "
                f"pass `fit` a fitted `estimator`, or an array `proba`."
            )
        rows, positions = self._rows
        if X is rows:
            return self._model.proba_at(positions)
        return self._model.proba_of(as_pool(X))

    def predict(self, X):
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _name_of(function):
    inner = getattr(function, "func", function)  # functools.partial
    return getattr(inner, "__name__", repr(inner))
