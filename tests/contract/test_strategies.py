"""Every public strategy against every rule of the contract, found by discovery."""

import inspect
import pickle
import pkgutil
import re
import tracemalloc
import warnings
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from skal import QueryStrategy, strategies
from skal.readout import read_rows
from skal.strategies._asking import Asking

# The few trees here are soon told apart, of which BatchBALD warns.
pytestmark = pytest.mark.filterwarnings("ignore:The labels of the first picks tell")


class Brightness(TransformerMixin, BaseEstimator):
    """A representation that finds bright rows hard."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def sample_losses(self, X):
        return np.asarray(X.sum(axis=1)).ravel()


# Constructor arguments, made anew for each test, of the strategies that need some, and
# of those that would train a net of their own for long.
ARGUMENTS = {
    "ClassBalanced": lambda: {"strategy": strategies.EntropySampling()},
    "PAL": lambda: {"max_epochs": 1, "n_sub_rounds": 2, "device": "cpu"},
    "PT4AL": lambda: {"representation": Brightness()},
    "Partitioned": lambda: {"strategy": strategies.CoreSet(), "n_partitions": 3},
    "SubmodularSampling": lambda: {"function": "FLCG"},
    "VAAL": lambda: {"max_epochs": 1, "device": "cpu"},
}

# Strategies whose rows have to be images; the others are given tables.
OF_IMAGES = {"PAL"}
# Strategies that train on the candidates: of large pools they are asked for a few.
TRAINED_ON_CANDIDATES = {"PAL", "VAAL"}

FROM_A_MODEL = {"logit", "proba_draws", "predicted_loss"}  # no array stands in for it

# What a strategy reads of the model besides what its hook asks for, when it needs it.
LATE = {"BAL": {"embedding"}}

PUBLIC = [getattr(strategies, name) for name in strategies.__all__]
STRATEGIES = [
    cls
    for cls in PUBLIC
    if isinstance(cls, type) and issubclass(cls, QueryStrategy) and cls != QueryStrategy
]


def hooks(cls):
    return [hook for hook in (cls._select_hook, cls._score_hook) if hook]


def reads(cls, prefixes=("", "labeled_", "ood_", "pool_"), *, required=False):
    """Names that a strategy reads of a model, without their prefixes."""
    return LATE.get(cls.__name__, set()) | {
        name
        for hook in (hooks(cls)[:1] if required else hooks(cls))
        for prefix, names in hook.readings.items()
        for name in names
        if prefix in prefixes and not (required and prefix + name in hook.optional)
    }


def by_chance(cls):
    """Whether equal rows are told apart by chance alone."""
    select = cls._select_hook
    if issubclass(cls, Asking):  # by the chance of the strategy that it asks
        return True
    return bool(hooks(cls)) and (
        select is None or ("rng" in select.facts and not select.readings)
    )


every = pytest.mark.parametrize("cls", STRATEGIES)
every_scored = pytest.mark.parametrize("cls", [c for c in STRATEGIES if c._score_hook])
every_featured = pytest.mark.parametrize(
    "cls",
    [c for c in STRATEGIES if "embedding" in reads(c) and not c.needs_dense_features],
)


def make(cls, **params):
    arguments = ARGUMENTS.get(cls.__name__, dict)()
    return cls(**arguments | {"random_state": 0} | params)


def rows_for(cls, X):
    """Rows of a table as a strategy takes them: as they are, or as images of 8 x 8."""
    if cls is None or cls.__name__ not in OF_IMAGES:
        return X
    return X[:, np.arange(64) % X.shape[1]].reshape(-1, 8, 8)


def a_pool(cls=None, n=60, d=5, n_labeled=12, dtype=float):
    """A pool with all that a strategy may read, a fifth of it labeled."""
    rng = np.random.default_rng(0)
    y = np.full(n, -1)
    y[rng.permutation(n)[:n_labeled]] = np.arange(n_labeled) % 3
    return {
        "X": rows_for(cls, rng.standard_normal((n, d)).astype(dtype)),
        "y": y,
        "proba": rng.dirichlet(np.ones(3), n).astype(dtype),
        "embedding": rng.standard_normal((n, 4)).astype(dtype),
    }


class Forest(RandomForestClassifier):
    """Also says how large it expects its loss to be, and has logits, as nets do."""


@read_rows.register(Forest)
def _read_forest(model, X, what, **options):
    plain = RandomForestClassifier()
    plain.__dict__ = vars(model)
    out = read_rows(plain, X, what, **options)
    if "predicted_loss" in what:
        out["predicted_loss"] = -np.log(model.predict_proba(X).max(axis=1))
    if "logit" in what:
        out["logit"] = np.log(model.predict_proba(X) + 0.01)
    return out


def forest(pool):
    rows = np.flatnonzero(pool["y"] >= 0)
    model = Forest(10, random_state=0)
    return model.fit(_safe_indexing(pool["X"], rows), pool["y"][rows])


def begin(strategy, pool, model=None):
    """Fit over arrays, or over a model where arrays do not say enough."""
    says = {name: pool[name] for name in ("proba", "embedding") if name in pool}
    if FROM_A_MODEL & reads(type(strategy)) or any(
        "estimator" in hook.facts for hook in hooks(type(strategy))
    ):
        says = {"estimator": model or forest(pool)}
    return strategy.fit(pool["X"], pool["y"], **says)


def picks(cls, pool, query_size=10, **params):
    return begin(make(cls, **params), pool).query(query_size).tolist()


def some(cls, pool):
    """Candidates in a large pool: all, or as many as a strategy is trained on soon."""
    unlabeled = np.flatnonzero(pool["y"] == -1)
    return unlabeled[:500] if cls.__name__ in TRAINED_ON_CANDIDATES else None


def at(pool, rows):
    return {name: values[rows] for name, values in pool.items()}


def test_all_strategies_are_public():
    modules = [
        import_module(f"skal.strategies.{found.name}")
        for found in pkgutil.iter_modules(strategies.__path__)
    ]
    defined = {
        kind
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, QueryStrategy)
        and not name.startswith("_")
        and "._" not in kind.__module__
    }
    assert STRATEGIES
    assert defined <= set(PUBLIC)


@every
def test_parameters_are_keywords_documented_once(cls):
    parameters = inspect.signature(cls).parameters
    assert {"random_state", "missing_label", "ood_label"} <= set(parameters)
    required = [p.name for p in parameters.values() if p.default is p.empty]
    assert not required or cls.__name__ in ARGUMENTS, f"say in ARGUMENTS: {required}"
    for name in parameters:
        assert len(re.findall(rf"^{name} : ", cls.__doc__, re.M)) == 1, name


@every
@pytest.mark.parametrize("query_size", [1, 7, 48])
def test_picks_are_distinct_unlabeled_positions(cls, query_size):
    pool = a_pool(cls)
    picked = begin(make(cls), pool).query(query_size)
    assert picked.dtype == np.intp
    assert picked.shape == (query_size,)
    assert len(set(picked.tolist())) == query_size
    assert (pool["y"][picked] == -1).all()


@every
def test_asking_again_and_the_same_seed_give_the_same(cls):
    pool = a_pool(cls)
    strategy = begin(make(cls), pool)
    first = strategy.query(10).tolist()
    assert strategy.query(10).tolist() == first
    assert begin(strategy, pool).query(10).tolist() == first
    assert picks(cls, pool) == first


@pytest.mark.parametrize("cls", [cls for cls in STRATEGIES if by_chance(cls)])
def test_seeds_differ_where_chance_plays_a_part(cls):
    tied = at(a_pool(cls), np.zeros(60, dtype=int)) | {"y": a_pool(cls)["y"]}
    assert len({tuple(picks(cls, tied, random_state=seed)) for seed in range(4)}) == 4


@every
def test_a_pool_of_duplicates_gives_distinct_picks(cls):
    same = at(a_pool(cls), np.zeros(60, dtype=int)) | {"y": a_pool(cls)["y"]}
    assert len(set(picks(cls, same, 40))) == 40


@every
def test_inputs_are_neither_written_nor_kept_from_reading(cls):
    pool = a_pool(cls)
    copies = {name: values.copy() for name, values in pool.items()}
    for values in pool.values():
        values.flags.writeable = False
    strategy = begin(make(cls), pool)
    strategy.query(5, candidates=np.flatnonzero(pool["y"] == -1))
    getattr(strategy, "score_samples", list)()
    for name, values in pool.items():
        assert np.array_equal(values, copies[name]), name


@every
def test_nothing_global_moves(cls):
    before, filters = np.random.get_state(), list(warnings.filters)  # noqa: NPY002
    picks(cls, a_pool(cls), random_state=None)
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert warnings.filters == filters


@every
def test_parameters_as_scikit_learn_wants_them(cls):
    strategy = make(cls)
    params = strategy.get_params(deep=False)
    begin(strategy, a_pool(cls))
    assert all(strategy.get_params(deep=False)[name] is params[name] for name in params)
    copy = clone(strategy)
    assert repr(copy) == repr(strategy)
    assert copy.get_params().keys() == strategy.get_params().keys()
    with pytest.raises(NotFittedError):
        check_is_fitted(copy)
    check_is_fitted(strategy)
    assert copy.set_params(random_state=7).random_state == 7
    assert f"{cls.__name__}(" in repr(copy)
    assert cls.__name__ in copy._repr_html_()
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(no_such=1)
    with pytest.raises(TypeError):
        make(cls, no_such=1)


@every
def test_pickle_of_an_unfitted_strategy(cls):
    again = pickle.loads(pickle.dumps(make(cls)))
    assert repr(again) == repr(make(cls))
    assert picks(cls, a_pool(cls)) == begin(again, a_pool(cls)).query(10).tolist()


@every
@pytest.mark.parametrize("n_labeled", [0, 60])
def test_pickle_of_a_fitted_strategy_leaves_the_pool_behind(cls, n_labeled):
    if n_labeled == 0 and any("labeled_y" in hook.facts for hook in hooks(cls)):
        pytest.skip("needs labels to choose by")
    pool = a_pool(cls, n=5000, d=200, n_labeled=n_labeled)
    model = forest(a_pool(n=100, d=200, n_labeled=60))
    strategy = make(cls).fit(pool["X"], pool["y"], estimator=model)
    dumps = pickle.dumps(strategy)  # before anything is read
    candidates = some(cls, pool)
    picked = strategy.query(20, candidates=candidates)
    for dumped in (dumps, pickle.dumps(strategy)):
        assert len(dumped) < 0.1 * pool["X"].nbytes
        again = pickle.loads(dumped)
        if hasattr(strategy, "score_samples"):
            new = a_pool(n=30, d=200)["X"] + 1
            expected = strategy.score_samples(new)
            np.testing.assert_allclose(again.score_samples(new), expected)
        with pytest.raises(NotFittedError, match="fit"):
            again.query(20)
        again.fit(pool["X"], pool["y"], estimator=model)
        assert np.array_equal(again.query(20, candidates=candidates), picked)


@pytest.mark.parametrize(
    "cls", [cls for cls in STRATEGIES if reads(cls, required=True) - {"X"}]
)
def test_a_missing_model_is_named(cls):
    texts = ["one", "two", "three"]
    named = r"(proba|embedding|predicted_loss|logit)[\s\S]*(estimator|representation)"
    with pytest.raises(ValueError, match=named):
        make(cls).fit(texts, [0, -1, -1]).query(1)


@every
@pytest.mark.parametrize("name", ["proba", "embedding"])
@pytest.mark.parametrize("wrong", ["nan", "rows", "rank"])
def test_bad_arrays_are_refused_by_name(cls, name, wrong):
    pool = a_pool(cls)
    says = {key: pool[key].copy() for key in ("proba", "embedding")}
    says[name][7, 1] = np.nan
    bad = {"nan": says[name], "rows": pool[name][:-1], "rank": pool[name][:, 0]}[wrong]
    with pytest.raises(ValueError, match=f"{name}.*7" if wrong == "nan" else name):
        make(cls).fit(pool["X"], pool["y"], **{name: bad}).query(1)


@every_featured
def test_nan_in_features_is_named(cls):
    pool = a_pool(cls)
    pool["X"][7, 1] = np.nan
    del pool["embedding"]
    with pytest.raises(ValueError, match="embedding holds NaN or infinity in row 7"):
        picks(cls, pool)


@every_scored
def test_scores_follow_the_rows(cls):
    pool, order = a_pool(cls), np.random.default_rng(1).permutation(60)
    model = forest(pool)
    scores = begin(make(cls), pool, model).score_samples()
    assert scores.shape == (60,)
    assert scores.dtype.kind == "f"
    assert not np.isnan(scores).any()
    shuffled = begin(make(cls), at(pool, order), model).score_samples()
    np.testing.assert_allclose(shuffled, scores[order])


@every_scored
def test_single_precision_scores_the_same(cls):
    single, double = (
        begin(make(cls), a_pool(cls, dtype=dtype)).score_samples()
        for dtype in ("f4", "f8")
    )
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-4)


@every
def test_nothing_labeled_yet(cls):
    pool = a_pool(cls)
    strategy = make(cls)
    pool["y"][:] = -1
    if any(hook.facts and "labeled_y" in hook.facts for hook in hooks(cls)):
        with pytest.raises(ValueError, match="label"):
            strategy.fit(**pool).query(5)
        return
    model = forest(a_pool())
    for says in ({"estimator": model}, {k: pool[k] for k in ("proba", "embedding")}):
        if FROM_A_MODEL & reads(cls) and "proba" in says:
            continue
        strategy.fit(pool["X"], **says)
        getattr(strategy, "score_samples", list)()
        assert len(set(strategy.query(5).tolist())) == 5


@every_featured
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.coo_matrix])
def test_sparse_features_give_the_picks_of_dense_ones(cls, kind):
    pool = a_pool(cls, d=8)
    pool["embedding"] *= pool["embedding"] > 0
    assert picks(cls, pool | {"embedding": kind(pool["embedding"])}) == picks(cls, pool)
    del pool["embedding"]
    pool["X"] *= pool["X"] > 0
    assert picks(cls, pool | {"X": kind(pool["X"])}) == picks(cls, pool)


@every
@pytest.mark.parametrize("kind", ["frame", "memmap", "sparse"])
def test_kinds_of_pool(cls, kind, tmp_path):
    if kind != "memmap" and cls.__name__ in OF_IMAGES:
        pytest.skip("images come as arrays")
    pool = a_pool(cls)
    expected = picks(cls, pool)
    if kind == "frame":
        pool["X"] = pd.DataFrame(pool["X"]).add_prefix("x")
    elif kind == "sparse":
        pool["X"] = sp.csr_array(pool["X"])
    else:
        np.save(tmp_path / "pool.npy", pool["X"])
        pool["X"] = np.load(tmp_path / "pool.npy", mmap_mode="r")
    assert picks(cls, pool) == expected


@every
def test_memory_does_not_grow_with_pairs_of_rows(cls):
    """Nothing of shape (n, n), a byte a cell, nor (n, classes x features)."""
    rng, n = np.random.default_rng(0), 12_000
    embedding = rng.standard_normal((n, 40), dtype="f4")
    proba = rng.dirichlet(np.ones(40), n).astype("f4")
    pool = {"y": np.full(n, -1), "proba": proba, "embedding": embedding}
    pool["X"] = rows_for(cls, embedding)
    pool["y"][:120] = np.arange(120) % 40
    strategy = begin(make(cls), pool)
    candidates = some(cls, pool)
    small = a_pool(cls)  # what is imported for the first query takes memory too
    begin(make(cls), small).query(2, candidates=some(cls, small))
    tracemalloc.start()
    with config_context(working_memory=40):  # MB
        strategy.query(50, candidates=candidates)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    draws = "proba_draws" in reads(cls)  # ten trees, (10, n, 40), in two copies
    assert peak < (1.4e8 if draws else 7e7)  # (n, n) is 144 MB, (n, C x d) 77 MB


@every
def test_candidates_as_a_mask_and_as_positions(cls):
    pool = a_pool(cls)
    strategy = begin(make(cls), pool)
    positions = np.flatnonzero(pool["y"] == -1)[5:25]
    mask = np.zeros(60, dtype=bool)
    mask[positions] = True
    picked = strategy.query(8, candidates=mask)
    assert set(picked) <= set(positions)
    for same in (positions, positions[::-1], positions.tolist()):
        assert np.array_equal(strategy.query(8, candidates=same), picked)


@every
def test_more_than_there_are_gives_all_of_them(cls):
    strategy = begin(make(cls), a_pool(cls))
    with pytest.warns(UserWarning, match="49.*48"):
        assert len(strategy.query(49)) == 48
    few = np.flatnonzero(a_pool(cls)["y"] == -1)[:4]
    with pytest.warns(UserWarning, match="5.*4"):
        assert sorted(strategy.query(5, candidates=few)) == few.tolist()


@every
def test_a_failed_query_changes_nothing(cls):
    pool = a_pool(cls)
    strategy = begin(make(cls), pool)
    labeled = int(np.flatnonzero(pool["y"] >= 0)[0])
    for wrong in ({"query_size": 0}, {"candidates": [labeled]}, {"candidates": [60]}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            strategy.query(**wrong)
    with pytest.raises(ValueError, match="proba has 59 rows"):
        strategy.fit(pool["X"], proba=pool["proba"][1:])
    assert strategy.query(10).tolist() == picks(cls, pool)
