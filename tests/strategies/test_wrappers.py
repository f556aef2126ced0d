"""Strategies around strategies."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

from skal import ActiveLearner, QueryStrategy
from skal.functional import partition_sizes
from skal.strategies import (
    ClassBalanced,
    CoreSet,
    EntropySampling,
    MarginSampling,
    Partitioned,
    RandomSampling,
)


class Spy(QueryStrategy):
    """Remembers what it was asked."""

    def _select(self, query_size, rng, candidates):
        self.__dict__.setdefault("asked_", []).append((query_size, candidates.copy()))
        self.__dict__.setdefault("drawn_", []).append(rng.random())
        return np.arange(query_size)


@pytest.fixture
def proba():
    return np.random.default_rng(0).dirichlet([3, 2, 2], 300)


def fit(strategy, proba, labeled=()):
    y = np.full(len(proba), -1)
    y[list(labeled)] = np.arange(len(labeled)) % proba.shape[1]
    return strategy.fit(proba, y, proba=proba, embedding=proba)


# Partitioned -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "size", "parts", "sizes", "shares"),
    [(10, 4, 3, [4, 3, 3], [2, 1, 1]), (7, 5, 2, [4, 3], [3, 2])],
)
def test_partition_sizes_worked_by_hand(n, size, parts, sizes, shares):
    found = partition_sizes(n, size, parts)
    assert [part.tolist() for part in found] == [sizes, shares]


def test_partition_sizes_are_always_enough():
    for n in range(1, 25):
        for size in range(n + 1):
            for parts in range(1, n + 1):
                sizes, shares = partition_sizes(n, size, parts)
                assert sizes.sum() == n
                assert shares.sum() == size
                assert (shares <= sizes).all()
                assert np.ptp(sizes) <= 1


@pytest.mark.parametrize(("n", "size", "parts"), [(3, 1, 4), (3, 1, 0), (3, 4, 1)])
def test_partition_sizes_refuses(n, size, parts):
    with pytest.raises(ValueError, match=r"n_parts|n must"):
        partition_sizes(n, size, parts)


def test_parts_share_the_pool_out(proba):
    strategy = fit(Partitioned(Spy(), n_partitions=3, random_state=0), proba, range(30))
    picked = strategy.query(10)
    sizes = [len(candidates) for _, candidates in strategy.strategy_.asked_]
    assert sizes == [90, 90, 90]
    assert [n for n, _ in strategy.strategy_.asked_] == [4, 3, 3]
    together = np.concatenate([part for _, part in strategy.strategy_.asked_])
    assert sorted(together) == list(range(30, 300))
    assert len(set(strategy.strategy_.drawn_)) == 3  # each part has chances of its own
    first = [part[0] for _, part in strategy.strategy_.asked_]
    assert picked[:3].tolist() == first  # the best of each part come first


def test_parts_are_drawn_anew_each_round(proba):
    strategy = Partitioned(Spy(), n_partitions=2, random_state=0)
    fit(strategy, proba).query(4)
    fit(strategy, proba, [0, 1, 2]).query(4)
    parts = [set(part) for _, part in strategy.strategy_.asked_]
    assert parts[0] != parts[2]
    assert parts[1] != parts[2]


def test_one_part_is_the_strategy_itself(proba):
    whole = fit(MarginSampling(), proba).query(10)
    assert set(fit(Partitioned(MarginSampling(), n_partitions=1), proba).query(10)) == (
        set(whole)
    )


def test_a_small_batch_has_fewer_parts(proba):
    strategy = fit(Partitioned(Spy(), n_partitions=50), proba)
    assert len(strategy.query(3)) == 3
    assert len(strategy.strategy_.asked_) == 3


@pytest.mark.parametrize("n_partitions", [0, -1, 1.5, None])
def test_bad_n_partitions_is_named(proba, n_partitions):
    with pytest.raises(ValueError, match="n_partitions"):
        fit(Partitioned(Spy(), n_partitions=n_partitions), proba).query(5)


def test_parts_can_be_cut_where_rows_stand(proba):
    inner = Partitioned(Spy(), n_partitions=3, shuffle=False)
    strategy = fit(inner, proba, range(30))
    strategy.query(10)
    parts = [list(part) for _, part in strategy.strategy_.asked_]
    assert parts == [list(range(start, start + 90)) for start in (30, 120, 210)]


def test_what_the_parts_chose_is_chosen_from_again(proba):
    inner = Partitioned(Spy(), n_partitions=3, oversample=2.5, random_state=0)
    strategy = fit(inner, proba, range(30))
    picked = strategy.query(10)
    asked = strategy.strategy_.asked_
    assert [n for n, _ in asked] == [9, 8, 8, 10]
    of_parts = np.concatenate([part[:n] for n, part in asked[:3]])  # as Spy picks
    assert list(asked[3][1]) == sorted(of_parts)
    assert len(set(strategy.strategy_.drawn_)) == 4
    assert picked.tolist() == list(asked[3][1])[:10]


def test_a_second_choice_leaves_copies_out():
    """Parts that do not see each other choose the same corners; all together do not."""
    corners = np.repeat(np.eye(6) * 10, 20, axis=0)
    joined = Partitioned(CoreSet(), n_partitions=4, random_state=0)
    again = Partitioned(CoreSet(), n_partitions=4, oversample=4, random_state=0)
    found = [
        len(np.unique(corners[strategy.fit(corners).query(6)], axis=0))
        for strategy in (joined, again)
    ]
    assert found[0] < found[1] == 6


def test_a_second_choice_from_few_candidates_takes_them_all(proba):
    strategy = fit(Partitioned(Spy(), n_partitions=3, oversample=99), proba, range(290))
    assert sorted(strategy.query(10)) == list(range(290, 300))


@pytest.mark.parametrize("oversample", [0, 0.5, np.inf, np.nan, "2", -3])
def test_bad_oversample_is_named(proba, oversample):
    strategy = Partitioned(Spy(), n_partitions=2, oversample=oversample)
    with pytest.raises(ValueError, match="oversample"):
        fit(strategy, proba).query(5)


# ClassBalanced -----------------------------------------------------------------------


def test_each_class_gives_its_best(proba):
    picked = fit(ClassBalanced(EntropySampling()), proba).query(30)
    predicted = proba.argmax(axis=1)
    assert np.bincount(predicted[picked]).tolist() == [10, 10, 10]
    scores = fit(EntropySampling(), proba).score_samples()
    for c in range(3):
        best = np.flatnonzero(predicted == c)
        best = best[np.argsort(-scores[best])][:10]
        assert set(best) == set(picked[predicted[picked] == c])


def test_a_class_that_runs_short_leaves_its_share(proba):
    predicted = proba.argmax(axis=1)
    few = np.flatnonzero(predicted == 1)[:2]
    strategy = fit(ClassBalanced(EntropySampling()), proba)
    candidates = np.union1d(np.flatnonzero(predicted != 1), few)
    picked = strategy.query(30, candidates=candidates)
    assert set(few) <= set(picked)
    assert np.bincount(predicted[picked])[[0, 2]].min() >= 10


def test_a_strategy_without_scores_is_refused(proba):
    with pytest.raises(TypeError, match="strategy is Spy"):
        fit(ClassBalanced(Spy()), proba).query(5)


# Both --------------------------------------------------------------------------------

WRAPPERS = {
    "Partitioned": lambda inner: Partitioned(inner, n_partitions=3, random_state=0),
    "ClassBalanced": lambda inner: ClassBalanced(inner, random_state=0),
    "nested": lambda inner: Partitioned(
        ClassBalanced(inner), n_partitions=2, random_state=0
    ),
}
every = pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)


@every
def test_the_wrapped_one_is_left_as_it_is(wrap, proba):
    inner = EntropySampling()
    fit(wrap(inner), proba).query(5)
    assert set(vars(inner)) == set(vars(EntropySampling()))


@every
def test_scores_are_those_of_the_wrapped(wrap, proba):
    strategy = fit(wrap(CoreSet()), proba, range(5))
    expected = fit(CoreSet(), proba, range(5)).score_samples()
    np.testing.assert_array_equal(strategy.score_samples(), expected)
    assert not hasattr(Partitioned(Spy(), n_partitions=2), "score_samples")


def test_parameters_of_the_wrapped_take_effect(proba):
    inner = Partitioned(CoreSet(), n_partitions=2)
    strategy = fit(Partitioned(inner, n_partitions=2), proba)
    strategy.query(5)
    strategy.set_params(strategy__strategy__first="nowhere")
    with pytest.raises(ValueError, match="first is 'nowhere'"):
        fit(strategy, proba).query(5)
    strategy.set_params(strategy__strategy=Spy())
    assert len(fit(strategy, proba).query(5)) == 5
    assert clone(strategy).get_params().keys() == strategy.get_params().keys()


@every
def test_seeds_are_handed_on(wrap, proba):
    same = np.tile(proba[:1], (len(proba), 1))  # all tied: chance alone chooses
    strategy = wrap(EntropySampling())
    picked = fit(strategy, same).query(6)
    assert np.array_equal(fit(wrap(EntropySampling()), same).query(6), picked)
    other = strategy.set_params(random_state=1)
    assert not np.array_equal(fit(other, same).query(6), picked)


@every
def test_a_pickle_leaves_the_pool_behind(wrap):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 50))
    y = np.full(4000, -1)
    y[:40] = np.arange(40) % 2
    model = LogisticRegression().fit(X[:40], y[:40])
    strategy = wrap(CoreSet()).fit(X, y, estimator=model)
    before = pickle.dumps(strategy)
    picked, scores = strategy.query(5), strategy.score_samples(X[:9] + 1)
    for dumped in (before, pickle.dumps(strategy)):
        assert len(dumped) < 0.1 * X.nbytes
        again = pickle.loads(dumped)
        np.testing.assert_allclose(again.score_samples(X[:9] + 1), scores)
        again.fit(X, y, estimator=model)
        assert np.array_equal(again.query(5), picked)


@every
def test_under_a_learner(wrap):
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    learner = ActiveLearner(
        LogisticRegression(max_iter=200),
        wrap(CoreSet(representation=PCA(2))),
        n_initial=9,
        query_size=9,
        n_rounds=2,
        random_state=0,
    ).fit(X, y)
    assert learner.cost_ == 27
    assert learner.score_samples(X[:3]).shape == (3,)
    again = clone(learner).fit(X, y)
    assert np.array_equal(again.labeled_indices_, learner.labeled_indices_)


def test_in_a_search():
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    learner = ActiveLearner(
        LogisticRegression(max_iter=200),
        Partitioned(CoreSet(), n_partitions=2),
        n_initial=9,
        query_size=9,
        n_rounds=2,
        random_state=0,
    )
    grid = {"strategy__n_partitions": [1, 3], "strategy__strategy__first": ["random"]}
    assert GridSearchCV(learner, grid, cv=2).fit(X, y).best_score_ > 0.5


@every
def test_what_the_wrapped_lacks_is_named_before_any_work(wrap):
    learner = ActiveLearner(
        LogisticRegression(), wrap(EntropySampling()), initial="strategy"
    )
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    with pytest.raises(ValueError, match=r"initial='strategy'.*`proba`"):
        learner.fit(X, y)


@every
@pytest.mark.parametrize("inner", [None, "margin", MarginSampling])
def test_what_is_no_strategy_is_named(wrap, inner, proba):
    with pytest.raises(TypeError, match="strategy is"):
        fit(wrap(inner), proba)


def test_random_choices_of_parts_differ(proba):
    same = np.tile(proba[:1], (60, 1))
    strategy = fit(Partitioned(RandomSampling(), n_partitions=2, random_state=0), same)
    assert len(set(strategy.query(30).tolist())) == 30


def test_sparse_tags_are_those_of_the_wrapped():
    class Dense(EntropySampling):
        """Refuses sparse features."""

        needs_dense_features = True

    assert not get_tags(ClassBalanced(Dense())).input_tags.sparse
    assert get_tags(ClassBalanced(CoreSet())).input_tags.sparse
