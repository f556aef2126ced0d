"""The base class: hooks, needs, proxies, representations, seeds, and the door."""

import copy
import dataclasses
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from torch.utils.data import TensorDataset

from skal import QueryStrategy
from skal.readout import READINGS, read_rows
from skal.strategies import (
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    RandomSampling,
)
from skal.strategies._hooks import FACTS, PREFIXES

rng = np.random.default_rng(0)
X = rng.standard_normal((12, 4))
PROBA = rng.dirichlet(np.ones(3), 12)
Y = np.array([2, -1, 0, -1, -2, -1, 1, 2, -2, -1, -1, -1])
LABELED, OOD = np.flatnonzero(Y >= 0), np.flatnonzero(Y == -2)
FREE = np.flatnonzero(Y == -1)


class Forest(RandomForestClassifier):
    """Also says how large it expects its loss to be, and has logits, as nets do."""


@read_rows.register(Forest)
def _read_forest(model, X, what, **options):
    plain = RandomForestClassifier()
    plain.__dict__ = vars(model)
    out = read_rows(plain, X, what, **options)
    if "predicted_loss" in what:
        out["predicted_loss"] = 1 - model.predict_proba(X).max(axis=1)
    if "logit" in what:
        out["logit"] = 10 * model.predict_proba(X)
    return out


class Task(TransformerMixin, BaseEstimator):
    """Leaves rows as they are, and calls those with a large first number hard."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def sample_losses(self, X):
        return X[:, 0].copy()


MODEL = Forest(7, random_state=0).fit(X[LABELED], Y[LABELED][::-1])


def recording(*names, optional=(), hook="_select"):
    """A strategy class that keeps in `seen` what its hook was given."""

    def method(self, **given):
        self.seen = given
        if hook == "_score":
            return np.zeros(len(next(iter(given.values()))))
        return np.arange(given.get("query_size", 1))

    P = inspect.Parameter
    parameters = [
        P(name, P.KEYWORD_ONLY, default=None if name in optional else P.empty)
        for name in names
    ]
    method.__signature__ = inspect.Signature(
        [P("self", P.POSITIONAL_OR_KEYWORD), *parameters]
    )
    return type("Recording", (QueryStrategy,), {hook: method})


def seen(*names, optional=(), y=Y, query_size=1, **says):
    task = any(name.endswith("pretext_loss") for name in names)
    params = {"representation": Task()} if task else {}
    cls = recording(*names, optional=optional)
    strategy = cls(random_state=0, ood_label=-2, **params)
    strategy.fit(X, y, **says).query(query_size)
    return strategy.seen


def returning(answer):
    """A strategy whose `_select` gives this answer, right or wrong."""
    return type("Wrong", (QueryStrategy,), {"_select": lambda self, query_size: answer})


# Hooks -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["probas", "labeled_round", "labeled_", "args"])
@pytest.mark.parametrize("hook", ["_select", "_score"])
def test_an_unknown_name_fails_when_the_class_is_defined(name, hook):
    with pytest.raises(TypeError) as error:
        recording(name, hook=hook)
    for word in [repr(name), *READINGS, *FACTS, *(p for p in PREFIXES if p)]:
        assert word in str(error.value)


def test_a_strategy_without_a_hook():
    class Empty(QueryStrategy):
        """Does nothing."""

    assert not hasattr(Empty(), "score_samples")
    with pytest.raises(RuntimeError, match="Empty has no hook, _score or _select"):
        Empty().fit(X).query()


WIDTHS = {"X": (4,), "proba": (3,), "embedding": (4,), "logit_gradient": (3,)}
WIDTHS |= {"logit": (3,), "predicted_loss": (), "pretext_loss": ()}
ROWS = {"": FREE, "labeled_": LABELED, "ood_": OOD, "pool_": np.arange(12)}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("reading", READINGS)
def test_every_reading_has_its_rows(prefix, reading):
    assert set(READINGS) == {*WIDTHS, "proba_draws"}
    values = seen(prefix + reading, estimator=MODEL)[prefix + reading]
    rows = ROWS[prefix]
    if reading == "proba_draws":
        assert values.shape == (7, len(rows), 3)
        return
    assert values.shape == (len(rows), *WIDTHS[reading])
    expected = X if reading in ("X", "embedding") else MODEL.predict_proba(X)
    if reading == "logit_gradient":
        labels = Y if prefix == "labeled_" else expected.argmax(axis=1)
        expected = expected - np.eye(3)[labels]
    elif reading == "predicted_loss":
        expected = 1 - expected.max(axis=1)
    elif reading == "logit":
        expected = 10 * expected
    elif reading == "pretext_loss":
        expected = X[:, 0]
    assert np.array_equal(values, expected[rows])


def test_every_fact():
    given = seen(*FACTS, estimator=MODEL, query_size=2)
    assert set(given) == set(FACTS)
    assert given["query_size"] == 2
    assert isinstance(given["rng"], np.random.Generator)
    assert np.array_equal(given["candidates"], FREE)
    assert np.array_equal(given["unlabeled"], Y == -1)
    assert np.array_equal(given["labeled_y"], Y[LABELED])
    assert (given["round"], given["n_rounds"]) == (0, None)
    assert given["estimator"] is MODEL


@pytest.mark.parametrize("prefix", ["labeled_", "ood_"])
@pytest.mark.parametrize("reading", READINGS)
def test_no_rows_have_the_shape_of_some(prefix, reading):
    y = np.where(Y == -2 if prefix == "ood_" else Y >= 0, -1, Y)
    empty = seen(prefix + reading, y=y, estimator=MODEL)[prefix + reading]
    some = seen(prefix + reading, estimator=MODEL)[prefix + reading]
    axis = 1 if reading == "proba_draws" else 0
    assert empty.shape == tuple(
        0 if i == axis else size for i, size in enumerate(some.shape)
    )


class Draws:
    """A model with as many stochastic passes as are asked for."""


@read_rows.register(Draws)
def _(model, X, what, *, n_draws, seed):
    return {"proba_draws": np.full((n_draws, len(X), 2), 0.5)}


def test_the_number_of_draws_is_the_parameter_of_the_strategy():
    names = ("proba_draws", "pool_proba_draws", "labeled_proba_draws")
    base = recording(*names)
    cls = type("Drawing", (base,), {"n_draws": 4, "__annotations__": {"n_draws": int}})
    for y in (None, Y):
        strategy = cls(n_draws=6).fit(X, y, estimator=Draws())
        strategy.query()
        assert [len(strategy.seen[name]) for name in names] == [6, 6, 6]


def test_labels_are_column_numbers_of_proba():
    y = np.where(Y == 0, "a", np.where(Y == 1, "b", "c")).astype(object)
    y[Y < 0] = None
    given = seen("labeled_y", "proba", y=y, proba=PROBA, classes=["c", "a", "b"])
    assert np.array_equal(given["labeled_y"], (Y[LABELED] + 1) % 3)
    assert np.array_equal(given["proba"], PROBA[Y < 0])


def test_optional_names_are_absent_without_a_model():
    names, optional = ("query_size", "proba", "labeled_embedding"), ("proba",)
    assert "proba" not in seen(*names, optional=optional)
    assert "proba" in seen(*names, optional=optional, proba=PROBA)
    assert "proba" in seen(*names, optional=optional, estimator=MODEL)


def test_hooks_cannot_write_to_what_they_get():
    names = [p + r for p in PREFIXES for r in READINGS]
    facts = ["candidates", "unlabeled", "labeled_y"]
    for name, values in seen(*names, *facts, estimator=MODEL).items():
        assert not values.flags.writeable, name


@pytest.mark.parametrize(
    "answer", [[0], [0, 1, 2], [0, 0], [[0, 1]], [0, -1], [0, 6], [0.0, 1.5], None]
)
def test_a_wrong_answer_of_a_hook_is_an_error_of_the_strategy(answer):
    with pytest.raises(RuntimeError, match=r"Wrong\._select returned"):
        returning(answer)().fit(X[:6]).query(2)


def test_positions_of_a_hook_are_among_the_candidates():
    strategy = returning([2, 0])().fit(X, Y)
    assert strategy.query(2, candidates=[9, 3, 5]).tolist() == [9, 3]


# Parameters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "shared"),
    [
        (RandomSampling, set()),
        (EntropySampling, {"estimator"}),
        (CoreSet, {"estimator", "representation"}),
        (recording("labeled_logit_gradient"), {"estimator"}),
        (recording("logit"), {"estimator"}),
        (recording("labeled_pretext_loss"), {"estimator", "representation"}),
        (recording("X", "labeled_X", "labeled_y", "round"), set()),
    ],
)
def test_shared_parameters_appear_where_they_make_sense(cls, shared):
    names = set(inspect.signature(cls).parameters)
    assert names & {"estimator", "representation"} == shared
    assert set(cls().get_params()) == names


def test_a_parameter_may_be_positional():
    class Wrapper(QueryStrategy):
        """Holds another strategy."""

        inner: Any = dataclasses.field(default=None, kw_only=False)
        share: float = 0.5

        def _select(self, query_size):
            return np.arange(query_size)

    wrapper = Wrapper(EntropySampling(random_state=3), share=0.1)
    assert wrapper.get_params()["inner__random_state"] == 3
    assert clone(wrapper).fit(X).query(2).tolist() == [0, 1]
    with pytest.raises(TypeError):
        Wrapper(None, 0.1)


def test_a_shared_parameter_is_described_once():
    class Described(EntropySampling):
        """Has words of its own for a shared parameter.

        Parameters
        ----------
        random_state : int, default=None
            Mine.

        References
        ----------
        .. [1] Nobody.
        """

    doc = Described.__doc__
    assert doc.count("random_state : ") == doc.count("estimator : ") == 1
    assert "Mine." in doc
    assert (
        doc.index("estimator : ") < doc.index("References\n---") < doc.index("Nobody")
    )


def test_a_subclass_inherits_hook_and_parameters():
    class Scaled(CoreSet):
        """Adds a parameter."""

        scale: float = 1.0

    assert set(Scaled().get_params()) == {*CoreSet().get_params(), "scale"}
    assert Scaled(first="position").fit(X).query(3).shape == (3,)


# A proxy and a representation --------------------------------------------------------


def test_a_proxy_is_read_in_place_of_the_model():
    proxy = LogisticRegression()
    strategy = EntropySampling(estimator=proxy).fit(X, Y, estimator=MODEL)
    known = Y != -1
    expected = EntropySampling().fit(
        X, Y, estimator=clone(proxy).fit(X[known], Y[known])
    )
    assert np.allclose(strategy.score_samples(), expected.score_samples())
    assert np.allclose(strategy.score_samples(X[3:5]), expected.score_samples()[3:5])
    assert not hasattr(proxy, "classes_")


def test_a_proxy_is_fitted_once_a_fit_and_its_errors_come_out():
    class Proxy(DummyClassifier):
        fits = 0

        def fit(self, X, y):
            Proxy.fits += 1
            if len(y) < 3:
                raise RuntimeError("inside the proxy")
            return super().fit(X, y)

    strategy = EntropySampling(estimator=Proxy(), ood_label=-2)
    strategy.fit(X, Y, proba=PROBA)
    strategy.query(2)
    strategy.score_samples()
    assert Proxy.fits == 1
    strategy.fit(X, Y, proba=PROBA).query(1)
    assert Proxy.fits == 2
    few = np.where(np.arange(12) < 2, 0, -1)
    with pytest.raises(RuntimeError, match="inside the proxy"):
        strategy.fit(X, few, proba=PROBA).query()
    nothing = strategy.fit(X, proba=PROBA)  # no label: the model, while there is one
    assert np.allclose(
        nothing.score_samples(), EntropySampling().fit(X, proba=PROBA).score_samples()
    )


class Shift(TransformerMixin, BaseEstimator):
    """Counts how often it is fitted."""

    fits = 0

    def __init__(self, by=0.0, random_state=None):
        self.by = by
        self.random_state = random_state

    def fit(self, X, y=None):
        Shift.fits += 1
        return self

    def transform(self, X):
        return X + self.by


def test_a_representation_is_fitted_once_for_a_pool():
    Shift.fits = 0
    strategy = recording("embedding", "labeled_embedding")(representation=Shift(1.0))
    for y in (None, Y):
        strategy.fit(X, y, estimator=MODEL).query()
        assert Shift.fits == 1
        assert np.array_equal(
            strategy.seen["embedding"], X[FREE if y is Y else ROWS["pool_"]] + 1
        )
    strategy.fit(X.copy(), Y)
    assert Shift.fits == 2
    strategy.set_params(representation=Shift(2.0)).fit(X, Y).query()
    assert np.array_equal(strategy.seen["labeled_embedding"], X[Y != -1] + 2)
    strategy.set_params(representation__by=3.0).fit(X, Y).query()
    assert np.array_equal(strategy.seen["labeled_embedding"], X[Y != -1] + 3)
    strategy.set_params(representation=None).fit(X, Y).query()
    assert np.array_equal(strategy.seen["labeled_embedding"], X[Y != -1])


def test_a_representation_without_a_seed_is_the_same_everywhere():
    wide = np.random.default_rng(0).standard_normal((300, 60))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    scores = [
        CoreSet(
            representation=PCA(3, svd_solver="randomized", iterated_power=0),
            random_state=seed,
        )
        .fit(wide, [0] + [-1] * 299)
        .score_samples()
        for seed in (0, 1)
    ]
    assert np.array_equal(*scores)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# Seeds -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_the_seed_is_drawn_once_at_the_first_fit(kind):
    source = kind(0)
    strategy = RandomSampling(random_state=source)
    assert not hasattr(strategy, "seed_")
    seed = strategy.fit(X).seed_
    assert strategy.fit(X, Y).seed_ == seed
    assert RandomSampling(random_state=kind(0)).fit(X).seed_ == seed
    assert RandomSampling(random_state=source).fit(X).seed_ != seed
    assert strategy.set_params(random_state=5).fit(X).seed_ == 5


def test_no_seed_differs_between_strategies_and_holds_in_one():
    one, other = RandomSampling().fit(X), RandomSampling().fit(X)
    assert one.seed_ != other.seed_
    assert one.seed_ == one.fit(X).seed_


def test_rounds_differ():
    pool, y = np.zeros((100, 1)), np.full(100, -1)
    strategy = RandomSampling(random_state=0)
    draws = set()
    for n_labeled in range(4):
        y[:n_labeled] = 0
        strategy.fit(pool, y)
        draws.add(tuple(strategy.query(5, candidates=np.arange(10, 100))))
    assert len(draws) == 4


# The door ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"candidates": [0]}, ValueError, r"candidates.*\[0\].*labeled already"),
        ({"candidates": [4]}, ValueError, r"candidates.*\[4\].*labeled already"),
        ({"candidates": [1, 3, 1]}, ValueError, "candidates holds 1 more than once"),
        ({"candidates": [1, -1]}, ValueError, "candidates holds -1.*0 to 11"),
        ({"candidates": [12]}, ValueError, "candidates holds 12.*0 to 11"),
        ({"candidates": []}, ValueError, "candidates is empty"),
        ({"candidates": np.zeros(12, bool)}, ValueError, "candidates is empty"),
        ({"candidates": np.ones(11, bool)}, ValueError, r"candidates.*\(11,\).*12"),
        ({"candidates": [1.0, 3.0]}, TypeError, "candidates.*float64"),
        ({"candidates": [[1, 3]]}, TypeError, r"candidates.*\(1, 2\)"),
        ({"query_size": 0}, ValueError, "query_size is 0"),
        ({"query_size": -3}, ValueError, "query_size is -3"),
        ({"query_size": 2.5}, TypeError, "query_size is 2.5"),
        ({"query_size": True}, TypeError, "query_size is True"),
        ({"query_size": "3"}, TypeError, "query_size is '3'"),
    ],
)
def test_wrong_queries_are_named(wrong, error, words):
    strategy = EntropySampling(ood_label=-2).fit(X, Y, proba=PROBA)
    with pytest.raises(error, match=words):
        strategy.query(**wrong)


def test_there_is_nothing_to_query():
    with pytest.raises(NotFittedError, match="call fit"):
        EntropySampling().query()
    with pytest.raises(NotFittedError, match="call fit"):
        EntropySampling().score_samples(X)
    with pytest.raises(ValueError, match="pool is empty"):
        RandomSampling().fit(X, np.zeros(12)).query()
    with pytest.raises(ValueError, match="12 rows and y has 11"):
        RandomSampling().fit(X, Y[1:])


@pytest.mark.parametrize("cls", [EntropySampling, MarginSampling, CoreSet])
def test_new_rows_score_as_they_do_in_the_pool(cls):
    strategy = cls(ood_label=-2).fit(X, Y, estimator=MODEL)
    assert np.allclose(strategy.score_samples(X[3:8]), strategy.score_samples()[3:8])
    assert strategy.score_samples(X[:0]).shape == (0,)


def test_new_rows_are_not_compared_with_features_from_elsewhere():
    strategy = CoreSet().fit(X, Y, embedding=100 + X)
    with pytest.raises(ValueError, match="embedding"):
        strategy.score_samples(X)


class LastColumn(QueryStrategy):
    """Shows which columns a hook gets."""

    def _score(self, proba):
        return proba[:, 2]


def test_columns_follow_the_classes_of_the_pool():
    y = np.array(["a", "c", "b", *[None] * 9], dtype=object)
    two = DummyClassifier(strategy="prior").fit(X[:2], ["a", "c"])
    strategy = LastColumn().fit(X, y, estimator=two, classes=["a", "b", "c"])
    assert np.allclose(strategy.score_samples(), 0.5)
    strategy.fit(X, y, estimator=two, classes=["a", "c", "b"])
    assert np.allclose(strategy.score_samples(), 0)


@pytest.mark.parametrize(
    "cls", [EntropySampling, LeastConfidenceSampling, MarginSampling, CoreSet]
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_picks_do_not_depend_on_the_size_of_chunks(cls, dtype):
    rng = np.random.default_rng(0)
    distinct = rng.standard_normal((4000, 50)).astype(dtype)
    pool = distinct[rng.integers(0, 4000, 8000)]
    y = np.full(8000, -1)
    y[:100] = rng.integers(0, 3, 100)
    model = LogisticRegression().fit(pool[:100], y[:100])
    picked = []
    for megabytes in (1, 1024):
        with config_context(working_memory=megabytes):
            strategy = cls(random_state=0).fit(pool, y, estimator=model)
            picked.append(strategy.query(300))
    assert np.array_equal(*picked)


def test_a_pickle_leaves_a_dataset_behind():
    dataset = TensorDataset(torch.zeros(2000, 50))
    strategy = RandomSampling().fit(dataset, [0, 1] + [-1] * 1998)
    assert len(pickle.dumps(strategy)) < 40000


def fitted_model(y=None):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.arange(60) % 3 if y is None else y
    return X, LogisticRegression().fit(X, y)


def test_the_order_of_candidates_does_not_matter():
    X, model = fitted_model()
    shuffled = np.array([10, 12, 11, 13, 15, 14, 16])
    one = EntropySampling(random_state=0).fit(X, estimator=model)
    picked = one._query(7, shuffled)
    assert np.array_equal(picked, one._query(7, np.sort(shuffled)))
    other = EntropySampling().fit(X, estimator=model)
    assert np.array_equal(one.score_samples(), other.score_samples())


def test_a_model_of_other_labels_is_refused():
    X, model = fitted_model()
    y = np.array(["a", "b", -1] * 20, dtype=object)
    with pytest.raises(ValueError, match="share none"):
        EntropySampling().fit(X, y, estimator=model)
    with pytest.raises(ValueError, match="none of them"):
        EntropySampling().fit(X, estimator=model, classes=list("abc")).query(1)
    proba = np.full((60, 2), 0.5)
    with pytest.raises(ValueError, match="twice"):
        EntropySampling().fit(X, proba=proba, classes=[0, 0])


def test_only_fitted_models_are_taken():
    X, _ = fitted_model()
    with pytest.raises(TypeError, match="class LogisticRegression"):
        EntropySampling().fit(X, estimator=LogisticRegression)
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]})
    with pytest.raises(NotFittedError):
        EntropySampling().fit(X, estimator=search)


def test_one_mark_for_two_things():
    with pytest.raises(ValueError, match="ood_label and missing_label"):
        RandomSampling(ood_label=-1).fit(np.zeros((3, 1)), [0, 1, -1])


def test_a_score_for_each_row():
    class Short(QueryStrategy):
        def _score(self, proba):
            return proba[:5, 0]

    X, model = fitted_model()
    with pytest.raises(RuntimeError, match="60 rows"):
        Short().fit(X, estimator=model).query(1)


class Crowded(QueryStrategy):
    """Looks at all rows of the pool."""

    def _score(self, proba, pool_embedding):
        return proba[:, 0] * len(pool_embedding)


class Hardness(QueryStrategy):
    """Prefers what the task of the representation finds hard."""

    def _score(self, pretext_loss):
        return pretext_loss


@pytest.mark.parametrize("pickled", [False, True])
def test_losses_of_new_rows_are_the_representations(pickled):
    strategy = Hardness(representation=Task()).fit(X, Y, estimator=MODEL)
    strategy = pickle.loads(pickle.dumps(strategy)) if pickled else strategy
    assert np.array_equal(strategy.score_samples(X[3:5] + 1), X[3:5, 0] + 1)


@pytest.mark.parametrize(
    ("cls", "params", "words"),
    [
        (Hardness, {}, "`pretext_loss`.*representation.*sample_losses"),
        (Hardness, {"representation": PCA(2)}, "`pretext_loss`.*sample_losses"),
        (recording("logit", hook="_score"), {}, "`logit`.*a fitted `estimator`[^,]*$"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_would_help(cls, params, words):
    with pytest.raises(ValueError, match=words):
        cls(ood_label=-2, **params).fit(X, Y).query()


class Proxy(LogisticRegression):
    """Counts its trainings."""

    trained = ()

    def fit(self, X, y):
        Proxy.trained = (*Proxy.trained, len(X))
        return super().fit(X, y)


def test_a_strategy_that_looks_at_all_rows_pickles_none():
    X, model = fitted_model()
    strategy = Crowded().fit(np.tile(X, (200, 1)), estimator=model)
    data = pickle.dumps(strategy)
    assert len(data) < 5000
    with pytest.raises(NotFittedError, match="dropped its pool"):
        pickle.loads(data).score_samples(X)


def test_pickling_never_fails_and_trains_once():
    X, _ = fitted_model()
    y = np.r_[np.arange(20) % 3, np.full(40, -1)]
    strategy = EntropySampling(estimator=Proxy()).fit(X, y)
    for _ in range(2):
        assert pickle.loads(pickle.dumps(strategy)).score_samples(X).shape == (60,)
    assert Proxy.trained == (20,)
    assert len(copy.copy(strategy).query(3)) == 3
    one_class = EntropySampling(estimator=Proxy()).fit(X, np.where(y == 0, 0, -1))
    pickle.dumps(one_class)
    X = np.where(np.arange(60)[:, None] == 5, np.nan, X)
    pickle.dumps(CoreSet().fit(X, y))


def test_a_strategy_by_itself_counts_its_rounds():
    class Tells(QueryStrategy):
        def _select(self, query_size, round):  # noqa: A002
            self.told_ = round
            return np.arange(query_size)

    X, y = np.zeros((60, 2)), np.full(60, -1)
    strategy = Tells()
    rounds = []
    for answered in (0, 3, 10, 12):
        picked = strategy.fit(X, y).query(10)
        rounds.append(strategy.told_)
        strategy.query(10)
        y[picked[:answered]] = 0
    strategy.fit(X, y).query(1)
    assert [*rounds, strategy.told_] == [0, 0, 0, 1, 2]
    other = pickle.loads(pickle.dumps(EntropySampling().fit(X, y)))
    assert other._pool.n_rows == 60
    strategy.fit(X[:50], y[:50]).query(1)
    assert strategy.told_ == 0
    y[:] = -1
    strategy.fit(X, y).query(1)
    assert strategy.told_ == 0


def test_without_a_hook_nothing_lacks_and_nothing_is_chosen():
    class Idle(QueryStrategy):
        pass

    strategy = Idle().fit(X)
    assert strategy._lacks(strategy._reader) == []
    with pytest.raises(RuntimeError, match="no hook"):
        strategy.query(1)


def test_arrays_say_nothing_of_new_rows():
    strategy = EntropySampling().fit(X, proba=PROBA)
    with pytest.raises(ValueError, match=r"`proba`.*new rows.*estimator"):
        strategy.score_samples(X[:2])


def test_a_pool_that_is_converted_stays_the_same_pool():
    fits = []

    class Counting(TruncatedSVD):
        def fit(self, X, y=None):
            fits.append(X.shape)
            return super().fit(X)

        def fit_transform(self, X, y=None):
            fits.append(X.shape)
            return super().fit_transform(X)

    pool = sp.coo_array(np.abs(X))
    strategy = CoreSet(representation=Counting(2))
    one = strategy.fit(pool, Y).query(2)
    other = strategy.fit(pool, Y).query(2)
    assert np.array_equal(one, other)
    n_fits = len(fits)
    strategy.fit(pool, Y).query(1)
    assert len(fits) == n_fits
    strategy.fit(pool.copy(), Y).query(1)
    assert len(fits) == 2 * n_fits
