"""Strategies that choose the set of rows with the largest value of a set function."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from skal import submodular
from skal._seeding import draw_seed
from skal.containers import as_pool, n_rows
from skal.functional._frame import stacked
from skal.strategies._checks import check_option
from skal.strategies._held_out import read_held_out
from skal.strategies.base import QueryStrategy
from skal.submodular import FLCMI, SetFunction, Similarity, maximize

_OPTIMIZERS = ("auto", "naive", "lazy", "stochastic", "lazier")
_METRICS = ("cosine", "shifted", "dot", "rbf")


class _OfSets(QueryStrategy):
    """Base of strategies that maximize a set function.

    Attributes
    ----------
    n_filled_ : int
        How many picks of the last query add nothing to the value: they were chosen by
        similarity to the query set, less that to the private set.
    """

    metric: Literal["cosine", "shifted", "dot", "rbf"] = "cosine"
    optimizer: Literal["auto", "naive", "lazy", "stochastic", "lazier"] = "auto"

    def _check(self) -> None:
        check_option("metric", self.metric, _METRICS)
        check_option("optimizer", self.optimizer, _OPTIMIZERS)

    def _maximize(self, function, similarity, query_size, rng):
        f = make_function(function)(similarity)
        chosen = maximize(
            f, query_size, optimizer=self.optimizer, random_state=draw_seed(rng)
        )
        self.n_filled_ = getattr(chosen, "n_filled", 0)
        return chosen[0]


def make_function(function: Any) -> Callable[[Similarity], SetFunction]:
    """Return what makes a set function of a similarity: a class, or what is given."""
    if isinstance(function, str):
        found = getattr(submodular, function, None)
        names = [
            name
            for name in submodular.__all__
            if isinstance(getattr(submodular, name), type)
            and issubclass(getattr(submodular, name), SetFunction)
            and name != "SetFunction"
        ]
        if function not in names:
            raise ValueError(f"function is {function!r}: give one of {names}.")
        return found
    if not callable(function):
        raise TypeError(
            f"function is {function!r}: give a class of skal.submodular, its name, or "
            f"what makes a set function of a Similarity, such as "
            f"functools.partial(FLQMI, eta=0.1)."
        )
    return function


class SubmodularSampling(_OfSets):
    """Choose the set of rows with the largest value of a set function of features.

    The function says what is wanted: rows that stand for the pool
    (:class:`~skal.submodular.FacilityLocation`), that are unlike each other
    (:class:`~skal.submodular.LogDeterminant`), like a few examples
    (:class:`~skal.submodular.FLQMI`, ...MI), unlike what is labeled
    (:class:`~skal.submodular.LogDetCG`, ...CG), or both (...CMI). Chosen greedily. It
    knows nothing of the model's doubts: :class:`SIMILAR` compares gradients instead.

    Cost as the function's: O(n**2 * d) for facility location over the pool, O(n * d) a
    pick for log-determinants, O(n * n_queries * d) for FLQMI and GCMI.

    Parameters
    ----------
    function : class of skal.submodular, its name, or callable
        What makes a set function of a :class:`~skal.submodular.Similarity`, such as
        ``functools.partial(FLQMI, eta=0.1)``.
    query_set : container of rows, default=None
        Rows of the kind of the pool's that the choice should be like.
    private_set : container of rows, default=None
        Rows that it should be unlike; None: the labeled rows.
    metric : {"cosine", "shifted", "dot", "rbf"}, default="cosine"
        How rows are compared, see :meth:`skal.submodular.Similarity.from_features`.
    optimizer : {"auto", "naive", "lazy", "stochastic", "lazier"}, default="auto"
        See :func:`skal.submodular.maximize`.

    Attributes
    ----------
    n_filled_ : int
        How many picks of the last query add nothing to the value: they were chosen by
        similarity to the query set, less that to the private set.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import SubmodularSampling
    >>> X = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> strategy = SubmodularSampling("FLQMI", query_set=np.array([[0.0, 2.0]]))
    >>> strategy.fit(X).query(2)
    array([2, 3])
    """

    function: Any = dataclasses.field(kw_only=False)
    query_set: Any = None
    private_set: Any = None

    def _select(self, query_size, rng, embedding, labeled_embedding):
        self._check()
        similarity = Similarity.from_features(
            embedding,
            query=self._features(self.query_set, "query_set"),
            private=labeled_embedding
            if self.private_set is None
            else self._features(self.private_set, "private_set"),
            metric=self.metric,
        )
        return self._maximize(self.function, similarity, query_size, rng)

    def _features(self, rows, name):
        """Read other rows as the rows of the pool are read."""
        if rows is None:
            return None
        reader = self._model().on(as_pool(rows))
        if not reader.knows("embedding"):
            raise ValueError(
                f"{name} is read with the model, and there is nothing to read it from: "
                f"pass `fit` a fitted `estimator`, or give a `representation` (arrays "
                f"given to `fit` say nothing of other rows)."
            )
        return reader.read(["embedding"], np.arange(n_rows(reader.X)))["embedding"]


class SIMILAR(_OfSets):
    """Choose rows by gradients, for pools with rare classes, copies or strangers.

    Rows are compared by the gradients of their loss by the last layer, under predicted
    labels: alike are rows that would teach the model the same. A scenario says which
    rows the choice should be like (the query set) and which unlike (the private set).

    ================= ==================== ======================= ==============
    scenario          like                 unlike                  function
    ================= ==================== ======================= ==============
    "standard"                                                     LogDeterminant
    "rare"            `query_set`                                  FLQMI
    "redundancy"                           labeled rows            LogDetCG
    "ood"             labeled, `query_set` labeled strangers       LogDetCMI
    "rare+ood"        `query_set`          labeled strangers       LogDetCMI
    "rare+redundancy" `query_set`          labeled, other classes  LogDetCMI
    "redundancy+ood"  labeled, `query_set` strangers, copies       FLCMI
    ================= ==================== ======================= ==============

    Strangers are rows labeled out-of-distribution; while there are none, the choice is
    by likeness alone. Needs a model; where that is wrong about most
    rows, as in the first rounds, gradients under predicted labels mislead.

    Cost as the function's: with d features and C classes O(n * (d + C)) for a pick of a
    log-determinant and memory O(n * (query_size + size of the sets)); O(n**2 * (d + C))
    for facility location over the pool, of which :class:`Partitioned` takes a part.

    Parameters
    ----------
    scenario : str, default="standard"
        One of those above.
    function : class of skal.submodular, its name, callable or None, default=None
        In place of the scenario's; as in :class:`SubmodularSampling`.
    query_set : pair (X, y) or None, default=None
        Held-out labeled rows, such as five of each rare class.
    only_misclassified : bool, default=False
        Whether the choice should be like those rows of `query_set` only that the model
        gets wrong, as long as there are some.
    grow_query_set : bool, default=False
        Whether labeled rows of the classes of `query_set` join it, as they are bought.
    metric : {"cosine", "shifted", "dot", "rbf"}, default="cosine"
        How gradients are compared.
    optimizer : {"auto", "naive", "lazy", "stochastic", "lazier"}, default="auto"
        See :func:`skal.submodular.maximize`.

    Attributes
    ----------
    n_filled_ : int
        How many picks of the last query add nothing to the value: they were chosen by
        similarity to the query set, less that to the private set.

    Notes
    -----
    Gradients with the bias, as in the authors' code. Rows labeled out-of-distribution
    have a class of their own in the gradients, which no other row is of. The paper's
    private set of "redundancy" is all labeled rows under their labels; the authors'
    code begins with none, and adds rows with predicted labels.

    For "redundancy+ood" a row is taken to be covered as far as it is like a row labeled
    out-of-distribution, or like a labeled one to the tenth power of the similarity; the
    paper leaves the exponent open.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import SIMILAR
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1, 2], [60, 60, 6])
    >>> X = np.eye(3)[y] * 4 + rng.normal(size=(126, 3))
    >>> known = np.full(126, -1)
    >>> known[[0, 1, 60, 61, 120]] = y[[0, 1, 60, 61, 120]]
    >>> model = LogisticRegression().fit(X[known >= 0], known[known >= 0])
    >>> rare = X[121:123], y[121:123]
    >>> strategy = SIMILAR(scenario="rare", query_set=rare)
    >>> strategy = strategy.fit(X, known, estimator=model)
    >>> int((y[strategy.query(5)] == 2).sum())
    5
    """

    scenario: Literal[
        "standard",
        "rare",
        "redundancy",
        "ood",
        "rare+ood",
        "rare+redundancy",
        "redundancy+ood",
    ] = "standard"
    function: Any = None
    query_set: Any = None
    only_misclassified: bool = False
    grow_query_set: bool = False

    def _select(
        self,
        query_size,
        rng,
        logit_gradient,
        embedding,
        labeled_logit_gradient,
        labeled_embedding,
        ood_proba,
        ood_embedding,
    ):
        self._check()
        check_option("scenario", self.scenario, list(_SCENARIOS))
        default, query, private = _SCENARIOS[self.scenario]
        if "labeled" in query and self.query_set is not None:
            query = (*query, "query")
        outside = np.c_[ood_proba, np.full(len(ood_proba), -1.0)]
        sets = {
            "labeled": (_with_column(labeled_logit_gradient), labeled_embedding),
            "ood": (outside.astype(ood_proba.dtype), ood_embedding),
        }
        if "query" in query:
            sets["query"], classes = self._held_out()
            rare = np.isin(self._pool.labeled_y, classes)
            sets["found"] = tuple(part[rare] for part in sets["labeled"])
            sets["others"] = tuple(part[~rare] for part in sets["labeled"])
            if self.grow_query_set and "labeled" not in query:
                query = (*query, "found")
        similarity = Similarity.from_gradients(
            _with_column(logit_gradient),
            embedding,
            query=_joined(sets, query),
            private=_joined(sets, private),
            metric=self.metric,
        )
        function = self.function or default
        if function == "FLCMI" and self.scenario == "redundancy+ood":
            function = functools.partial(_Covered, n_strangers=len(ood_proba))
        return self._maximize(function, similarity, query_size, rng)

    def _held_out(self):
        """Read the query set: gradients and features, and the classes it has."""
        if self.query_set is None:
            raise ValueError(
                f"query_set is None, and scenario={self.scenario!r} looks for rows "
                f"like it: give a pair (X, y) of labeled rows, such as five of each "
                f"rare class."
            )
        what = ["proba", "logit_gradient", "embedding"]
        read = read_held_out(self, self.query_set, what, name="query_set")
        gradient, features = read["logit_gradient"], read["embedding"]
        classes = (gradient - read["proba"]).argmin(axis=1)
        wrong = read["proba"].argmax(axis=1) != classes
        if self.only_misclassified and wrong.any():
            gradient, features = gradient[wrong], features[wrong]
        return (_with_column(gradient), features), np.unique(classes)


# The function, and what the choice should be like and unlike.
_SCENARIOS = {
    "standard": ("LogDeterminant", (), ()),
    "rare": ("FLQMI", ("query",), ()),
    "redundancy": ("LogDetCG", (), ("labeled",)),
    "ood": ("LogDetCMI", ("labeled",), ("ood",)),
    "rare+ood": ("LogDetCMI", ("query",), ("ood",)),
    "rare+redundancy": ("LogDetCMI", ("query",), ("others",)),
    "redundancy+ood": ("FLCMI", ("labeled",), ("ood", "labeled")),
}


class _Covered(FLCMI):
    """FLCMI that is unlike strangers, and unlike labeled rows only if all but equal.

    The private set holds the strangers first.
    """

    power: ClassVar[int] = 10

    def __init__(self, similarity: Similarity, n_strangers: int) -> None:
        super().__init__(similarity)
        self.n_strangers = n_strangers

    def _nearest(self, letter):
        if letter == "Q":
            return super()._nearest(letter)
        similar = np.asarray(self.similarity.block("U", "P"))
        similar[:, self.n_strangers :] = (
            np.clip(similar[:, self.n_strangers :], 0, None) ** self.power
        )
        return similar.max(axis=1) if similar.shape[1] else None


def _with_column(gradient):
    """Add the class of rows out-of-distribution, which no other row is of."""
    return np.c_[gradient, np.zeros(len(gradient), gradient.dtype)]


def _joined(sets, names):
    """Put sets of gradients and features together; None for no set."""
    if not names:
        return None
    gradients, features = zip(*map(sets.get, names), strict=True)
    return np.concatenate(gradients), stacked(*features)
