"""fit: y is the oracle."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skal.metrics import sampling_bias
from skal.strategies import (
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    QueryStrategy,
    RandomSampling,
)


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what it was given; predicts like a nearest neighbor."""

    calls = ()

    def __init__(self, ood_label=None, fail_at=None):
        self.ood_label = ood_label
        self.fail_at = fail_at

    def fit(self, X, y, sample_weight=None):
        Recorder.calls = (*Recorder.calls, (X, np.asarray(y), sample_weight))
        if self.fail_at == len(Recorder.calls):
            raise OverflowError("the model's own error")
        y, known = np.asarray(y), np.asarray(y) != -1
        labels = y[known].astype(int) if y.dtype == object else y[known]
        self.model_ = KNeighborsClassifier(1).fit(X[known], labels)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return self.model_.predict(X)


@pytest.fixture(autouse=True)
def _forget():
    Recorder.calls = ()


def test_history_tells_the_run(make, digits):
    X, y = digits
    learner = make(EntropySampling()).fit(X, y)
    history = pd.DataFrame(learner.history_)
    assert history["round"].tolist() == [0, 1, 2, 3]
    assert history["n_labeled"].tolist() == [40, 60, 80, 100]
    assert history["cost"].tolist() == [40, 60, 80, 100]
    assert np.concatenate(history["indices"]).tolist() == (
        learner.labeled_indices_.tolist()
    )
    for row in learner.history_:
        known = y[learner.labeled_indices_[: row["n_labeled"]]]
        assert row["class_counts"] == {c: int((known == c).sum()) for c in range(10)}
        assert row["sampling_bias"] == pytest.approx(
            sampling_bias(known, classes=np.arange(10))
        )
    assert (history[["fit_time", "query_time"]] >= 0).all(axis=None)
    assert learner.cost_ == 100
    assert learner.sampling_bias_ == learner.history_[-1]["sampling_bias"]


def test_shares_of_the_pool(make, digits):
    X, y = digits
    learner = make(n_initial=0.05, query_size=0.01, n_rounds=2).fit(X, y)
    assert [row["n_labeled"] for row in learner.history_] == [45, 54, 63]


def test_the_model_is_trained_on_what_was_bought_and_nothing_else(make, digits):
    X, y = digits
    learner = make(RandomSampling(), Recorder()).fit(X, y)
    rows, labels, _ = Recorder.calls[-1]
    bought = np.sort(learner.labeled_indices_)
    assert np.array_equal(rows, X[bought])
    assert np.array_equal(labels, y[bought])
    assert [len(call[0]) for call in Recorder.calls] == [40, 60, 80, 100]


@pytest.mark.parametrize("strategy", [EntropySampling(), CoreSet(), RandomSampling()])
def test_a_seed_reproduces_everything(make, digits, strategy):
    X, y = digits
    state = np.random.get_state()  # noqa: NPY002
    one, two, other = (
        make(strategy, RandomForestClassifier(5), random_state=seed).fit(X, y)
        for seed in (0, 0, 1)
    )
    after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(one.labeled_indices_, two.labeled_indices_)
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))
    assert not np.array_equal(one.labeled_indices_, other.labeled_indices_)
    assert state[2] == after[2]
    assert np.array_equal(state[1], after[1])


def test_every_strategy_starts_from_the_same_batch(make, digits):
    X, y = digits
    first = {
        tuple(make(strategy, n_rounds=0).fit(X, y).labeled_indices_)
        for strategy in (EntropySampling(), CoreSet(), None)
    }
    assert len(first) == 1


def test_random_goes_on_until_two_classes_are_seen(make):
    X = np.arange(200.0)[:, None]
    y = np.zeros(200, dtype=int)
    y[17] = 1
    learner = make(n_initial=2, n_rounds=0).fit(X, y)
    bought = y[learner.labeled_indices_]
    assert bought[-1] == 1
    assert bought.sum() == 1
    assert learner.cost_ == len(bought) > 2


def test_stratified_takes_of_each_class_in_proportion(make):
    y = np.repeat([0, 1, 2], [700, 200, 100])
    X = np.random.default_rng(0).normal(size=(1000, 2)) + y[:, None]
    learner = make(initial="stratified", n_initial=50, n_rounds=0).fit(X, y)
    assert np.bincount(y[learner.labeled_indices_]).tolist() == [35, 10, 5]
    other = make(initial="stratified", n_initial=50, n_rounds=0, random_state=1)
    assert set(other.fit(X, y).labeled_indices_) != set(learner.labeled_indices_)


def test_an_index_array_is_taken_as_it_is_in_its_order(make, digits):
    X, y = digits
    chosen = np.array([5, 3, 99, 42])
    learner = make(initial=chosen, n_rounds=1).fit(X, y)
    assert learner.labeled_indices_[:4].tolist() == chosen.tolist()
    assert [row["n_labeled"] for row in learner.history_] == [4, 24]
    with pytest.raises(ValueError, match="initial"):
        make(initial=np.flatnonzero(y == 3)[:5]).fit(X, y)


@pytest.mark.parametrize("initial", ["strategy", CoreSet()])
def test_a_strategy_may_pick_the_first_batch(make, digits, initial):
    X, y = digits
    learner = make(CoreSet(), initial=initial).fit(X, y)
    alone = CoreSet().fit(X, np.full(len(X), -1)).query(40)
    assert learner.labeled_indices_[:40].tolist() == alone.tolist()
    assert learner.cost_ == 100


def test_the_first_batch_of_a_strategy_goes_on_to_two_classes(make):
    X = np.r_[np.linspace(0, 1, 99), 0.5][:, None]
    y = np.r_[np.zeros(99, dtype=int), 1]
    learner = make(initial=CoreSet(), n_initial=2, n_rounds=0).fit(X, y)
    assert y[learner.labeled_indices_].tolist()[-1] == 1


def test_a_strategy_that_reads_a_model_cannot_start(make, digits):
    Recorder.calls = ()
    with pytest.raises(ValueError, match=r"initial.*proba"):
        make(EntropySampling(), Recorder(), initial="strategy").fit(*digits)
    assert Recorder.calls == ()


def test_pool_size_draws_fresh_subsets(make, digits):
    X, y = digits
    read = []

    class Counting(LogisticRegression):
        def predict_proba(self, X):
            read.append(np.array(X))
            return super().predict_proba(X)

    make(MarginSampling(), Counting(max_iter=200), pool_size=50).fit(X, y)
    assert [len(rows) for rows in read] == [50, 50, 50]
    assert not np.array_equal(read[0], read[1])


def test_the_pool_may_run_out(make, digits):
    X, y = digits[0][:70], digits[1][:70]
    learner = make(MarginSampling(), n_rounds=9).fit(X, y)
    assert [row["n_labeled"] for row in learner.history_] == [40, 60, 70]
    assert sorted(learner.labeled_indices_) == list(range(70))


def test_each_round_is_scored(make, digits):
    X, y = digits
    data = {"X_val": X[600:], "y_val": y[600:]}
    scoring = {"hits": make_scorer(accuracy_score), "loss": "neg_log_loss"}
    learner = make(MarginSampling(), scoring=scoring).fit(X[:600], y[:600], **data)
    assert learner.history_[-1]["hits"] == learner.score(X[600:], y[600:])
    assert all(np.isfinite(row["loss"]) for row in learner.history_)
    nullable = {"X_val": X[600:], "y_val": pd.Series(y[600:], dtype="Int64")}
    other = make(MarginSampling(), scoring=scoring).fit(X[:600], y[:600], **nullable)
    assert other.history_[-1]["hits"] == learner.history_[-1]["hits"]
    several = make(scoring=lambda est, X, y: {"a": 1.0, "b": 2.0})
    assert several.fit(X[:600], y[:600], **data).history_[0]["b"] == 2.0
    with pytest.raises(ValueError, match="cost"):
        make(scoring={"cost": "accuracy"}).fit(X[:600], y[:600], **data)
    one = make(MarginSampling(), scoring="accuracy").fit(X[:600], y[:600], **data)
    default = make(MarginSampling()).fit(X[:600], y[:600], **data)
    own = make(MarginSampling(), scoring=lambda est, X, y: est.score(X, y))
    rows = zip(
        learner.history_,
        one.history_,
        default.history_,
        own.fit(X[:600], y[:600], **data).history_,
        strict=True,
    )
    for a, b, c, d in rows:
        assert a["hits"] == b["accuracy"] == c["score"] == d["score"]


def test_warm_start_by_partial_fit(make, digits):
    X, y = digits
    rows = []

    class Warm(SGDClassifier):
        def partial_fit(self, X, y, classes=None, sample_weight=None):
            rows.append((len(X), id(self), len(classes)))
            return super().partial_fit(X, y, classes)

    learner = make(None, Warm(random_state=0), warm_start=True).fit(X, y)
    assert [n for n, *_ in rows] == [40, 60, 80, 100]
    for (_, before, n_before), (_, after, n_after) in itertools.pairwise(rows):
        assert (before == after) == (n_before == n_after)
    assert rows[-1][1] == rows[-2][1]
    assert learner.score(X, y) > 0.5


def test_warm_start_of_the_estimator_itself(make, digits):
    X, y = digits
    seen = []

    class Warm(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            start = getattr(self, "coef_", None)
            seen.append((len(np.unique(y)), start is None))
            return super().fit(X, y)

    make(None, Warm(max_iter=200), warm_start=True, n_initial=3, query_size=2).fit(X, y)
    grows = [True] + [b[0] > a[0] for a, b in itertools.pairwise(seen)]
    assert [fresh for _, fresh in seen] == grows
    with pytest.raises(ValueError, match="warm_start"):
        make(None, KNeighborsClassifier(), warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="adds members"):
        make(None, RandomForestClassifier(), warm_start=True).fit(X, y)
    assert make(None, GaussianNB(), warm_start=True).fit(X, y).cost_ == 100


def test_warm_start_knows_no_class_that_was_not_bought(make, digits):
    X, y = digits
    known = np.flatnonzero(y < 2)[:30]
    model = SGDClassifier(loss="log_loss", random_state=0)
    params = {"initial": known, "warm_start": True, "random_state": 0}
    learner = make(EntropySampling(), model, n_rounds=0, **params).fit(X, y)
    assert (learner.predict_proba(X)[:, 2:] == 0).all()
    fewer = np.where(y > 2, 0, y)
    one = make(EntropySampling(), model, n_rounds=1, **params).fit(X, y)
    other = make(EntropySampling(), model, n_rounds=1, **params).fit(X, fewer)
    assert np.array_equal(one.labeled_indices_, other.labeled_indices_)


@pytest.mark.parametrize("names", ["integers", "strings"])
@pytest.mark.parametrize(
    "model",
    [LabelSpreading(), SelfTrainingClassifier(LogisticRegression(max_iter=200))],
)
def test_semi_supervised_estimators_get_the_whole_pool(make, digits, model, names):
    X, y = digits
    y = y if names == "integers" else np.array([f"d{v}" for v in y], dtype=object)
    if isinstance(model, LabelSpreading) and names == "strings":
        pytest.skip("scikit-learn's LabelSpreading compares labels with -1 as numbers")
    learner = make(MarginSampling(), model, use_unlabeled=True).fit(X, y)
    assert learner.predict_proba(X).shape == (len(X), 10)
    assert learner.score(X, y) > 0.7
    assert set(learner.classes_) == set(y)


def test_weights_go_with_the_whole_pool(make, digits):
    X, y = digits
    weights = np.arange(900.0)
    learner = make(None, Recorder(), use_unlabeled=True)
    learner.fit(X, y, sample_weight=weights)
    assert Recorder.calls[-1][2] is weights


@pytest.mark.parametrize("labels", [float, bool], ids=lambda kind: kind.__name__)
def test_use_unlabeled_with_labels_that_are_no_integers(make, digits, labels):
    X, y = digits
    y = (y > 4).astype(labels)
    model = SelfTrainingClassifier(LogisticRegression(max_iter=200))
    learner = make(MarginSampling(), model, use_unlabeled=True).fit(X, y)
    assert learner.predict(X).dtype == y.dtype
    assert learner.score(X, y) > 0.7


def test_use_unlabeled_needs_a_semi_supervised_estimator(make, digits):
    with pytest.raises(ValueError, match="semi-supervised"):
        make(EntropySampling(), use_unlabeled=True).fit(*digits)


def test_use_unlabeled_marks_with_minus_one(make, digits):
    X, y = digits
    learner = make(None, Recorder(), use_unlabeled=True).fit(X, y)
    rows, labels, _ = Recorder.calls[-1]
    assert rows is X
    assert np.flatnonzero(labels != -1).tolist() == sorted(learner.labeled_indices_)
    with (
        pytest.warns(UserWarning, match="class"),
        pytest.raises(ValueError, match="-1"),
    ):
        make(None, Recorder(), use_unlabeled=True).fit(X, y - 1)


class TestOutOfDistribution:
    """Rows of classes 7 to 9 belong to no class; the annotator says 99."""

    @pytest.fixture
    def open_set(self, digits):
        X, y = digits
        return X, np.where(y > 6, 99, y)

    @pytest.mark.parametrize(
        "strategy", [RandomSampling(), EntropySampling(), CoreSet()]
    )
    def test_a_round_ends_with_useful_labels(self, make, open_set, strategy):
        X, y = open_set
        learner = make(strategy, ood_label=99).fit(X, y)
        bought = y[learner.labeled_indices_]
        assert [row["n_labeled"] for row in learner.history_] == [40, 60, 80, 100]
        assert (bought != 99).sum() == 100
        assert learner.cost_ == len(bought) == len(set(learner.labeled_indices_)) > 100
        assert learner.history_[-1]["cost"] == learner.cost_
        assert sum(learner.history_[-1]["class_counts"].values()) == 100
        assert learner.classes_.tolist() == list(range(7))
        assert learner.predict_proba(X).shape == (len(X), 7)
        assert 99 not in learner.predict(X)

    @pytest.mark.parametrize("initial", ["random", "stratified", CoreSet()])
    def test_the_first_batch_counts_useful_labels(self, make, open_set, initial):
        X, y = open_set
        learner = make(initial=initial, ood_label=99, n_rounds=0).fit(X, y)
        assert (y[learner.labeled_indices_] != 99).sum() == 40

    def test_the_strategy_begins_once_a_round(self, make, open_set):
        begun, asked = [], []

        class Counted(EntropySampling):
            def _begin(self, pool, reader):
                begun.append(len(pool.bought))
                return super()._begin(pool, reader)

            def _query(self, query_size, candidates):
                asked.append(query_size)
                return super()._query(query_size, candidates)

        learner = make(Counted(), ood_label=99).fit(*open_set)
        costs = [row["cost"] for row in learner.history_]
        assert begun == costs
        assert len(asked) > 3
        assert sum(asked) == learner.cost_ - costs[0]

    def test_validation_leaves_them_out(self, make, open_set):
        X, y = open_set
        learner = make(ood_label=99, scoring=["accuracy", "neg_log_loss"])
        learner.fit(X[:700], y[:700], X_val=X[700:], y_val=y[700:])
        known = y[700:] != 99
        expected = learner.score(X[700:][known], y[700:][known])
        assert learner.history_[-1]["accuracy"] == expected

    def test_an_estimator_may_ask_for_them(self, make, open_set):
        X, y = open_set
        params = {"ood_label": 99, "use_unlabeled": True, "n_rounds": 1}
        learner = make(None, Recorder(), **params).fit(X, y)
        labels = Recorder.calls[-1][1]
        assert (labels == 99).sum() == learner.cost_ - 60 > 0
        proba = learner.predict_proba(X)
        assert proba.shape == (len(X), 7)
        assert np.allclose(proba.sum(axis=1), 1)
        assert 99 not in learner.predict(X)

    def test_other_estimators_never_see_them(self, make, open_set):
        X, y = open_set
        model = SelfTrainingClassifier(LogisticRegression(max_iter=200))
        learner = make(None, model, ood_label=99, use_unlabeled=True).fit(X, y)
        assert 99 not in learner.estimator_.classes_

    def test_a_pool_without_useful_rows_left_warns(self, make, open_set):
        X, y = open_set
        keep = np.r_[np.flatnonzero(y != 99)[:50], np.flatnonzero(y == 99)[:20]]
        with pytest.warns(UserWarning, match="in-distribution"):
            learner = make(ood_label=99).fit(X[keep], y[keep])
        assert learner.cost_ == 70
        assert learner.history_[-1]["n_labeled"] == 50


KINDS = [
    "strings",
    "objects",
    "booleans",
    "floats",
    "object integers",
    "Int64",
    "category",
    "boolean",
    "odd index",
]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind(make, digits, kind):
    X, y = digits
    labels = {
        "object integers": y.astype(object),
        "Int64": pd.Series(y, dtype="Int64"),
        "category": pd.Series(y, dtype="category"),
        "boolean": pd.Series(y > 4, dtype="boolean"),
        "odd index": pd.Series(y, index=np.arange(900)[::-1] * 2),
        "strings": np.array([f"d{v}" for v in y]),
        "objects": np.array([f"d{v}" for v in y], dtype=object),
        "booleans": y > 4,
        "floats": y.astype(float),
    }[kind]
    learner = make(MarginSampling()).fit(X, labels)
    assert set(learner.predict(X)) <= set(labels)
    assert np.array_equal(learner.classes_, np.unique(labels))


def test_columns_of_classes_not_bought(make, digits):
    X, y = digits
    learner = make(n_initial=3, query_size=1, n_rounds=1).fit(X, y)
    bought = set(y[learner.labeled_indices_])
    proba, decision = learner.predict_proba(X), learner.decision_function(X)
    for c in range(10):
        assert (proba[:, c] == 0).all() == (c not in bought)
        assert np.isneginf(decision[:, c]).all() == (c not in bought)
    assert np.array_equal(learner.predict(X), learner.classes_[decision.argmax(1)])


def test_score_samples_scores_new_rows_by_the_last_model(make, digits):
    X, y = digits
    for strategy in (LeastConfidenceSampling(), CoreSet()):
        learner = make(strategy).fit(X[:600], y[:600])
        labels = np.full(600, -1)
        labels[learner.labeled_indices_] = y[learner.labeled_indices_]
        alone = clone(strategy).fit(X[:600], labels, estimator=learner.estimator_)
        expected = alone.score_samples(X[600:])
        assert np.allclose(learner.score_samples(X[600:]), expected)


def test_a_run_that_fails_leaves_the_learner_as_it_was(make, digits):
    X, y = digits
    learner = make(MarginSampling(), Recorder()).fit(X, y)
    before = dict(vars(learner))
    Recorder.calls = ()
    learner.set_params(estimator__fail_at=3)
    with pytest.raises(OverflowError, match="own error"):
        learner.fit(X, y)
    after = dict(vars(learner))
    assert {k: v for k, v in after.items() if k.endswith("_")}.keys() == {
        k for k in before if k.endswith("_")
    }
    assert after["labeled_indices_"] is before["labeled_indices_"]
    assert after["estimator_"] is before["estimator_"]


def test_what_is_handed_out_is_a_copy(make, digits):
    X, y = digits
    learner = make(CoreSet(), initial=np.arange(40), n_rounds=0).fit(X, y)
    before = learner.score_samples(X)
    learner.labeled_indices_[:] = 0
    assert learner.history_[0]["indices"].tolist() == list(range(40))
    kept = learner.strategy_._kept["labeled_embedding"]
    assert not np.shares_memory(kept, X)
    assert np.array_equal(learner.score_samples(X), before)


@pytest.mark.parametrize("n", [20, 899])
def test_weights_of_another_length(make, digits, n):
    X, y = digits
    with pytest.raises(ValueError, match=f"sample_weight has {n} values"):
        make().fit(X, y, sample_weight=np.ones(n))


def test_estimators_that_predict_only_once_fitted(make, digits):
    X, y = digits
    stack = StackingClassifier([("lr", LogisticRegression(max_iter=200))], cv=2)
    assert make(EntropySampling(), stack, initial="stratified").fit(X, y).cost_ == 100


def test_scores_are_there_where_the_strategy_scores(make):
    class Chooses(QueryStrategy):
        def _select(self, query_size):
            return np.arange(query_size)

    assert hasattr(make(CoreSet()), "score_samples")
    assert not hasattr(make(Chooses()), "score_samples")


def test_an_estimator_that_writes_to_its_input(make, digits):
    X, y = digits[0].copy(), digits[1]
    model = make_pipeline(StandardScaler(copy=False), LogisticRegression(max_iter=200))
    for strategy in (EntropySampling(), CoreSet()):
        make(strategy, model, initial=np.arange(40)).fit(X, y)
        assert np.array_equal(X, digits[0])
