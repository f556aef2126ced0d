"""CAL: worked examples of its options, its direction, wrong parameters."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.linear_model import LogisticRegression

from skal.strategies import CAL

X = np.array([[0.0], [1.0], [10.0], [0.4], [9.0], [0.5]])
Y = [0, 0, 1, -1, -1, -1]
PROBA = np.array(
    [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6]]
)


def begin(**params):
    strategy = CAL(normalize=False, random_state=0, **params)
    return strategy.fit(X, Y, proba=PROBA, embedding=X)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"n_neighbors": 2}, [0.071027, 0.434233, 0.442728]),
        ({"n_neighbors": 2, "pooling": "max"}, [0.116322, 0.831777, 0.550661]),
        ({"n_neighbors": 3}, [0.312071, 0.671397, 0.370582]),
        ({"n_neighbors": 50}, [0.312071, 0.671397, 0.370582]),
        ({"n_neighbors": 3, "pooling": "median"}, [0.116322, 0.831777, 0.334795]),
        (
            {"n_neighbors": 2, "divergence": "cross_entropy"},
            [0.356675, 0.916291, 0.916291],
        ),
        (
            {"n_neighbors": 1, "neighborhood": "labeled"},
            [0.116322, 0.036690, 0.334795],
        ),
        (
            {"n_neighbors": 2, "neighborhood": "labeled"},
            [0.071027, 0.036690, 0.370582],
        ),
    ],
)
def test_worked_examples(params, expected):
    scores = begin(**params).score_samples()
    np.testing.assert_allclose(scores[3:], expected, atol=1e-6)
    opposite = begin(**params, opposite=True).score_samples()
    np.testing.assert_allclose(opposite, -scores)
    if "neighborhood" in params:
        np.testing.assert_array_equal(scores[:3], 0)


def test_most_wanted_first_and_the_opposite():
    assert begin(n_neighbors=2).query(3).tolist() == [5, 4, 3]
    assert begin(n_neighbors=2, opposite=True).query(3).tolist() == [3, 4, 5]
    picked = begin(n_neighbors=2, neighborhood="labeled").query(2, candidates=[3, 4])
    assert picked.tolist() == [3, 4]


def test_normalizing_changes_who_is_near():
    rows = np.array([[1.0, 0.0], [3.0, 1.0], [0.0, 2.0], [2.0, 0.5]])
    proba = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.5, 0.5]])
    given = {"y": [0, 0, 1, -1], "proba": proba, "embedding": rows}
    assert CAL(n_neighbors=1).fit(rows, **given).score_samples()[3] == 0
    raw = CAL(n_neighbors=1, normalize=False).fit(rows, **given)
    assert raw.score_samples()[3] == pytest.approx(0.368064, abs=1e-6)


def test_a_row_that_contradicts_its_neighbors_comes_first():
    rng = np.random.default_rng(0)
    rows = np.repeat(5 * np.eye(3)[:2], 100, axis=0) + rng.random((200, 3))
    proba = np.repeat([[0.9, 0.1], [0.1, 0.9]], 100, axis=0)
    proba[[50, 150]] = proba[[150, 50]]
    y = np.repeat([0, 1], 100)
    y[np.arange(200) % 100 >= 30] = -1
    for params in ({}, {"neighborhood": "labeled", "n_neighbors": 80}):
        strategy = CAL(**params).fit(rows, y, proba=proba, embedding=rows)
        assert sorted(strategy.query(2)) == [50, 150]


def test_zero_probabilities_are_finite():
    proba = PROBA.copy()
    proba[3] = [0, 1]
    scores = CAL().fit(X, Y, proba=proba, embedding=X).score_samples()
    assert np.isfinite(scores).all()
    assert scores[3:].argmax() == 0


@pytest.mark.parametrize("neighborhood", ["unlabeled", "labeled"])
def test_a_pool_of_duplicates(neighborhood):
    rows, y = np.ones((60, 3)), np.r_[np.arange(12) % 2, [-1] * 48]
    strategy = CAL(neighborhood=neighborhood, random_state=0)
    strategy.fit(rows, y, proba=np.full((60, 2), 0.5), embedding=rows)
    np.testing.assert_array_equal(strategy.score_samples(), 0)
    assert len(set(strategy.query(40).tolist())) == 40


@pytest.mark.parametrize("neighborhood", ["unlabeled", "labeled"])
def test_sparse_features_and_chunks(neighborhood):
    rng = np.random.default_rng(0)
    rows = rng.random((3000, 60)) * (rng.random((3000, 60)) < 0.2)
    proba = rng.dirichlet(np.ones(3), 3000)
    y = np.where(np.arange(3000) % 20, -1, np.arange(3000) % 3)
    strategy = CAL(neighborhood=neighborhood, random_state=0)
    expected = strategy.fit(rows, y, proba=proba, embedding=rows).score_samples()
    with config_context(working_memory=1):
        np.testing.assert_allclose(strategy.score_samples(), expected)
    strategy.fit(rows, y, proba=proba, embedding=sp.csr_array(rows))
    np.testing.assert_allclose(strategy.score_samples(), expected)


def test_new_rows_have_no_score_where_labeled_rows_look_for_neighbors():
    y = [0, 0, 1, 1, -1, -1]
    model = LogisticRegression().fit(X[:4], y[:4])
    assert len(CAL().fit(X, y, estimator=model).score_samples(X[:2])) == 2
    strategy = CAL(neighborhood="labeled").fit(X, y, estimator=model)
    assert len(strategy.score_samples()) == 6
    with pytest.raises(ValueError, match=r"neighborhood is 'labeled'.*the pool only"):
        strategy.score_samples(X[:2])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors is 0: give an int of 1 or more"),
        ({"n_neighbors": 2.0}, "n_neighbors is 2.0"),
        ({"pooling": "sum"}, "pooling is 'sum': give one of .*'median'"),
        ({"neighborhood": "pool"}, "neighborhood is 'pool'"),
        ({"divergence": "js"}, "divergence is 'js'"),
        (
            {"pooling": "max", "neighborhood": "labeled"},
            "pooling is 'max': give 'mean'",
        ),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(ValueError, match=message):
        begin(**params).query(1)


@pytest.mark.parametrize("neighborhood", ["unlabeled", "labeled"])
def test_without_labels_it_says_so(neighborhood):
    strategy = CAL(neighborhood=neighborhood).fit(X, proba=PROBA, embedding=X)
    with pytest.raises(ValueError, match="CAL compares with labeled rows"):
        strategy.query(2)
