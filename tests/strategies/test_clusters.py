"""KMeansSampling, TypiClust and ProbCover: worked examples, directions, bad values."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.functional import k_means, prob_cover, purity_radius
from skal.strategies import CoreSet, KMeansSampling, ProbCover, TypiClust

POINTS = np.array([[0.0], [0.5], [1.0], [3.0], [3.4], [9.0]])
KINDS = [np.asarray, np.float32, sp.csr_array, sp.csr_matrix]
every = pytest.mark.parametrize("strategy", [KMeansSampling, TypiClust, ProbCover])


def groups(k=8, size=60, scale=0.2, seed=0):
    rng = np.random.default_rng(seed)
    X = np.repeat(10 * np.eye(k), size, axis=0)
    return X + scale * rng.standard_normal(X.shape), np.repeat(np.arange(k), size)


@every
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalize", [False, True])
def test_the_first_batch_has_one_row_of_each_group(strategy, kind, normalize):
    X, y = groups()
    for seed in range(10):
        made = strategy(random_state=seed, normalize=normalize).fit(kind(X))
        assert sorted(y[made.query(8)].tolist()) == list(range(8))


@pytest.mark.parametrize("strategy", [TypiClust, ProbCover])
def test_groups_with_labels_come_last(strategy):
    X, truth = groups()
    y = np.where((np.arange(480) % 60 == 7) & (truth < 5), truth, -1)
    picks = strategy(random_state=0).fit(X, y).query(3)
    assert sorted(truth[picks].tolist()) == [5, 6, 7]


@every
def test_it_can_make_the_first_choice_of_a_learner(strategy):
    X, y = groups()
    learner = ActiveLearner(
        LogisticRegression(),
        strategy(),
        initial="strategy",
        n_initial=8,
        query_size=4,
        n_rounds=2,
        random_state=0,
    ).fit(X, y)
    assert learner.score(X, y) == 1
    assert set(y[learner.labeled_indices_[:8]].tolist()) == set(range(8))


@every
@pytest.mark.parametrize("labels", [[-1] * 60, [0] * 9 + [-1] * 51])
def test_a_pool_of_duplicates(strategy, labels):
    for n in (1, 7, 51):
        picks = strategy(random_state=0).fit(np.ones((60, 3)), labels).query(n)
        assert len(set(picks.tolist())) == n


@every
def test_one_row_left_and_all_of_a_pool(strategy):
    X, _ = groups(k=3, size=5)
    made = strategy(random_state=0).fit(X, [0] * 14 + [-1])
    assert made.query(1).tolist() == [14]
    assert sorted(strategy(random_state=0).fit(X).query(15).tolist()) == list(range(15))


def test_k_means_medoids():
    X, _ = groups()
    strategy = KMeansSampling(normalize=False, random_state=0).fit(X)
    means = X.reshape(8, 60, 8).mean(axis=1)
    far = np.linalg.norm(X.reshape(8, 60, 8) - means[:, None], axis=2)
    expected = 60 * np.arange(8) + far.argmin(axis=1)
    assert sorted(strategy.query(8).tolist()) == expected.tolist()
    strategy.set_params(medoid="member")
    assert sorted(strategy.query(8).tolist()) == expected.tolist()


def test_k_means_sees_direction_only_when_it_normalizes():
    angle = np.deg2rad(np.repeat([0.0, 90.0], 30))
    length = np.tile(np.repeat([1.0, 9.0], 15), 2)
    X = length[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    X += 1e-3 * np.random.default_rng(0).standard_normal(X.shape)
    picks = KMeansSampling(random_state=0).fit(X).query(2)
    assert sorted(X[picks].argmax(axis=1).tolist()) == [0, 1]
    raw = KMeansSampling(random_state=0, normalize=False).fit(X).query(3)
    lengths = sorted(np.linalg.norm(X[raw], axis=1).round().tolist())
    assert lengths[-2:] == [9, 9]


def test_k_means_looks_at_candidates_only():
    X, truth = groups()
    y = np.where(truth < 4, truth, -1)
    picks = KMeansSampling(random_state=0).fit(X, y).query(4)
    assert sorted(truth[picks].tolist()) == [4, 5, 6, 7]


def test_typical_rows_are_in_the_middle():
    X, y = groups(k=3, size=80, scale=1.0)
    far = np.linalg.norm(X - 10 * np.eye(3)[y], axis=1)
    picks = TypiClust(random_state=0).fit(X).query(3)
    assert far[picks].max() < np.quantile(far, 0.2)
    assert far[CoreSet().fit(X).query(3)[1:]].min() > np.quantile(far, 0.8)


def test_squared_distances_turn_an_order():
    X = np.array([[0.0], [1.0], [-5.0], [100.0], [103.0], [96.5]])
    rows = {
        distance: TypiClust(distance=distance)._select(
            1, np.random.default_rng(0), X, X[:0]
        )
        for distance in ("euclidean", "squared")
    }
    # One cluster of six rows, three neighbors: computed by hand from the distances.
    near = np.sort(np.abs(X - X.T), axis=1)[:, 1:4]
    assert rows["euclidean"] == near.mean(axis=1).argmin()
    assert rows["squared"] == (near**2).mean(axis=1).argmin()


@pytest.mark.parametrize("kind", KINDS)
def test_prob_cover_worked_example(kind):
    strategy = ProbCover(radius=0.6).fit(kind(POINTS))
    assert strategy.query(3).tolist() == [1, 3, 5]
    assert strategy.radius_ == 0.6
    labeled = ProbCover(radius=0.6).fit(kind(POINTS), [-1, 0, -1, -1, -1, -1])
    assert labeled.query(3).tolist() == [3, 5, 0]  # all covered: then the farthest


def test_the_radius_is_reported():
    X, _ = groups(scale=1.0)
    strategy = ProbCover(n_clusters=8, random_state=0).fit(X)
    picks = strategy._select(8, np.random.default_rng(0), X, X[:0], n_classes=0)
    rng = np.random.default_rng(0)
    clusters = k_means(X, 8, rng)[1]
    radius = purity_radius(X, clusters, rows=rng.permutation(480))
    assert strategy.radius_ == radius
    assert picks.tolist() == prob_cover(X, 8, radius).tolist()
    assert 5 < strategy.radius_ < 20
    more = ProbCover(n_clusters=100, random_state=0).fit(X)
    more.query(8)
    assert more.radius_ < strategy.radius_


def test_normalizing_makes_unit_rows():
    X, _ = groups(scale=1.0)
    X *= np.linspace(1, 5, len(X))[:, None]
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    for strategy in (KMeansSampling, TypiClust, ProbCover):
        one = strategy(random_state=0, normalize=True).fit(X).query(20)
        other = strategy(random_state=0, normalize=False).fit(unit).query(20)
        assert one.tolist() == other.tolist(), strategy


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (KMeansSampling(medoid="mean"), "medoid is 'mean': give one of"),
        (TypiClust(distance="cosine"), "distance is 'cosine': give one of"),
        (ProbCover(radius="big"), "radius is 'big': give 'auto' or a number > 0"),
        (ProbCover(radius=0), "radius is 0: give 'auto' or a number > 0"),
        (ProbCover(radius=np.nan), "radius is nan"),
        (ProbCover(n_clusters=0), "n_clusters is 0: give an int >= 1"),
        (ProbCover(n_clusters=2.5), "n_clusters is 2.5: give an int >= 1"),
    ],
    ids=str,
)
def test_bad_parameters_are_named(strategy, message):
    with pytest.raises(ValueError, match=message):
        strategy.fit(POINTS).query(2)


def test_the_radius_is_that_of_as_many_clusters_as_classes():
    X, _ = groups(scale=1.0)
    labels = np.where(np.arange(len(X)) < 6, np.arange(len(X)) % 3, -1)
    known, given, other = (
        ProbCover(n_clusters=n, random_state=0).fit(X, labels) for n in (None, 3, 14)
    )
    for strategy in (known, given, other):
        strategy.query(8)
    assert known.radius_ == given.radius_ > other.radius_
