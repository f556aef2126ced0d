"""ActiveFT: spread picks, labeled rows as centroids, and its parameters."""

import numpy as np
import pytest

from skal.functional import active_ft
from skal.strategies import ActiveFT


def clusters(n=30, n_clusters=6, seed=0):
    """Rows around the axes, cluster by cluster."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.eye(n_clusters), n, axis=0)
    return rows + rng.normal(scale=0.05, size=rows.shape)


def test_one_row_of_each_cluster():
    X = clusters()
    for seed in range(5):
        picked = ActiveFT(random_state=seed).fit(X).query(6)
        assert sorted(picked // 30) == list(range(6))


def test_it_stays_away_from_labeled_rows():
    X, y = clusters(), np.full(180, -1)
    y[[0, 1, 30, 60]] = [0, 1, 0, 1]
    found = []
    for seed in range(5):
        strategy = ActiveFT(random_state=seed).fit(X, y)
        found += (strategy.query(3) // 30).tolist()
    assert sorted(found) == sorted([3, 4, 5] * 5)


def test_rows_of_no_class_are_no_centroids():
    X, y = clusters(), np.full(180, -1)
    y[[0, 1, 2, 30]] = [-2, -2, -2, 0]
    for seed in range(5):
        picked = ActiveFT(ood_label=-2, random_state=seed).fit(X, y).query(5)
        assert sorted(picked // 30) == [0, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"temperature": 0.5},
        {"n_iterations": 0},
        {"learning_rate": 0.05},
        {"init": "random"},
        {"include_self": False},
    ],
    ids=str,
)
def test_parameters_reach_the_kernel(params, monkeypatch):
    from skal.strategies import coverage

    seen = []

    def noting(embedding, n, rng, **options):
        seen.append(options)
        return active_ft(embedding, n, rng, **options)

    monkeypatch.setattr(coverage, "active_ft", noting)
    defaults = {"temperature": 0.07, "learning_rate": 1e-3, "n_iterations": 300}
    defaults |= {"init": "k-means++", "include_self": True}
    X, y = clusters(5), np.full(30, -1)
    y[3] = 1
    ActiveFT(**params, random_state=0).fit(X, y).query(2)
    (options,) = seen
    np.testing.assert_array_equal(options.pop("labeled"), X[3:4])
    assert options == defaults | params


def test_directions_count_and_not_lengths():
    X = clusters()
    longer = X * np.random.default_rng(0).uniform(0.1, 10, size=(180, 1))
    one, other = (ActiveFT(random_state=0).fit(rows).query(6) for rows in (X, longer))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("temperature", 0),
        ("temperature", -1.0),
        ("temperature", "low"),
        ("learning_rate", 0.0),
        ("n_iterations", -1),
        ("n_iterations", 2.5),
        ("init", "farthest"),
    ],
)
def test_wrong_parameters_are_named(name, wrong):
    with pytest.raises((ValueError, TypeError), match=name):
        ActiveFT(**{name: wrong}).fit(clusters(3)).query(2)
