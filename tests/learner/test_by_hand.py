"""teach and query: somebody labels."""

import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier

from skal.strategies import CoreSet, EntropySampling, MarginSampling, QueryStrategy


def label(learner, X, truth, sizes, y=None):
    """Play the annotator; return the labels and what was asked for."""
    y = np.full(len(X), -1) if y is None else y
    asked = []
    learner.teach(X, y)
    for size in sizes:
        picked = learner.query(size)
        assert (y[picked] == -1).all()
        asked.append(picked)
        y[picked] = truth[picked]
        learner.teach(X, y)
    return y, asked


def test_the_loop_buys_what_a_simulation_buys(make, digits):
    X, truth = digits
    by_hand = make(MarginSampling())
    y, asked = label(by_hand, X, truth, [None, 20, 20, 20])
    simulated = make(MarginSampling()).fit(X, truth)
    assert np.concatenate(asked).tolist() == simulated.labeled_indices_.tolist()
    assert by_hand.labeled_indices_.tolist() == simulated.labeled_indices_.tolist()
    assert np.array_equal(by_hand.predict_proba(X), simulated.predict_proba(X))
    assert by_hand.cost_ == (y != -1).sum()
    columns = ["round", "n_labeled", "cost", "sampling_bias", "class_counts"]
    one, other = pd.DataFrame(by_hand.history_), pd.DataFrame(simulated.history_)
    assert one[columns].equals(other[columns])


def test_before_two_classes_nothing_is_trained_and_initial_goes_on(make, digits):
    X, truth = digits
    y = np.full(len(X), -1)
    learner = make(EntropySampling(), n_initial=30).teach(X, y)
    first = learner.query()
    assert len(first) == 30
    assert np.array_equal(first, learner.query())
    y[first[:3]] = 4
    learner.teach(X, y)
    with pytest.raises(NotFittedError, match=r"\[4\].*missing_label"):
        learner.predict(X)
    assert np.array_equal(learner.query(), first[3:])
    assert np.array_equal(learner.query(5), first[3:8])
    y[first] = truth[first]
    assert learner.teach(X, y).score(X, truth) > 0.5


def test_labels_of_minus_one_and_one_are_explained(make, digits):
    X, truth = digits
    learner = make().teach(X, np.where(truth > 4, 1, -1))
    with pytest.raises(NotFittedError, match="missing_label"):
        learner.predict_proba(X)
    learner.set_params(missing_label=None).teach(X, np.where(truth > 4, 1, -1))
    assert learner.classes_.tolist() == [-1, 1]


def test_labels_come_in_any_order_and_may_be_corrected(make, digits, masked):
    X, truth = digits
    learner = make(MarginSampling()).teach(X, y := masked(truth, np.arange(40)))
    picked = learner.query(10)
    y[picked[[7, 2]]] = truth[picked[[7, 2]]]
    y[500] = truth[500]
    y[3] = (truth[3] + 1) % 10
    learner.teach(X, y)
    assert learner.labeled_indices_[40:].tolist() == [picked[2], picked[7], 500]
    assert learner.history_[-1]["indices"].tolist() == [picked[2], picked[7], 500]
    straight = make(MarginSampling()).teach(X, y)
    assert np.array_equal(learner.predict_proba(X), straight.predict_proba(X))


def test_classes_are_those_seen_so_far(make, digits, masked):
    X, truth = digits
    learner = make().teach(X, masked(truth, np.flatnonzero(truth < 3)[:30]))
    assert learner.classes_.tolist() == [0, 1, 2]
    learner.teach(X, masked(truth, np.flatnonzero(truth < 5)[:60]))
    assert learner.classes_.tolist() == [0, 1, 2, 3, 4]
    assert learner.predict_proba(X).shape == (len(X), 5)


def test_another_pool_starts_anew(make, digits, masked):
    X, truth = digits
    learner = make(MarginSampling()).teach(X, masked(truth, np.arange(40)))
    learner.teach(X[:500], masked(truth[:500], np.arange(10, 60)))
    assert learner.labeled_indices_.tolist() == list(range(10, 60))
    assert len(learner.history_) == 1
    learner.teach(X[:500], masked(truth[:500], np.arange(10, 50)))
    assert learner.cost_ == 40
    learner.teach(X[:500], np.full(500, -1))
    with pytest.raises(NotFittedError, match="two"):
        learner.predict(X)
    with pytest.raises(AttributeError):
        learner.classes_  # noqa: B018


class AsksForRounds(QueryStrategy):
    """Remembers the rounds that it was told."""

    def _select(self, query_size, candidates, round, n_rounds):  # noqa: A002
        self.told_ = [*getattr(self, "told_", []), (round, n_rounds)]
        return np.arange(query_size)


def test_a_round_is_over_when_its_labels_are_in(make, digits, masked):
    X, truth = digits
    learner = make(AsksForRounds()).teach(X, y := masked(truth, np.arange(600, 640)))
    for n_answered in (0, 4, 6, 10):
        picked = learner.query(10)
        y[picked[:n_answered]] = truth[picked[:n_answered]]
        learner.teach(X, y)
    learner.query(10)
    rounds = [told for told, _ in learner.strategy_.told_]
    assert rounds == [0, 0, 0, 0, 1]
    simulated = make(AsksForRounds(), initial="strategy").fit(X, truth)
    assert simulated.strategy_.told_ == [(r, 4) for r in range(4)]
    assert make(AsksForRounds()).fit(X, truth).strategy_.told_ == [
        (r, 3) for r in range(3)
    ]


@pytest.mark.parametrize(
    ("strategy", "trained"),
    [(MarginSampling(), True), (CoreSet(), True), (CoreSet(), False)],
)
def test_a_pickle_goes_on_where_it_was(make, digits, masked, strategy, trained):
    X, truth = digits
    y = masked(truth, np.arange(40 if trained else 0))
    learner = make(strategy, initial="random").teach(X, y)
    wide = np.repeat(X, 10, axis=1)
    assert len(pickle.dumps(make(strategy).teach(wide, y))) < wide.nbytes / 8
    other = pickle.loads(pickle.dumps(learner))
    with pytest.raises(NotFittedError, match="teach"):
        other.query(5)
    if trained:
        assert np.array_equal(other.predict(X), learner.predict(X))
        scores = other.score_samples(X[800:]), learner.score_samples(X[800:])
        assert np.array_equal(*scores)
    picked = learner.query(10)
    assert np.array_equal(other.teach(X.copy(), y).query(10), picked)
    y[picked] = truth[picked]
    following = learner.teach(X, y).query(10)
    assert np.array_equal(other.teach(X.copy(), y).query(10), following)
    assert np.array_equal(other.labeled_indices_, learner.labeled_indices_)


def test_an_unseeded_pickle_gives_the_same_picks_too(make, digits, masked):
    X, truth = digits
    y = masked(truth, np.arange(40))
    learner = make(None, random_state=None).teach(X, y)
    other = pickle.loads(pickle.dumps(learner))
    assert np.array_equal(other.teach(X, y).query(10), learner.query(10))


def test_a_failed_call_changes_nothing(make, digits, masked):
    X, truth = digits
    learner = make(MarginSampling()).teach(X, y := masked(truth, np.arange(40)))
    untouched = make(MarginSampling()).teach(X, y)
    for wrong in (0, -1, 1.5, True, "3", None.__class__):
        with pytest.raises((ValueError, TypeError), match="query_size"):
            learner.query(wrong)
    with pytest.raises(ValueError, match="rows"):
        learner.teach(X, y[:-1])
    learner.set_params(estimator__solver="no such")
    with pytest.raises(ValueError, match="solver"):
        learner.teach(X, masked(truth, np.arange(60)))
    learner.set_params(estimator__solver="lbfgs")
    assert np.array_equal(learner.query(10), untouched.query(10))
    assert learner.cost_ == 40
    assert np.array_equal(learner.predict(X), untouched.predict(X))


def test_warm_start_by_hand_begins_again_with_a_new_class(make, digits, masked):
    X, truth = digits
    learner = make(None, SGDClassifier(random_state=0), warm_start=True)
    learner.teach(X, masked(truth, np.flatnonzero(truth < 3)[:40]))
    first = learner.estimator_
    steps = first.t_
    learner.teach(X, masked(truth, np.flatnonzero(truth < 3)[:50]))
    assert learner.estimator_.t_ == steps + 50
    assert first.t_ == steps
    learner.teach(X, masked(truth, np.flatnonzero(truth < 4)[:70]))
    assert learner.estimator_.t_ == 71


def test_weights_and_open_sets_by_hand(make, digits, masked):
    X, truth = digits
    weights = []

    class Weighted(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            weights.append(sample_weight)
            return super().fit(X, y, sample_weight)

    y = masked(np.where(truth > 6, 99, truth), np.arange(60))
    learner = make(MarginSampling(), Weighted(max_iter=200), ood_label=99)
    learner.teach(X, y, sample_weight=np.arange(900.0))
    assert weights[0].tolist() == np.flatnonzero((y >= 0) & (y < 7)).tolist()
    assert learner.cost_ == 60
    assert learner.history_[0]["n_labeled"] == len(weights[0])
    assert (y[learner.query(30)] == -1).all()


def test_more_than_there_are_and_none_at_all(make, digits, masked):
    X, truth = digits
    learner = make(MarginSampling()).teach(X, masked(truth, np.arange(890)))
    with pytest.warns(UserWarning, match="query_size"):
        assert len(learner.query(50)) == 10
    learner.teach(X, truth)
    with pytest.raises(ValueError, match="empty"):
        learner.query(1)


def test_pool_size_by_hand(make, digits, masked):
    X, truth = digits
    y = masked(truth, np.arange(40))
    learner = make(CoreSet(), pool_size=15).teach(X, y)
    assert len(learner.query(15)) == 15
    assert np.array_equal(learner.query(15), learner.query(15))
    assert len(learner.query(40)) == 40


def test_features_of_a_pool_are_learnt_once(make, digits, masked):
    X, truth = digits
    fits = []

    class Counting(PCA):
        def fit(self, X, y=None):
            fits.append(len(X))
            return super().fit(X)

    learner = make(CoreSet(representation=Counting(5)))
    label(learner, X, truth, [10, 10, 10])
    assert fits == [900]
    make(CoreSet(representation=Counting(5))).fit(X, truth)
    assert fits == [900, 900]


@pytest.mark.parametrize(
    ("initial", "error"),
    [("stratified", "stratified"), ("no such", "initial"), ([0, 0], "more than once")],
)
def test_wrong_initial_by_hand(make, digits, initial, error):
    X, _ = digits
    with pytest.raises(ValueError, match=error):
        make(initial=initial).teach(X, np.full(900, -1)).query(3)


def test_initial_of_other_kinds_by_hand(make, digits):
    X, truth = digits
    y = np.full(900, -1)
    chosen = make(initial=[7, 5, 800]).teach(X, y)
    assert chosen.query(3).tolist() == [7, 5, 800]
    assert chosen.query(5)[:3].tolist() == [7, 5, 800]
    expected = CoreSet().fit(X, y).query(12).tolist()
    for params in (
        {"strategy": CoreSet(), "initial": "strategy"},
        {"initial": CoreSet()},
    ):
        assert make(**params).teach(X, y).query(12).tolist() == expected
    assert (
        label(make(CoreSet(), initial="strategy"), X, truth, [20, 20])[1][0].size == 20
    )


def test_query_points_to_teach(make, digits):
    X, truth = digits
    with pytest.raises(NotFittedError, match="teach"):
        make().query(3)
    with pytest.raises(NotFittedError, match="teach"):
        make().fit(X, truth).query(3)
    learner = make().teach(X, np.full(900, -1))
    learner.fit(X, truth)
    with pytest.raises(NotFittedError, match="teach"):
        learner.query(3)


def test_the_strategy_may_be_swapped_in_the_middle(make, digits, masked):
    X, truth = digits
    y = masked(truth, np.arange(40))
    learner = make(CoreSet()).teach(X, y)
    other = make(MarginSampling()).teach(X, y).query(10)
    assert not np.array_equal(learner.query(10), other)
    learner.set_params(strategy=MarginSampling())
    assert np.array_equal(learner.teach(X, y).query(10), other)
    kept = learner.strategy_
    assert learner.teach(X, y).strategy_ is kept
    learner.set_params(strategy__random_state=3)
    assert learner.teach(X, y).strategy_ is not kept
    assert learner.labeled_indices_.tolist() == list(range(40))


def test_history_times_the_queries(make, digits):
    X, truth = digits
    learner = make(MarginSampling())
    label(learner, X, truth, [40, 20])
    assert all(row["query_time"] > 0 for row in learner.history_)


def test_corrections_down_to_one_class_forget_the_model(make, digits, masked):
    X, truth = digits
    learner = make(EntropySampling()).teach(X, y := masked(truth, np.arange(40)))
    y[:40] = 3
    learner.teach(X, y)
    with pytest.raises(NotFittedError, match="two"):
        learner.predict(X)
    fresh = make(EntropySampling()).teach(X, y)
    assert np.array_equal(learner.query(5), fresh.query(5))
    other = pickle.loads(pickle.dumps(learner)).teach(X, y)
    assert np.array_equal(other.query(5), fresh.query(5))


def test_all_listed_positions_are_asked_first(make, digits):
    X, _ = digits
    learner = make(initial=np.arange(30, 90), n_initial=5)
    assert learner.teach(X, np.full(900, -1)).query().tolist() == list(range(30, 90))


def test_parameters_may_change_between_lessons(make, digits, masked):
    X, truth = digits
    y = masked(truth, np.arange(40))
    model = SGDClassifier(random_state=0)
    learner = make(AsksForRounds(), model, warm_start=True, pool_size=5).teach(X, y)
    assert learner.query(7)[0] == 40
    learner.set_params(estimator__alpha=7.0, pool_size=None, n_rounds=9).teach(X, y)
    assert learner.estimator_.alpha == 7.0
    assert learner.query(7).tolist() == list(range(40, 47))
    assert learner.strategy_.told_[-1] == (0, 9)


def test_another_first_strategy_learns_its_features_once(make, digits):
    X, _ = digits
    fits = []

    class Counting(PCA):
        def fit(self, X, y=None):
            fits.append(len(X))
            return super().fit(X)

    learner = make(initial=CoreSet(representation=Counting(5)))
    for _ in range(3):
        learner.teach(X, np.full(900, -1)).query(5)
    assert fits == [900]


def test_lessons_without_new_labels_add_no_round(make, digits, masked):
    X, truth = digits
    y = masked(truth, np.arange(40))
    learner = make(MarginSampling()).teach(X, y).teach(X, y)
    assert len(learner.history_) == 1
    assert learner.history_[0]["indices"].tolist() == list(range(40))


def test_a_model_that_cannot_be_copied(make, digits, masked):
    X, truth = digits

    class Locked(LogisticRegression):
        def fit(self, X, y):
            self.lock_ = threading.Lock()
            return super().fit(X, y)

    learner = make(None, Locked(max_iter=200))
    for n in (40, 50):
        learner.teach(X, masked(truth, np.arange(n)))
    assert learner.cost_ == 50


def test_the_first_batch_of_a_sub_pool_is_that_of_a_simulation(make, digits):
    X, truth = digits
    params = {"initial": "strategy", "pool_size": 100}
    simulated = make(CoreSet(), **params).fit(X, truth)
    by_hand = make(CoreSet(), **params)
    label(by_hand, X, truth, [None, 20, 20, 20])
    assert np.array_equal(by_hand.labeled_indices_, simulated.labeled_indices_)


def test_the_strategy_of_a_learner_may_be_asked_itself(make, digits, masked):
    X, truth = digits
    learner = make(MarginSampling()).teach(X, masked(truth, np.arange(40)))
    assert np.array_equal(learner.strategy_.query(5), learner.query(5))
    assert len(learner.strategy_.score_samples()) == 900
