"""modAL both ways: against the package itself, and with plain functions without it."""

import copy
import functools
import pickle
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skal import ActiveLearner, QueryStrategy
from skal.interop import FromModal, as_modal
from skal.strategies import (
    ClassBalanced,
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    RandomSampling,
)


@pytest.fixture
def modal():
    return pytest.importorskip("modAL.models")


@pytest.fixture
def uncertainty():
    return pytest.importorskip("modAL.uncertainty")


def a_learner(estimator=None, X=None, y=None):
    return SimpleNamespace(estimator=estimator, X_training=X, y_training=y)


def first_rows(classifier, X, n_instances=1):
    return np.arange(n_instances)


def test_neither_library_is_imported():
    code = (
        "import sys, skal.interop; "
        "print({'modAL', 'skactiveml', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "set()"


# skal in modAL


@pytest.mark.parametrize(
    "strategy",
    [
        MarginSampling(),
        EntropySampling(),
        CoreSet(),
        RandomSampling(),
        ClassBalanced(EntropySampling()),
    ],
)
def test_modal_queries_what_the_strategy_queries(modal, pool, known, strategy):
    X, y = pool
    strategy = clone(strategy).set_params(random_state=0)
    learner = modal.ActiveLearner(
        estimator=LogisticRegression(),
        query_strategy=as_modal(strategy),
        X_training=X[:20],
        y_training=y[:20],
    )
    picked, rows, scores = learner.query(X[20:], n_instances=5, return_metrics=True)
    alone = clone(strategy).fit(X, known, estimator=learner.estimator)
    assert picked.tolist() == (alone.query(5) - 20).tolist()
    assert np.array_equal(rows, X[20:][picked])
    np.testing.assert_allclose(scores, alone.score_samples()[20:][picked])
    two, _ = learner.query(X[20:], n_instances=2)
    assert two.shape == (2,)
    one, row = learner.query(X[20:])
    assert one.shape == (1,)
    assert row.shape == (1, 4)


def test_modal_refuses_and_takes_what_skal_does(modal, pool):
    X, y = pool
    learner = modal.ActiveLearner(
        estimator=LogisticRegression(), query_strategy=as_modal(EntropySampling())
    )
    with pytest.raises(ValueError, match="EntropySampling reads `proba`"):
        learner.query(X)
    learner.query_strategy = as_modal(CoreSet())
    assert learner.query(X, n_instances=3)[0][0] == 0
    learner.estimator.fit(X[:20], y[:20])  # fitted by somebody else
    learner.query_strategy = as_modal(EntropySampling())
    assert len(learner.query(X, n_instances=3)[0]) == 3


def test_a_committee_is_refused(modal, pool):
    X, y = pool
    member = modal.ActiveLearner(LogisticRegression(), X_training=X, y_training=y)
    committee = modal.Committee([member], query_strategy=as_modal(EntropySampling()))
    with pytest.raises(TypeError, match="this is a Committee"):
        committee.query(X)


def test_worked_example_in_modal():
    labeled, rows = np.array([[0.0]]), np.array([[1.0], [10.0], [2.0], [6.0]])
    choose = as_modal(CoreSet())
    picked, scores = choose(a_learner(X=labeled, y=[1]), rows, n_instances=3)
    assert picked.tolist() == [1, 3, 2]
    assert scores.tolist() == [10, 6, 2]
    assert choose(a_learner(), rows, 2)[0].tolist() == [0, 1]
    with pytest.warns(UserWarning, match="query_size is 9 and there are 4"):
        assert len(choose(a_learner(X=labeled, y=[1]), rows, 9)[0]) == 4


@pytest.mark.parametrize(
    "kind",
    [
        np.asarray,
        sp.csr_array,
        sp.coo_matrix,
        np.ndarray.tolist,
        lambda X: pd.DataFrame(X).add_prefix("x"),
    ],
)
def test_kinds_of_pool(pool, model, known, kind):
    X, y = pool
    trained = clone(model).fit(kind(X[:20]), y[:20])
    learner = a_learner(trained, kind(X[:20]), pd.Series(y[:20]))
    for strategy in (MarginSampling(random_state=0), CoreSet()):
        expected = clone(strategy).fit(X, known, estimator=model)
        picked, _ = as_modal(strategy)(learner, kind(X[20:]), n_instances=6)
        assert picked.tolist() == (expected.query(6) - 20).tolist()


def test_tensors_and_texts():
    torch = pytest.importorskip("torch")
    rows = torch.tensor([[1.0], [9.0]])
    learner = a_learner(X=torch.tensor([[0.0]]), y=torch.tensor([1]))
    assert as_modal(CoreSet())(learner, rows)[0].tolist() == [1]
    texts, y = ["good film", "bad film", "good book", "bad book"], list("pnpn")
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y)
    picked, scores = as_modal(MarginSampling())(
        a_learner(model, texts, y), ["bad", "a film", "good"]
    )
    assert picked.tolist() == [1]
    assert scores[0] == pytest.approx(0, abs=1e-6)


def test_containers_that_do_not_fit_are_named(pool, model):
    X, y = pool
    for labeled in (X[:20, :3], pd.DataFrame(X[:20]), X[:20].astype(object)[:, 0]):
        rows = pd.DataFrame(X[20:, :3]) if hasattr(labeled, "iloc") else X[20:]
        with pytest.raises(ValueError, match=r"X_training .* and X_pool .* together"):
            as_modal(CoreSet())(a_learner(model, labeled, y[:20]), rows)


@pytest.mark.parametrize("labels", [["a", "b"], [-1, 1], [True, False], [0.0, 1.0]])
def test_labels_of_any_kind_none_of_them_missing(pool, labels):
    X, y = pool
    names = np.array(labels)[(y > 0).astype(int)]
    model = LogisticRegression().fit(X[:20], names[:20])
    choose = as_modal(MarginSampling(random_state=0))
    picked, _ = choose(a_learner(model, X[:20], names[:20]), X[20:], 5)
    sure = np.abs(model.predict_proba(X[20:])[:, 0] - 0.5)
    assert picked.tolist() == np.argsort(sure)[:5].tolist()


class ByRound(QueryStrategy):
    """Chooses the candidate whose number is the round, and scores nothing."""

    def _select(self, query_size, candidates, round):  # noqa: A002
        return (np.arange(query_size) + round) % len(candidates)


def test_rounds_are_counted_and_scores_may_lack(pool):
    X, y = pool
    choose, bought = as_modal(ByRound()), list(range(10))
    for turn in range(3):
        rest = np.setdiff1d(np.arange(80), bought)
        learner = a_learner(X=X[bought], y=y[bought])
        for _ in range(2):  # asking twice is no round
            picked, scores = choose(learner, X[rest], 2)
            assert picked.tolist() == [turn, turn + 1]
        assert np.isnan(scores).all()
        assert scores.shape == (2,)
        bought += rest[picked].tolist()
    choose.strategy.set_params(random_state=1)  # another strategy: from the start
    assert choose(learner, X[rest], 1)[0].tolist() == [0]


def test_the_callable_keeps_no_pool_and_can_be_copied(pool):
    X, y = pool
    wide = np.tile(X, 200)
    choose = as_modal(CoreSet())
    learner = a_learner(None, wide[:4], y[:4])
    expected = choose(learner, wide[4:], 4)[0].tolist()
    dumped = pickle.dumps(choose)
    assert len(dumped) < wide.nbytes / 10
    for again in (pickle.loads(dumped), copy.deepcopy(choose)):
        assert again(learner, wide[4:], 4)[0].tolist() == expected
    assert repr(choose) == "as_modal(CoreSet())"
    with pytest.raises(TypeError, match="strategy is <class"):
        as_modal(CoreSet)


# modAL in skal


@pytest.mark.parametrize(
    ("function", "strategy"),
    [
        ("margin_sampling", MarginSampling()),
        ("entropy_sampling", EntropySampling()),
        ("uncertainty_sampling", LeastConfidenceSampling()),
    ],
)
def test_modal_functions_pick_what_skal_picks(
    uncertainty, pool, known, model, function, strategy
):
    function = getattr(uncertainty, function)
    for says in ({"estimator": model}, {"proba": model.predict_proba(pool[0])}):
        ours = clone(strategy).fit(pool[0], known, **says)
        theirs = FromModal(function).fit(pool[0], known, **says)
        assert set(theirs.query(7)) == set(ours.query(7))
        some = np.arange(30, 60)
        assert theirs.query(candidates=some) == ours.query(candidates=some)


def test_modal_functions_under_the_learner(uncertainty, pool):
    X, y = pool
    params = {"n_initial": 10, "query_size": 4, "n_rounds": 3, "random_state": 0}
    runs = [
        ActiveLearner(LogisticRegression(), strategy, **params).fit(X, y)
        for strategy in (FromModal(uncertainty.margin_sampling), MarginSampling())
    ]
    bought = [{*run.labeled_indices_.tolist()} for run in runs]
    assert bought[0] == bought[1]
    search = GridSearchCV(
        runs[0],
        {"strategy__query_function": [first_rows, uncertainty.entropy_sampling]},
        cv=2,
    ).fit(X, y)
    assert search.cv_results_["mean_test_score"].shape == (2,)


def test_ties_of_modal_follow_the_seed(uncertainty, pool):
    X, _ = pool
    shuffled = functools.partial(uncertainty.margin_sampling, random_tie_break=True)
    tied = np.full((80, 2), 0.5)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    picks = [
        FromModal(shuffled, random_state=seed).fit(X, proba=tied).query(5).tolist()
        for seed in (0, 0, 1)
    ]
    assert picks[0] == picks[1] != picks[2]
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_a_batch_strategy_of_modal_sees_the_labeled_rows(pool, known, model):
    batch = pytest.importorskip("modAL.batch")
    strategy = FromModal(batch.uncertainty_batch_sampling)
    picked = strategy.fit(pool[0], known, estimator=model).query(5)
    learner = SimpleNamespace(
        predict_proba=model.predict_proba, X_training=pool[0][:20], on_transformed=False
    )
    expected, _ = batch.uncertainty_batch_sampling(learner, pool[0][20:], 5)
    assert picked.tolist() == (expected + 20).tolist()
    cold = strategy.fit(pool[0]).query(3)  # no model: modAL's own cold start
    assert len(set(cold.tolist())) == 3


def test_what_a_function_is_given(pool, known, model):
    X, y = pool
    seen = {}

    def look(classifier, X, n_instances=1):
        seen.update(vars(classifier), X=X, proba=classifier.predict_proba(X))
        seen["predicted"] = classifier.predict(X)
        seen["new"] = classifier.predict_proba(X[:3] + 1)
        return list(range(n_instances)), "metrics"

    strategy = FromModal(look).fit(X, known, estimator=model)
    some = np.array([70, 25, 33])
    assert strategy.query(2, candidates=some).tolist() == [25, 33]
    assert np.array_equal(seen["X"], X[[25, 33, 70]])
    np.testing.assert_allclose(seen["proba"], model.predict_proba(X[[25, 33, 70]]))
    np.testing.assert_allclose(seen["new"], model.predict_proba(X[[25, 33, 70]] + 1))
    assert np.array_equal(seen["predicted"], model.predict(X[[25, 33, 70]]))
    assert np.array_equal(seen["X_training"], X[:20])
    assert np.array_equal(seen["y_training"], y[:20])
    assert seen["estimator"] is model
    names = np.array(["a", "b", "c"])[y].astype(object)
    names[20:] = None
    named = LogisticRegression().fit(X[:20], names[:20].astype(str))
    FromModal(look).fit(X, names, estimator=named).query()
    assert set(seen["y_training"]) <= {"a", "b", "c"}
    assert np.array_equal(seen["predicted"], named.predict(X[20:]))


def test_a_class_without_labels_has_a_column():
    X, y = np.arange(30.0)[:, None], np.repeat([0, 1, 2], 10)
    shapes = []

    def look(classifier, X, n_instances=1):
        shapes.append(classifier.predict_proba(X).shape[1])
        return np.arange(n_instances)

    ActiveLearner(
        LogisticRegression(), FromModal(look), initial=[0, 10], query_size=1, n_rounds=2
    ).fit(X, y)
    assert shapes == [3, 3]


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ([0, 0], "0, 0"),
        ([0], "0"),
        ([0, 60], "0, 60"),
        ([-1, 0], "-1, 0"),
        ([0.0, 1.0], "0.0, 1.0"),
        (None, "None"),
        (([3, 3], [0.1, 0.2]), "3, 3"),
    ],
)
def test_wrong_picks_name_the_function(pool, known, returned, shown):
    def careless(classifier, X, n_instances=1):
        return returned

    for function in (careless, functools.partial(careless)):
        strategy = FromModal(function).fit(pool[0], known)
        with pytest.raises(ValueError, match=f"careless returned .*{shown}.* 2 dist"):
            strategy.query(2)


def test_other_mistakes_are_named(pool, known):
    X, _ = pool
    proba = np.full((80, 3), 1 / 3)

    def asks_elsewhere(classifier, X, n_instances=1):
        return classifier.predict_proba(X[::2]).argmax(axis=0)

    with pytest.raises(TypeError, match="query_function is 'margin'"):
        FromModal("margin").fit(X, known).query()
    with pytest.raises(ValueError, match=r"asks_elsewhere asks for prob.* other rows"):
        FromModal(asks_elsewhere).fit(X, known, proba=proba).query()
    with pytest.raises(ValueError, match=r"asks_elsewhere asks for .* no model"):
        FromModal(asks_elsewhere).fit(X, known).query()

    def fails(classifier, X, n_instances=1):
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        FromModal(fails).fit(X, known).query()


def test_from_modal_is_a_strategy(pool, known, model):
    strategy = FromModal(first_rows, random_state=3)
    assert clone(strategy).get_params() == strategy.get_params()
    assert "FromModal(query_function=<function" in repr(strategy)
    assert {"estimator", "missing_label"} <= set(strategy.get_params())
    assert not hasattr(strategy, "score_samples")
    again = pickle.loads(pickle.dumps(strategy.fit(pool[0], known)))
    assert again.fit(pool[0], known).query(2).tolist() == [20, 21]
    proxy = FromModal(first_rows, estimator=make_pipeline(TruncatedSVD(2), model))
    assert proxy.fit(pool[0], known).query(1).tolist() == [20]
    with pytest.raises(TypeError, match="query_function"):
        FromModal()
