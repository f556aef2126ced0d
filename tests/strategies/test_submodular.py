"""Which rows a set function compares in each scenario, and with what."""

import functools

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner, submodular
from skal.strategies import SIMILAR, Partitioned, SubmodularSampling
from skal.strategies import submodular as module
from skal.submodular import FLCG, FLQMI, FacilityLocation, Similarity, maximize

RNG = np.random.default_rng(0)
TRUTH = np.arange(60) % 3
X = np.eye(3)[TRUTH] * 3 + RNG.normal(size=(60, 3))
Y = np.where(np.arange(60) < 12, TRUTH, -1)
STRANGE = np.where((np.arange(60) >= 12) & (np.arange(60) < 16), -2, Y)
MODEL = LogisticRegression().fit(X[:12], TRUTH[:12])
RARE = (X[[50, 53]], TRUTH[[50, 53]])  # both of class 2
PROBA = MODEL.predict_proba(X)


def gradients(rows, labels=None, strange=False):
    """Gradients with the class of strangers, and features."""
    proba = PROBA[rows]
    labels = proba.argmax(axis=1) if labels is None else labels
    hot = np.eye(4)[np.full(len(rows), 3) if strange else labels]
    return np.c_[proba, np.zeros(len(rows))] - hot, X[rows]


@pytest.fixture
def compared(monkeypatch):
    """What similarities were made of."""
    seen = {}
    true = Similarity.from_gradients

    def make(gradient, features, *, query=None, private=None, metric="cosine"):
        seen.update(pool=(gradient, features), query=query, private=private)
        return true(gradient, features, query=query, private=private, metric=metric)

    monkeypatch.setattr(module.Similarity, "from_gradients", make)
    return seen


def same(found, expected):
    if expected is None:
        assert found is None
        return
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


LABELED = gradients(np.arange(12), TRUTH[:12])
QUERY = gradients(np.array([50, 53]), RARE[1])
STRANGERS = gradients(np.arange(12, 16), strange=True)
OTHERS = tuple(part[TRUTH[:12] != 2] for part in LABELED)


def joined(*sets):
    return tuple(np.concatenate(parts) for parts in zip(*sets, strict=True))


@pytest.mark.parametrize(
    ("scenario", "query_set", "query", "private"),
    [
        ("standard", None, None, None),
        ("rare", RARE, QUERY, None),
        ("redundancy", None, None, LABELED),
        ("ood", None, LABELED, STRANGERS),
        ("ood", RARE, joined(LABELED, QUERY), STRANGERS),
        ("rare+ood", RARE, QUERY, STRANGERS),
        ("rare+redundancy", RARE, QUERY, OTHERS),
        ("redundancy+ood", None, LABELED, joined(STRANGERS, LABELED)),
    ],
)
def test_what_each_scenario_compares(compared, scenario, query_set, query, private):
    strategy = SIMILAR(scenario=scenario, query_set=query_set, ood_label=-2)
    picked = strategy.fit(X, STRANGE, estimator=MODEL).query(5)
    assert len(set(picked.tolist())) == 5
    same(compared["pool"], gradients(np.arange(16, 60)))
    same(compared["query"], query)
    same(compared["private"], private)


@pytest.mark.parametrize("scenario", ["ood", "rare+ood", "redundancy+ood"])
def test_without_strangers_the_choice_is_by_likeness_alone(scenario):
    strategy = SIMILAR(scenario=scenario, query_set=RARE, ood_label=-2)
    assert len(strategy.fit(X, Y, estimator=MODEL).query(5)) == 5


def test_the_default_of_a_scenario_is_its_function():
    gradient, features = gradients(np.arange(12, 60))
    similarity = Similarity.from_gradients(gradient, features, query=QUERY)
    expected = 12 + maximize(FLQMI(similarity), 6)[0]
    strategy = SIMILAR(scenario="rare", query_set=RARE).fit(X, Y, estimator=MODEL)
    assert strategy.query(6).tolist() == expected.tolist()
    assert (TRUTH[expected] == 2).mean() > 0.6


def test_only_those_that_the_model_gets_wrong(compared):
    labels = np.array([2, 0])  # the second is no 0, says the model
    params = {"query_set": (RARE[0], labels), "only_misclassified": True}
    SIMILAR(scenario="rare", **params).fit(X, Y, estimator=MODEL).query(2)
    same(compared["query"], gradients(np.array([53]), labels[1:]))
    params["query_set"] = RARE
    SIMILAR(scenario="rare", **params).fit(X, Y, estimator=MODEL).query(2)
    same(compared["query"], QUERY)  # none is wrong


@pytest.mark.parametrize("scenario", ["rare", "rare+redundancy", "ood"])
def test_rare_rows_that_were_bought_join_the_query_set(compared, scenario):
    strategy = SIMILAR(scenario=scenario, query_set=RARE, grow_query_set=True)
    strategy.fit(X, Y, estimator=MODEL).query(2)
    bought = tuple(part[TRUTH[:12] == 2] for part in LABELED)
    like = joined(LABELED, QUERY) if scenario == "ood" else joined(QUERY, bought)
    same(compared["query"], like)


def test_strangers_and_copies_cover_differently():
    features = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    private = np.array([[1.0, 0.0], [1.0, 0.0]])  # a stranger and a labeled row
    similarity = Similarity.from_features(features, query=features, private=private)
    covered = module._Covered(similarity, n_strangers=1)._nearest("P")
    np.testing.assert_allclose(covered, [1, 0.8, 0])
    covered = module._Covered(similarity, n_strangers=0)._nearest("P")
    np.testing.assert_allclose(covered, [1, 0.8**10, 0])


@pytest.mark.parametrize(
    "function",
    ["FLCG", FLCG, functools.partial(FLCG, nu=1.0), lambda s: FLCG(s)],
    ids=["name", "class", "partial", "callable"],
)
def test_a_function_is_a_name_a_class_or_a_callable(function):
    similarity = Similarity.from_features(X[12:], private=X[:12])
    expected = 12 + maximize(FLCG(similarity), 5)[0]
    picked = SubmodularSampling(function).fit(X, Y).query(5)
    assert picked.tolist() == expected.tolist()


def test_sets_of_features_are_read_as_the_pool_is():
    pca = PCA(2, random_state=0).fit(X)
    params = {"query_set": X[50:53], "private_set": X[:3]}
    strategy = SubmodularSampling("FLCMI", representation=PCA(2), **params)
    similarity = Similarity.from_features(
        pca.transform(X[12:]),
        query=pca.transform(X[50:53]),
        private=pca.transform(X[:3]),
    )
    expected = 12 + maximize(submodular.FLCMI(similarity), 5)[0]
    assert strategy.fit(X, Y).query(5).tolist() == expected.tolist()


def test_what_fills_up_is_counted():
    strategy = SubmodularSampling("FLVMI", query_set=X[50:51], metric="shifted")
    strategy.fit(X, Y).query(40)
    assert strategy.n_filled_ > 0
    strategy = SubmodularSampling(FacilityLocation).fit(X, Y)
    strategy.query(5)
    assert strategy.n_filled_ == 0


def test_partitions_and_a_learner():
    inner = SIMILAR(scenario="rare", query_set=RARE)
    learner = ActiveLearner(
        LogisticRegression(),
        Partitioned(inner, n_partitions=3),
        n_initial=9,
        query_size=6,
        n_rounds=2,
        random_state=0,
    ).fit(X, TRUTH)
    assert len(set(learner.labeled_indices_.tolist())) == 21


def test_a_run_with_strangers():
    y = np.where(TRUTH == 2, -2, TRUTH)
    learner = ActiveLearner(
        LogisticRegression(),
        SIMILAR(scenario="ood"),
        n_initial=8,
        query_size=6,
        n_rounds=3,
        ood_label=-2,
        random_state=0,
    ).fit(X, y)
    bought = y[learner.labeled_indices_]
    assert (bought[-12:] == -2).mean() < (y == -2).mean()


@pytest.mark.parametrize(
    ("strategy", "named"),
    [
        (SubmodularSampling("NoSuch"), "function is 'NoSuch'.*FLQMI"),
        (SubmodularSampling("maximize"), "function is 'maximize'"),
        (SubmodularSampling(3), "function is 3"),
        (SubmodularSampling("FLQMI"), "query"),
        (SubmodularSampling("FLCG", metric="no"), "metric is 'no'"),
        (SubmodularSampling("FLCG", optimizer="no"), "optimizer is 'no'"),
        (SubmodularSampling("LogDetMI", optimizer="lazy", query_set=X), "optimizer"),
        (SIMILAR(scenario="no"), "scenario is 'no'"),
        (SIMILAR(scenario="rare"), "query_set is None.*rare"),
        (SIMILAR(scenario="rare", query_set=X), "query_set"),
        (SIMILAR(scenario="rare", query_set=(X[:1], [7])), "query_set.*7"),
    ],
)
def test_wrong_parameters_are_named(strategy, named):
    with pytest.raises((ValueError, TypeError), match=named):
        strategy.fit(X, Y, estimator=MODEL).query(3)


def test_sets_need_a_model_where_features_are_arrays():
    strategy = SubmodularSampling("FLQMI", query_set=X[:2])
    with pytest.raises(ValueError, match="query_set is read with the model"):
        strategy.fit(X, Y, embedding=X).query(3)
