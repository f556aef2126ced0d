"""scikit-activeml: strategies of skal with its ``query(X, y, clf, ...)``."""

import functools
import sys

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from skal.containers import as_array, n_rows
from skal.interop._shared import Chooser, check_strategy, scores_at, stack
from skal.labels import as_labels, is_missing, resolve_candidates


def as_skactiveml(strategy, *, missing_label=np.nan):
    """Make a query strategy for scikit-activeml of one of skal.

    What it returns has the ``query`` of the strategies in ``skactiveml.pool``. Where
    scikit-activeml is loaded it is one of its ``SingleAnnotatorPoolQueryStrategy``, so
    that its wrappers take it. Use one for each run: it counts the rounds, for
    strategies that change with them. ``random_state`` is that of `strategy`.

    Parameters
    ----------
    strategy : QueryStrategy
        Copied, never fitted itself. With ``random_state=None``, the copy draws one seed
        at its first query.
    missing_label : object, default=nan
        The mark of a missing label in `y`; NaN and None always are one.

    Returns
    -------
    query_strategy : object
        See Notes for its ``query``.

    Raises
    ------
    TypeError
        If `strategy` is not an instance of a strategy of skal.

    Notes
    -----
    ``query(X, y, clf=None, fit_clf=True, sample_weight=None, candidates=None,
    batch_size=1, return_utilities=False)``, where

    - `clf` is a classifier of scikit-activeml or of scikit-learn, which is read where
      the strategy needs a model. As there, a clone of it is fitted unless
      ``fit_clf=False``. Of a ``SklearnClassifier``, the classifier inside it is read,
      so that the features of a pipeline or a net are there.
    - `candidates` is None, positions of unlabeled rows, or rows that need not be in
      `X`; positions refer to those then.
    - The utilities, (batch_size, n), are the strategy's scores of the candidates, the
      same in each line but for earlier picks, and NaN elsewhere. A strategy that does
      not score single rows gives 1 to the pick of the line and 0 to the others.

    References
    ----------
    .. [1] Kottke et al. (2021). scikit-activeml: A Library and Toolbox for Active
       Learning Algorithms.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.interop import as_skactiveml
    >>> from skal.strategies import MarginSampling
    >>> X = np.array([[-2.0], [-1.0], [0.1], [1.0], [3.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, 1])
    >>> as_skactiveml(MarginSampling()).query(X, y, LogisticRegression(), batch_size=2)
    array([2, 3])
    """
    check_strategy(strategy)
    loaded = sys.modules.get("skactiveml") is not None
    kind = _their_kind() if loaded else SkalQuery
    return kind(strategy, missing_label=missing_label)


class SkalQuery(BaseEstimator):
    """What :func:`as_skactiveml` returns."""

    def __init__(self, strategy, missing_label=np.nan):
        self.strategy = strategy
        self.missing_label = missing_label

    def query(
        self,
        X,
        y,
        clf=None,
        fit_clf=True,
        sample_weight=None,
        candidates=None,
        batch_size=1,
        return_utilities=False,
    ):
        """Choose rows to label; positions, and the utilities where they are asked."""
        if clf is not None and fit_clf:
            clf = self._fit(clf, X, y, sample_weight)
        y = as_labels(y, self.missing_label)
        shift = 0
        if candidates is not None and np.ndim(candidates) > 1:
            shift = n_rows(X)
            X = stack(X, candidates, ("X", "candidates"))
            candidates = np.arange(shift, n_rows(X))
            y = np.concatenate([y, self._no_labels(len(candidates), y.dtype)])
        if "_chooser" not in self.__dict__:
            self._chooser = Chooser()
        strategy = self._chooser.of(self.strategy, self.missing_label)
        strategy.fit(X, y, **_read_from(clf))
        picked = strategy.query(batch_size, candidates=candidates)
        if not return_utilities:
            return picked - shift
        utilities = _utilities(strategy, picked, candidates, n_rows(X))
        return picked - shift, utilities[:, shift:]

    def _fit(self, clf, X, y, sample_weight):
        clf, weight = clone(clf), {}
        if sample_weight is not None:
            weight = {"sample_weight": np.asarray(sample_weight)}
        if hasattr(clf, "missing_label"):
            return clf.fit(X, y, **weight)
        y = as_labels(y, self.missing_label)
        rows = np.flatnonzero(~is_missing(y, self.missing_label))
        weight = {name: values[rows] for name, values in weight.items()}
        return clf.fit(_safe_indexing(X, rows), y[rows], **weight)

    def _no_labels(self, n, dtype):
        return np.full(n, self.missing_label, dtype=dtype if dtype.hasobject else None)


@functools.cache
def _their_kind():
    """Make the class whose objects are strategies of scikit-activeml as well."""
    from skactiveml.base import SingleAnnotatorPoolQueryStrategy

    return type(
        "SkactivemlQuery",
        (SkalQuery, SingleAnnotatorPoolQueryStrategy),
        {"__doc__": SkalQuery.__doc__, "__module__": __name__},
    )


def __getattr__(name):
    """Give the class by its name, which is how a pickle finds it."""
    if name == "SkactivemlQuery":
        return _their_kind()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _read_from(clf):
    """Return what a strategy is fitted over: the model, the names of its columns."""
    if clf is None:
        return {}
    check_is_fitted(clf)
    model = clf
    if getattr(clf, "is_fitted_", False):  # a wrapper whose model could be fitted
        model = clf.__dict__.get("estimator_", clf)
    return {"estimator": model, "classes": getattr(clf, "classes_", None)}


def _utilities(strategy, picked, candidates, n):
    positions = as_array(resolve_candidates(strategy._pool, candidates))
    scores = scores_at(strategy, positions)
    utilities = np.full((len(picked), n), np.nan)
    utilities[:, positions] = 0 if scores is None else scores
    for line, row in enumerate(picked):
        utilities[line, row] = 1 if scores is None else utilities[line, row]
        utilities[line + 1 :, row] = np.nan
    return utilities
