"""BAL and PT4AL: the order of the pool, and what each round chooses along it."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from torch import nn

from skal import ActiveLearner
from skal.functional import sub_pool
from skal.readout import read_rows
from skal.strategies import (
    BAL,
    PT4AL,
    CoreSet,
    EntropySampling,
    KMeansSampling,
    Partitioned,
    RandomSampling,
    sub_pools,
)

# Parts of a pool whose order and doubts are known: the first column is how hard a row
# is, the second how sure a model is of it.


class Task(TransformerMixin, BaseEstimator):
    """A representation whose losses are the first column; counts its trainings."""

    n_fits = 0

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X, y=None):
        Task.n_fits += 1
        return self

    def transform(self, X):
        return -self.scale * X[:, ::-1]

    def sample_losses(self, X):
        return self.scale * X[:, 0]


class Bent(Task):
    """Features in which other rows are far from each other."""

    def transform(self, X):
        return np.sin(X)


class Known(ClassifierMixin, BaseEstimator):
    """A model that is as sure as the second column says; notes the rows it is asked."""

    asked = ()

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_labels_ = len(y)
        return self

    def predict_proba(self, X):
        Known.asked = (*Known.asked, *X[:, 0].tolist())
        rest = (1 - X[:, 1]) / (len(self.classes_) - 1)
        rest = np.tile(rest[:, None], len(self.classes_) - 1)
        return np.column_stack([X[:, 1], rest])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Drifting(Known):
    """Its features are others each round."""


@read_rows.register(Drifting)
def _read_drifting(model, X, what, **options):
    turn = np.random.default_rng(model.n_labels_).normal(size=(X.shape[1], 2))
    out = {"proba": model.predict_proba(X), "embedding": X @ turn}
    return {name: out[name] for name in what}


def a_pool(n=60, n_classes=3, seed=0):
    """Rows by chance: hardness, sureness from 0.5 to 1, both without ties; labels."""
    rng = np.random.default_rng(seed)
    hard, sure = rng.permutation(n) * 1.0, 0.5 + rng.permutation(n) / (2 * n)
    return np.column_stack([hard, sure]), rng.permutation(n) % n_classes


def bal(**params):
    params = {"balance": 1.0, "indicator": "pretext_loss"} | params
    return BAL(**{"representation": Task(), "random_state": 0} | params)


def a_learner(strategy, estimator=None, **params):
    params = {"n_initial": 6, "query_size": 5, "n_rounds": 4} | params
    params = {"initial": "strategy", "random_state": 0} | params
    return ActiveLearner(
        Known() if estimator is None else estimator, strategy, **params
    )


def by_hardness(X):
    return np.argsort(-X[:, 0], kind="stable").tolist()


def slow_batch(X, bought, window, n, *, hardest=False, order=None):
    """Choose in a part that grows by a place at a time, first at its low side."""
    order = by_hardness(X) if order is None else list(order)
    low, high = window
    inside = [place for place in range(low, high) if order[place] not in bought]
    while len(inside) < n and (low > 0 or high < len(X)):
        low -= 1
        if low >= 0 and order[low] not in bought:
            inside.append(low)
        if len(inside) < n and high < len(X) and order[high] not in bought:
            inside.append(high)
        high += 1
    rows = [order[place] for place in sorted(inside)]
    return rows[:n] if hardest else sorted(rows, key=lambda row: X[row, 1])[:n]


def play(strategy, X, sizes, y=None, **says):
    """Ask a strategy by itself, round after round; what it picked, and from where."""
    y = np.full(len(X), -1) if y is None else y.copy()
    proba = np.column_stack([X[:, 1], 1 - X[:, 1]])
    picked = []
    for number, size in enumerate(sizes):
        picked.append(strategy.fit(X, y, proba=proba, **says).query(size).tolist())
        y[picked[-1]] = number % 2
    return picked


# The parts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "parts", "picked"),
    [
        (1.0, [(0, 3), (3, 6), (6, 9), (9, 12)], ["01", "53", "78", "9b"]),
        (2.0, [(0, 6), (1, 7), (4, 10), (6, 12)], ["01", "25", "79", "ba"]),
        (0.5, [(0, 1), (3, 5), (6, 8), (10, 12)], ["01", "34", "76", "ba"]),
    ],
)
def test_worked_example(balance, parts, picked):
    sure = [0.9, 0.8, 0.5, 0.6, 0.7, 0.55, 0.65, 0.51, 0.62, 0.52, 0.58, 0.53]
    X = np.column_stack([-np.arange(12.0), sure])
    strategy = bal(balance=balance, n_rounds=4)
    found = play(strategy, X, [2, 2, 2, 2])
    assert [[f"{row:x}" for row in rows] for rows in found] == [[*p] for p in picked]
    assert strategy.sub_pools_ == dict(enumerate(parts))
    assert strategy.order_.tolist() == list(range(12))
    assert strategy.order_.dtype == np.intp
    assert strategy.balance_ == balance


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_rounds_are_those_of_a_slow_twin(data):
    n = data.draw(st.integers(4, 40))
    X, _ = a_pool(n, seed=data.draw(st.integers(0, 99)))
    total = data.draw(st.integers(1, 8))
    balance = data.draw(st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0, 1.3, 2.0, 7.0]))
    sizes, left = [], n
    while left and len(sizes) < total + 2:
        sizes.append(data.draw(st.integers(1, max(1, min(left, n // 3)))))
        left -= sizes[-1]
    expected, bought = [], set()
    for number, size in enumerate(sizes):
        window = sub_pool(min(number, total - 1), total, n, balance)
        batch = slow_batch(X, bought, window, size, hardest=number == 0)
        expected.append(batch)
        bought |= set(batch)
    strategy = bal(balance=balance, n_rounds=total)
    assert play(strategy, X, sizes) == expected


def test_hardest_first_though_the_part_is_shorter_than_the_batch():
    X, _ = a_pool()
    strategy = bal(balance=0.1, n_rounds=10)
    assert strategy.fit(X).query(8).tolist() == by_hardness(X)[:8]
    assert strategy.sub_pools_ == {0: (0, 0)}
    descending = bal(balance=0.1, n_rounds=10, descending=True)
    assert descending.fit(X).query(8).tolist() == by_hardness(X)[::-1][:8]


def test_a_part_grows_at_its_low_side_first():
    X = np.column_stack([-np.arange(20.0), np.full(20, 0.5)])
    y = np.full(20, -1)
    strategy = bal(balance=1.0, n_rounds=4)
    first = strategy.fit(X, y).query(2)
    y[first] = [0, 1]
    y[6:9] = 0  # of the part from 5 to 10, 5 and 9 are left
    proba = np.full((20, 2), 0.5)
    for n, inside in [(2, {5, 9}), (3, {5, 9, 4}), (4, {5, 9, 4, 10})]:
        picked = strategy.fit(X, y, proba=proba).query(n)
        assert set(picked.tolist()) == inside
        assert strategy.sub_pools_[1] == (5, 10)
    picked = strategy.query(13)  # the low side is used up
    assert set(picked.tolist()) == {2, 3, 4, 5, *range(9, 18)}


def test_candidates_restrict_the_part():
    X, _ = a_pool(40)
    order = by_hardness(X)
    few = order[:3] + order[30:]
    assert bal(n_rounds=4).fit(X).query(5, candidates=few).tolist() == few[:5]


def test_ties_are_in_the_order_of_the_pool():
    X = np.column_stack([[1.0, 2, 1, 2, 1], [0.5] * 5])
    assert bal(n_rounds=5).fit(X).query(5).tolist() == [1, 3, 0, 2, 4]
    down = bal(n_rounds=5, descending=True).fit(X)
    assert down.query(5).tolist() == [0, 2, 4, 1, 3]


# The rounds ---------------------------------------------------------------------------


def slots_of(learner):
    return [part[0] for part in learner.strategy_.sub_pools_.values()]


@pytest.mark.parametrize("initial", ["strategy", "random"])
@pytest.mark.parametrize("n_rounds", [None, 3])
def test_slots_under_a_learner(initial, n_rounds):
    X, y = a_pool()
    strategy = bal(n_rounds=n_rounds)
    learner = a_learner(strategy, initial=initial).fit(X, y)
    first = learner.history_[0]["indices"].tolist()
    n_batches = 5 if initial == "strategy" else 4
    total = n_rounds or n_batches
    bought, batches = set(first), learner.history_[1:]
    if initial == "strategy":
        assert first == by_hardness(X)[:6]
    for number, row in enumerate(batches, start=n_batches - len(batches)):
        window = sub_pool(min(number, total - 1), total, 60, 1.0)
        assert row["indices"].tolist() == slow_batch(X, bought, window, 5)
        assert learner.strategy_.sub_pools_[number] == window
        bought |= set(row["indices"].tolist())
    assert list(learner.strategy_.sub_pools_) == list(range(n_batches))
    assert slots_of(learner)[0] == 0


def test_with_labels_at_the_first_call_the_sampler_chooses_in_the_first_part():
    X, _ = a_pool()
    y = np.full(60, -1)
    y[[3, 40]] = [0, 1]
    (picked,) = play(bal(n_rounds=4), X, [5], y)
    assert picked == slow_batch(X, {3, 40}, (0, 15), 5)
    assert picked != by_hardness(X)[:5]


def test_a_round_is_over_when_its_labels_are_in():
    X, _ = a_pool()
    y, strategy = np.full(60, -1), bal(n_rounds=4)
    proba = np.column_stack([X[:, 1], 1 - X[:, 1]])
    first = strategy.fit(X, y).query(4).tolist()
    assert strategy.query(4).tolist() == first
    assert strategy.fit(X, y).query(4).tolist() == first
    y[first[:3]] = [0, 1, 0]
    strategy.fit(X, y, proba=proba).query(4)
    assert list(strategy.sub_pools_) == [0]  # a part of the batch is no round
    y[strategy.query(4)] = 1
    second = strategy.fit(X, y, proba=proba).query(4).tolist()
    assert list(strategy.sub_pools_) == [0, 1]
    assert strategy.fit(X, y, proba=proba).query(4).tolist() == second
    assert list(strategy.sub_pools_) == [0, 1]


def test_after_the_last_round_the_last_part_holds():
    X, _ = a_pool()
    strategy = bal(n_rounds=2)
    play(strategy, X, [4, 4, 4, 4])
    assert list(strategy.sub_pools_.values()) == [(0, 30)] + 3 * [(30, 60)]


def test_parts_are_of_this_run():
    X, _ = a_pool()
    strategy = bal(n_rounds=4)
    play(strategy, X, [4, 4, 4])
    play(strategy, X, [4])
    assert list(strategy.sub_pools_) == [0]
    play(strategy, X, [4, 4, 4])
    other, y = a_pool(50)
    play(strategy, other, [4], np.where(np.arange(50) < 30, y % 2, -1))
    assert list(strategy.sub_pools_) == [0]


@pytest.mark.parametrize("query_size", [1, 4, 10, 20, 90])
def test_auto_is_a_line_up_to_the_whole_pool(query_size):
    X, _ = a_pool(100)
    strategy = bal(balance="auto", n_rounds=10)
    strategy.fit(X).query(query_size)
    expected = {1: 0.75, 4: 1.25}.get(query_size, 2.25)
    assert strategy.balance_ == pytest.approx(expected)
    assert strategy.sub_pools_[0] == sub_pool(0, 10, 100, expected)


# The authors' schedule ----------------------------------------------------------------

MEDIUM = [(11875, 19375), (18125, 25625), (24375, 31875), (30625, 38125)]
MEDIUM += [(36875, 44375), (42500, 50000)]
LARGE = [(low, min(low + 10000, 50000)) for low in (0, *range(7500, 47500, 5000))]
LARGE += [(40000, 50000)]


def test_the_medium_setting_as_released():
    X, y = a_pool(50_000)
    strategy = bal(balance=1.2, schedule="released")
    sizes = {"n_initial": 5000, "query_size": 2500, "n_rounds": 6}
    learner = a_learner(strategy, **sizes).fit(X, y)
    assert list(learner.strategy_.sub_pools_.values())[1:] == MEDIUM
    order = np.array(by_hardness(X))
    assert np.array_equal(learner.labeled_indices_[:5000], order[:5000])
    free = np.setdiff1d(order[slice(*MEDIUM[0])], order[:5000])
    second = free[np.argsort(X[free, 1])][:2500]
    assert np.array_equal(learner.labeled_indices_[5000:7500], second)


def test_the_large_setting_as_released():
    X, _ = a_pool(50_000)
    X = np.column_stack([X[:, 1], X[:, 0]])  # any two columns
    proba = np.random.default_rng(0).dirichlet(np.ones(10), 50_000)
    strategy = BAL(balance=2.0, schedule="released", n_rounds=10, n_clusters=10)
    y = np.full(50_000, -1)
    for _ in range(10):
        strategy.fit(X, y, proba=proba, embedding=X[:, :1])
        picked = strategy.query(5000)
        assert (y[picked] == -1).all()
        y[picked] = picked % 10
    assert [*strategy.sub_pools_.values()] == LARGE
    assert (y >= 0).all()


# The order ----------------------------------------------------------------------------

LINE = np.array([-3.0, -2, 1, 4, 7, 8, 11, 14])[:, None]  # about the centers 0 and 10


@pytest.mark.parametrize(
    ("params", "order"),
    [
        ({}, [3, 4, 5, 2, 0, 1, 6, 7]),
        ({"descending": True}, [0, 1, 6, 7, 2, 5, 4, 3]),
        ({"indicator": "dtc"}, [3, 7, 0, 4, 1, 5, 2, 6]),
        ({"indicator": "dtc", "descending": True}, [2, 6, 1, 5, 0, 4, 3, 7]),
        ({"indicator": "pretext_loss"}, [7, 6, 5, 4, 3, 2, 1, 0]),
        ({"indicator": "pretext_loss", "descending": True}, list(range(8))),
    ],
    ids=str,
)
def test_indicators(params, order):
    strategy = BAL(n_clusters=2, n_rounds=2, representation=Task(), **params)
    assert strategy.fit(LINE).query(3).tolist() == order[:3]
    assert strategy.order_.tolist() == order


def test_clusters_are_as_many_as_classes():
    X, y = a_pool()
    labels = np.where(np.arange(60) < 30, y, -1)
    proba = np.full((60, 3), 1 / 3)
    for y, n_clusters in [(labels, 3), (None, 10)]:
        says = {"embedding": X} if y is None else {"embedding": X, "proba": proba}
        default, given = BAL(n_rounds=4), BAL(n_rounds=4, n_clusters=n_clusters)
        for strategy in (default, given):
            strategy.fit(X, y, **says).query(5)
        assert np.array_equal(default.order_, given.order_)
        given.set_params(n_clusters=n_clusters + 1).fit(X, y, **says).query(5)
        assert not np.array_equal(default.order_, given.order_)


def test_the_order_does_not_depend_on_the_seed():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    orders = []
    for seed in (0, 1, None):
        strategy = BAL(n_clusters=7, random_state=seed).fit(X)
        strategy.query(3)
        orders.append(strategy.order_.tolist())
    assert orders[0] == orders[1] == orders[2]


def test_k_means_sees_a_part_of_many_rows(monkeypatch):
    sizes, plain = [], sub_pools.k_means

    def noting(X, *args, **params):
        sizes.append(len(X))
        return plain(X, *args, **params)

    monkeypatch.setattr(sub_pools, "k_means", noting)
    monkeypatch.setattr(sub_pools, "_MOST_FITTED", 50)
    X, _ = a_pool(80)
    strategy = BAL(n_clusters=3).fit(X)
    strategy.query(3)
    assert sizes == [50]
    assert sorted(strategy.order_) == list(range(80))


def made_anew(strategy, X, y=None, **says):
    """Whether a query makes another order."""
    before = strategy.order_
    strategy.fit(X, y, **says).query(3)
    return strategy.order_ is not before


@pytest.mark.parametrize("representation", [Task(), None])
def test_the_order_is_made_once_a_pool(representation):
    Task.n_fits = 0
    X, y = a_pool()
    strategy = bal(indicator="cdd", n_clusters=4, representation=representation)
    strategy.fit(X).query(3)
    labels = np.where(np.arange(60) < 10, y, -1)
    for n_labels in (10, 20, 30):
        labels[:n_labels] = y[:n_labels]
        model = Drifting().fit(X[:n_labels], y[:n_labels])
        assert not made_anew(strategy, X, labels, estimator=model)
    assert Task.n_fits == (representation is not None)
    fresh = BAL(n_clusters=4).fit(X, labels, estimator=model)
    fresh.query(3)  # what another order of these features would be
    assert not np.array_equal(fresh.order_, strategy.order_)
    assert made_anew(strategy, X.copy(), labels, estimator=model)
    assert Task.n_fits == 2 * (representation is not None)


@pytest.mark.parametrize(
    "params",
    [
        {"n_clusters": 5},
        {"indicator": "dtc"},
        {"descending": True},
        {"representation": PCA(1)},
        {"representation__scale": 2.0},
    ],
    ids=str,
)
def test_what_makes_another_order(params):
    X, y = a_pool()
    labels = np.where(np.arange(60) < 10, y, -1)
    model = Known().fit(X[:10], y[:10])
    strategy = BAL(n_clusters=4, n_rounds=5, representation=Task()).fit(X)
    strategy.query(3)
    strategy.set_params(balance=2.0, sampler=EntropySampling(), n_rounds=4)
    assert not made_anew(strategy, X, labels, estimator=model)
    strategy.set_params(**params)
    assert made_anew(strategy, X, labels, estimator=model)
    fresh = clone(strategy).fit(X, labels, estimator=model)
    fresh.query(3)
    assert np.array_equal(strategy.order_, fresh.order_)


def test_other_features_make_another_order_while_nothing_is_labeled():
    X, y = a_pool()
    proba = np.full((60, 3), 1 / 3)
    strategy = BAL(n_clusters=3, n_rounds=4).fit(X, embedding=X)
    y = np.where(np.arange(60) < 9, y, -1)
    strategy.query(3)
    first = strategy.order_.tolist()
    strategy.fit(X, embedding=X**2).query(3)
    second = strategy.order_.tolist()
    assert first != second
    strategy.fit(X, y, proba=proba, embedding=X).query(3)
    assert strategy.order_.tolist() == second


# A pickle -----------------------------------------------------------------------------


@pytest.mark.parametrize("representation", [Task(), None])
@pytest.mark.parametrize("indicator", ["cdd", "pretext_loss"])
def test_an_unpickled_learner_goes_on(representation, indicator):
    if indicator == "pretext_loss" and representation is None:
        pytest.skip("no losses")
    X, y = a_pool()
    strategy = BAL(
        balance=1.5, n_clusters=4, indicator=indicator, representation=representation
    )
    straight = a_learner(strategy, Drifting())
    broken = clone(straight)
    labels = np.full(60, -1)
    for _ in range(5):
        broken = pickle.loads(pickle.dumps(broken))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expected = straight.teach(X, labels).query(5)
            broken.teach(X.copy(), labels)
            broken = pickle.loads(pickle.dumps(broken))
            picked = broken.teach(X.copy(), labels).query(5)
        assert picked.tolist() == expected.tolist()
        labels[picked] = y[picked]
    parts = [one.teach(X, labels).strategy_.sub_pools_ for one in (straight, broken)]
    assert parts[0] == parts[1]
    assert list(parts[0]) == [0, 1, 2, 3, 4]


def test_a_pickle_of_a_strategy_keeps_its_order_and_no_pool():
    X, y = a_pool()
    strategy = BAL(n_clusters=4, n_rounds=4, random_state=0).fit(X, embedding=X)
    strategy.query(4)
    again = pickle.loads(pickle.dumps(strategy))
    labels = np.where(np.arange(60) < 9, y, -1)
    model = Drifting().fit(X[:9], y[:9])
    expected = strategy.fit(X, labels, estimator=model).query(5)
    assert again.fit(X.copy(), labels, estimator=model).query(5).tolist() == [*expected]
    assert again.sub_pools_ == strategy.sub_pools_
    again = pickle.loads(pickle.dumps(strategy))  # a pickle, and another pool
    other, y = a_pool(50)
    labels = np.where(np.arange(50) < 9, y, -1)
    again.fit(other, labels, estimator=model).query(5)
    assert len(again.order_) == 50


# The sampler --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler", [CoreSet(), KMeansSampling(), EntropySampling(), RandomSampling()]
)
def test_the_sampler_reads_the_features_of_the_model(sampler):
    X, y = a_pool()
    labels = np.where(np.arange(60) < 9, y, -1)
    model = Known().fit(X[:9], y[:9])
    strategy = bal(n_rounds=2, sampler=sampler, representation=Bent())
    picked = strategy.fit(X, labels, estimator=model).query(4)
    part = np.intersect1d(strategy.order_[:30], np.flatnonzero(labels == -1))
    alone = clone(strategy.sampler_).fit(X, labels, estimator=model)
    assert picked.tolist() == alone.query(4, candidates=part).tolist()
    assert not hasattr(sampler, "seed_")
    if "representation" in sampler.get_params():  # of which others would be chosen
        alone.set_params(representation=Bent()).fit(X, labels, estimator=model)
        assert picked.tolist() != alone.query(4, candidates=part).tolist()


def test_a_sampler_may_bring_features_of_its_own():
    X, y = a_pool()
    labels = np.where(np.arange(60) < 9, y, -1)
    model = Known().fit(X[:9], y[:9])
    sampler = CoreSet(representation=StandardScaler())
    strategy = bal(n_rounds=1, sampler=sampler).fit(X, labels, estimator=model)
    alone = CoreSet(representation=StandardScaler()).fit(X, labels)
    assert strategy.query(4).tolist() == alone.query(4).tolist()


@pytest.mark.parametrize("representation", [Task(), None])
def test_the_model_is_read_in_the_part_only(representation):
    X, y = a_pool()
    indicator = "cdd" if representation is None else "pretext_loss"
    strategy = bal(n_rounds=4, indicator=indicator, representation=representation)
    first = strategy.fit(X, estimator=Known().fit(X, y)).query(4)
    Known.asked = ()
    labels = np.full(60, -1)
    labels[first] = y[first]
    strategy.fit(X, labels, estimator=Known().fit(X, y)).query(4)
    part = set(strategy.order_[15:30].tolist()) - set(first.tolist())
    assert sorted(Known.asked) == sorted(X[[*part], 0])


def test_inside_other_strategies():
    X, y = a_pool()
    labels = np.where(np.arange(60) < 9, y, -1)
    model = Known().fit(X[:9], y[:9])
    strategy = Partitioned(bal(n_rounds=3), n_partitions=2, random_state=0)
    picked = strategy.fit(X, labels, estimator=model).query(10)
    assert len(set(picked.tolist())) == 10
    inner = bal(n_rounds=3, sampler=Partitioned(CoreSet(), n_partitions=2))
    assert len(set(inner.fit(X, labels, estimator=model).query(10).tolist())) == 10


# Few classes --------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_a_first_batch_of_one_class_is_topped_up_with_the_hardest(estimator):
    X, _ = a_pool()
    order = by_hardness(X)
    y = np.zeros(60, int)
    y[order[9:]] = np.arange(51) % 2 + 1
    learner = a_learner(bal(estimator=estimator), n_initial=4).fit(X, y)
    assert learner.labeled_indices_[:10].tolist() == order[:10]
    assert learner.cost_ == 10 + 4 * 5


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_one_class_by_hand(estimator):
    X, _ = a_pool()
    learner, labels = a_learner(bal(estimator=estimator)), np.full(60, -1)
    for batch in (by_hardness(X)[:6], by_hardness(X)[12:13]):
        picked = learner.teach(X, labels).query()
        assert picked.tolist() == batch
        labels[picked] = 1


@pytest.mark.parametrize("initial", ["strategy", "random"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_rows_of_no_class(initial, share):
    X, y = a_pool(seed=1)
    y[by_hardness(X)[: int(60 * share) // 2]] = -2  # the hardest are of no class
    y[np.random.default_rng(0).random(60) < share / 2] = -2
    learner = a_learner(bal(), ood_label=-2, initial=initial, n_rounds=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the pool may run out
        learner.fit(X, y)
    assert len(set(learner.labeled_indices_.tolist())) == learner.cost_
    assert learner.history_[0]["n_labeled"] >= 6


# What is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"balance": 0}, "balance is 0: .*above 0"),
        ({"balance": -1.0}, "balance is -1.0"),
        ({"balance": np.inf}, "balance is inf"),
        ({"balance": np.nan}, "balance is nan"),
        ({"balance": True}, "balance is True"),
        ({"balance": "none"}, "balance is 'none'"),
        ({"balance": None}, "balance is None"),
        ({"n_rounds": 0}, "n_rounds is 0: .*1 or more"),
        ({"n_rounds": 2.0}, "n_rounds is 2.0"),
        ({"n_rounds": True}, "n_rounds is True"),
        ({"n_clusters": 1}, "n_clusters is 1: .*2 or more"),
        ({"n_clusters": "auto"}, "n_clusters is 'auto'"),
        ({"indicator": "loss"}, "indicator"),
        ({"schedule": "even"}, "schedule"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(params, words):
    with pytest.raises(ValueError, match=words):
        bal(**params).fit(a_pool()[0]).query(2)
    if "n_rounds" in params:
        with pytest.raises(ValueError, match=words):
            PT4AL(representation=Task(), **params).fit(a_pool()[0]).query(2)


@pytest.mark.parametrize("cls", [BAL, PT4AL])
@pytest.mark.parametrize("wrong", ["entropy", EntropySampling])
def test_a_wrong_sampler_is_named(cls, wrong):
    with pytest.raises(TypeError, match="sampler is "):
        cls(sampler=wrong, representation=Task()).fit(a_pool()[0])


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (PT4AL(), "PT4AL.*`pretext_loss`.*representation.*sample_losses"),
        (PT4AL(representation=PCA(1)), "`pretext_loss`.*sample_losses"),
        (BAL(indicator="pretext_loss"), "BAL.*`pretext_loss`.*sample_losses"),
    ],
    ids=str,
)
def test_nothing_to_order_by(strategy, words):
    X, y = a_pool()
    with pytest.raises(ValueError, match=words):
        strategy.fit(X).query(2)
    with pytest.raises(ValueError, match="pretext_loss"):
        a_learner(strategy).fit(X, y)


def test_texts_have_no_features():
    with pytest.raises(ValueError, match=r"BAL.*`embedding`.*representation"):
        BAL().fit(["one", "two", "three"]).query(1)


@pytest.mark.parametrize(
    "params",
    [
        {"strategy__balance": [1e-9, 0.01, 30.0, 1e300, np.float32(0.7), 3]},
        {"strategy__n_clusters": [2, 7, 1000]},
        {"strategy__n_rounds": [1, 2, 1000]},
        {"query_size": [1, 13, 40, 5000]},
        {"n_initial": [2, 30]},
    ],
    ids=str,
)
@pytest.mark.parametrize("schedule", ["uniform", "released"])
def test_no_value_breaks_a_search(params, schedule):
    X, y = a_pool(45)
    strategy = BAL(schedule=schedule, n_clusters=3)
    learner = a_learner(strategy, n_initial=3, n_rounds=3)
    search = GridSearchCV(learner, params, cv=3, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("schedule", ["uniform", "released"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_pools(schedule, n):
    X = np.zeros((n, 2))
    strategy = BAL(schedule=schedule).fit(X)
    assert sorted(strategy.query(n).tolist()) == list(range(n))


# PT4AL --------------------------------------------------------------------------------


def test_losses_are_sorted_as_numbers():
    X = np.array([[0.5, 0.5], [2e-05, 0.5], [1.2, 0.5]])
    strategy = PT4AL(n_rounds=1, representation=Task()).fit(X)
    assert strategy.query(3).tolist() == [2, 0, 1]
    assert strategy.order_.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("n", "n_rounds", "query_size", "places"),
    [
        (100, 5, 4, [0, 5, 10, 15]),
        (100, 5, 3, [0, 6, 13]),
        (30, 2, 10, [0, 1, 3, 4, 6, 7, 9, 10, 12, 13]),
        (20, 10, 5, [0, 1, 2, 3, 4]),  # more than a part holds
    ],
)
def test_the_first_batch_is_spread_evenly(n, n_rounds, query_size, places):
    X, _ = a_pool(n)
    strategy = PT4AL(n_rounds=n_rounds, representation=Task()).fit(X)
    expected = np.array(by_hardness(X))[places]
    assert strategy.query(query_size).tolist() == expected.tolist()


def test_rounds_of_pt4al_tile_the_pool():
    X, y = a_pool(100)
    strategy = PT4AL(representation=Task(), random_state=0)
    learner = a_learner(strategy, n_initial=4, query_size=4, n_rounds=4).fit(X, y)
    parts = [(0, 20), (20, 40), (40, 60), (60, 80), (80, 100)]
    assert list(learner.strategy_.sub_pools_.values()) == parts
    bought = set(learner.history_[0]["indices"].tolist())
    for part, row in zip(parts[1:], learner.history_[1:], strict=True):
        assert row["indices"].tolist() == slow_batch(X, bought, part, 4)
        bought |= set(row["indices"].tolist())


def test_images_are_ordered_by_how_hard_they_are_to_turn(monkeypatch):
    from skal import estimators

    fits = []

    class Tiny(estimators.RotationPretext):
        def fit(self, X, y=None):
            fits.append(len(X))
            return super().fit(X)

    def tiny():
        layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
        return Tiny(layers, max_epochs=1, device="cpu")

    monkeypatch.setattr(estimators, "RotationPretext", tiny)
    images = np.random.default_rng(0).random((30, 1, 8, 8), dtype="f4")
    proba = np.full((30, 2), 0.5)
    for cls, params in [(PT4AL, {}), (BAL, {"indicator": "pretext_loss"})]:
        fits.clear()
        strategy, y = cls(n_rounds=3, **params), np.full(30, -1)
        for _ in range(2):
            picked = strategy.fit(images, y, proba=proba).query(4)
            y[picked] = 0
        losses = strategy.representation_.sample_losses(images)
        assert np.diff(losses[strategy.order_]).max() < 1e-5
        assert np.ptp(losses) > 1e-3
        assert fits == [30]
        assert strategy.representation is None
        assert list(strategy.sub_pools_) == [0, 1]
    fits.clear()  # clusters are of what the model says, if nothing else is given
    BAL(n_clusters=2).fit(images, embedding=images.reshape(30, -1)).query(3)
    assert not fits
