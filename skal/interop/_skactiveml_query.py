"""scikit-activeml: its query strategies as strategies of skal."""

import dataclasses
import inspect
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from skal._seeding import seed_params
from skal.interop._shared import checked_picks, numpy_seeded
from skal.interop._skactiveml_model import FeatureModel, read_classifier
from skal.readout import inner_model
from skal.strategies import QueryStrategy

# What skal can answer of the arguments of a query; all others must have a default.
_GIVEN = {"X", "y", "candidates", "batch_size"}
_MODELS = {"clf": "fit_clf", "estimator": "fit_estimator"}


class FromSkactiveml(QueryStrategy):
    """Choose by a query strategy of scikit-activeml.

    The strategy is asked with the features as `X`, the known labels as `y` (class
    numbers, NaN where there is none) and, where it takes one, a classifier that answers
    from what skal has read of the model. That holds for strategies over one classifier
    or none: those for regression, for committees and for several annotators are
    refused. Where skal has the strategy itself, take that: it works in chunks, and on
    sparse features.

    Each row is read once; the rest is the cost of the strategy, some of which builds an
    array (query_size, n) or (n, n).

    Parameters
    ----------
    query_strategy : SingleAnnotatorPoolQueryStrategy
        Copied for each query. Wherever its `random_state` is None, it is seeded from
        that of skal; its `missing_label` is of no account.

    Raises
    ------
    TypeError
        At a query, if the strategy needs what skal cannot give, or the features are
        sparse.
    ValueError
        At a query, if it asks for a model and there is none.

    Notes
    -----
    A strategy may fit the classifier again on other labels (expected error reduction):
    a clone of the model's last step is fitted on the features then. It has to be a
    model that takes the features as they are, so no net, and no model next to a
    `representation`. An error in that fit is raised, where scikit-activeml's own
    ``SklearnClassifier`` would go on with the frequencies of the classes.

    References
    ----------
    .. [1] Kottke et al. (2021). scikit-activeml: A Library and Toolbox for Active
       Learning Algorithms.

    Examples
    --------
    Anything with such a ``query`` will do:

    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from skal.interop import FromSkactiveml
    >>> class FarthestFromOrigin(BaseEstimator):
    ...     def query(self, X, y, candidates=None, batch_size=1):
    ...         distance = np.linalg.norm(X[candidates], axis=1)
    ...         return candidates[np.argsort(-distance)[:batch_size]]
    >>> X = np.array([[9.0], [1.0], [5.0], [3.0]])
    >>> FromSkactiveml(FarthestFromOrigin()).fit(X, [0, -1, -1, -1]).query(2)
    array([2, 3])
    """

    query_strategy: Any = dataclasses.field(kw_only=False)
    needs_dense_features: ClassVar[bool] = True

    def _select(self, query_size, rng, candidates, pool_embedding, labeled_y):
        name = f"query_strategy {type(self.query_strategy).__name__}"
        asked = _asked(self.query_strategy, name)
        if sp.issparse(pool_embedding):
            raise TypeError(
                f"{name} needs dense features, and these are sparse: give "
                f"FromSkactiveml a representation, TruncatedSVD(n_components=100) say."
            )
        y = np.full(len(pool_embedding), np.nan)
        y[self._pool.labeled] = labeled_y
        arguments = {"X": pool_embedding, "y": y, "candidates": candidates}
        rows = (pool_embedding, candidates)
        for argument in _MODELS.keys() & asked:
            model = FeatureModel(self._model(), name, rows, self._last_step)
            clf = read_classifier()(model, np.arange(len(self._pool.classes)))
            arguments[argument] = clf.begin()
            arguments[_MODELS[argument]] = "ignore_partial_fit" in asked
        theirs = self._seeded(rng)
        with numpy_seeded(rng):
            picked = np.ravel(theirs.query(batch_size=query_size, **arguments))
        among = np.searchsorted(candidates, picked)
        among[~np.isin(picked, candidates)] = -1
        return checked_picks(among, query_size, len(candidates), name, picked)

    def _seeded(self, rng):
        theirs = clone(self.query_strategy)
        params = theirs.get_params(deep=True)
        marks = [name for name in params if name.split("__")[-1] == "missing_label"]
        theirs.set_params(**dict.fromkeys(marks, np.nan))
        return seed_params(theirs, int(rng.integers(2**31)))

    @property
    def _last_step(self):
        """The model that takes the features, or None where there is no such model."""
        model = self._model().estimator
        while model is not None and (inner := inner_model(model)) is not None:
            model = inner
        takes_rows = self.representation is None and hasattr(model, "n_features_in_")
        return model if takes_rows else None


def _asked(query_strategy, name):
    """Names of what a query takes; refuse those that need more than skal can give."""
    innermost = query_strategy
    while hasattr(innermost, "query_strategy"):  # a wrapper hands arguments on
        innermost = innermost.query_strategy
    if not callable(getattr(innermost, "query", None)):
        raise TypeError(f"{name} has no method `query`: give one of scikit-activeml.")
    asked = inspect.signature(innermost.query).parameters
    unknown = [
        p.name
        for p in asked.values()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in _GIVEN | _MODELS.keys()
    ]
    if unknown:
        raise TypeError(
            f"{name} needs `{unknown[0]}` in its query, which skal cannot give: take a "
            f"strategy over a pool and one classifier (`clf`)."
        )
    return asked.keys()
