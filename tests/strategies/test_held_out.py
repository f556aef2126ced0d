"""GLISTER and FISHER: worked examples, directions, held-out rows."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.functional import fisher_matches, glister_greedy
from skal.readout import read
from skal.strategies import BADGE, FISHER, GLISTER

PROBA = np.array([[0.6, 0.4], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
H = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def over(strategy, proba=PROBA, embedding=H, y=None):
    classes = np.arange(np.shape(proba)[1])
    n = len(proba)
    return strategy.fit(
        np.zeros((n, 1)), y, proba=proba, embedding=embedding, classes=classes
    )


# GLISTER -----------------------------------------------------------------------------


def blobs(seed=0, n=160):
    X, y = make_blobs(n, centers=3, cluster_std=2.5, random_state=seed)
    return X, y, np.where(np.arange(n) < 30, y, -1)


def model(X, y):
    return LogisticRegression().fit(X[:30], y[:30])


def test_glister_reads_the_validation_set_with_the_model():
    X, y, masked = blobs()
    X_val, y_val, _ = blobs(n=40)
    net = model(X, y)
    strategy = GLISTER(validation_set=(X_val, y_val), learning_rate=0.1)
    picked = strategy.fit(X, masked, estimator=net).query(10)
    what = ("proba", "embedding", "logit_gradient")
    pool, held_out = read(net, X[30:], what), read(net, X_val, what)
    labeled = read(net, X[:30], what)
    expected, _ = glister_greedy(
        pool["logit_gradient"],
        pool["embedding"],
        10,
        validation_proba=held_out["proba"],
        validation_logit_gradient=held_out["proba"] - np.eye(3)[y_val],
        validation_embedding=held_out["embedding"],
        labeled_logit_gradient=labeled["proba"] - np.eye(3)[y[:30]],
        labeled_embedding=labeled["embedding"],
        learning_rate=0.1,
    )
    np.testing.assert_array_equal(picked - 30, expected)


@pytest.mark.parametrize("n_labeled", [0, 2])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_glister_without_a_validation_set_takes_pool_and_labeled_rows(n_labeled, kind):
    rng = np.random.default_rng(0)
    proba, h = rng.dirichlet(np.ones(3), 20), rng.standard_normal((20, 4))
    y = np.where(np.arange(20) < n_labeled, 2, -1)
    a = proba - np.eye(3)[np.where(y < 0, proba.argmax(axis=1), y)]
    picked = over(GLISTER(), proba, kind(h), y).query(6)
    order = np.r_[n_labeled:20, :n_labeled]
    expected, _ = glister_greedy(
        a[n_labeled:],
        h[n_labeled:],
        6,
        validation_proba=proba[order],
        validation_logit_gradient=a[order],
        validation_embedding=h[order],
        labeled_logit_gradient=a[:n_labeled],
        labeled_embedding=h[:n_labeled],
    )
    np.testing.assert_array_equal(picked - n_labeled, expected)


@pytest.mark.parametrize("wanted", [0, 1])
def test_glister_goes_where_the_validation_set_is(wanted):
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal([5, 9], 1, (100, 2)), rng.normal([9, 5], 1, (100, 2))]
    y, masked = np.repeat([0, 1], 100), np.full(200, -1)
    masked[::25] = y[::25]
    net = LogisticRegression(C=0.1).fit(X[::25], masked[::25])
    held_out = X[y == wanted] + 0.1, y[y == wanted]
    strategy = GLISTER(validation_set=held_out).fit(X, masked, estimator=net)
    assert (net.predict(X[strategy.query(10)]) == wanted).all()


def test_the_best_row_for_glister_comes_first():
    proba = np.array([[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    picked = over(GLISTER(), proba, np.ones((3, 1)), [-1, -1, 1]).query(2)
    assert picked.tolist() == [1, 0]


@pytest.mark.parametrize("rate", [0, -1.0, np.nan, "small", None])
def test_a_learning_rate_that_is_none(rate):
    with pytest.raises(ValueError, match=r"learning_rate is .*: give a number > 0"):
        over(GLISTER(learning_rate=rate)).query()


# Held-out rows -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GLISTER, FISHER])
@pytest.mark.parametrize(
    ("held_out", "error", "message"),
    [
        (np.ones((4, 2)), TypeError, r"validation_set is of type ndarray: give a pair"),
        ((np.ones((4, 2)), [0, 1, 2]), ValueError, "4 rows and 3 labels"),
        ((np.ones((0, 2)), []), ValueError, "0 rows and 0 labels"),
        ((np.ones((2, 2)), [0, 7]), ValueError, r"labels \['7'\], which are not among"),
        ((np.ones((2, 2)), ["a", "b"]), ValueError, "not among the classes"),
        ((np.ones((2, 2)), [0, np.nan]), ValueError, "has missing labels"),
        ((np.ones((2, 3)), [0, 1]), ValueError, "3 features"),
    ],
)
def test_validation_sets_that_are_none(kind, held_out, error, message):
    X, y, masked = blobs()
    strategy = kind(validation_set=held_out).fit(X, masked, estimator=model(X, y))
    with pytest.raises(error, match=message):
        strategy.query(2)


@pytest.mark.parametrize("kind", [GLISTER, FISHER])
def test_arrays_say_nothing_of_validation_rows(kind):
    strategy = over(kind(validation_set=(np.ones((2, 1)), [0, 1])))
    with pytest.raises(ValueError, match=r"validation_set is read .* fitted `estim"):
        strategy.query(2)


@pytest.mark.parametrize("kind", [GLISTER, FISHER])
def test_under_a_learner_with_names_of_classes(kind):
    X, y, _ = blobs()
    names = np.array(["ant", "bee", "cow"])[y]
    strategy = kind(validation_set=(X[:40], names[:40].tolist()))
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), LogisticRegression()),
        strategy,
        n_initial=10,
        query_size=5,
        n_rounds=2,
        random_state=0,
    )
    learner.fit(X[40:], names[40:])
    assert len(learner.labeled_indices_) == 20
    assert clone(strategy).validation_set[1] == strategy.validation_set[1]


@pytest.mark.parametrize("kind", [GLISTER, FISHER])
def test_a_proxy_reads_the_validation_set(kind):
    X, y, masked = blobs()
    strategy = kind(validation_set=(X, y), random_state=0)
    expected = strategy.fit(X, masked, estimator=model(X, y)).query(5)
    strategy.set_params(estimator=LogisticRegression())
    np.testing.assert_array_equal(strategy.fit(X, masked).query(5), expected)


# FISHER ------------------------------------------------------------------------------


def features_alone(X, queries, n):
    return fisher_matches(X, queries, n, np.random.default_rng(0))


def wide(seed=0, n=160, d=8):
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).standard_normal((3, d))
    y = rng.integers(0, 3, n)
    X = centers[y] + 1.5 * rng.standard_normal((n, d))
    return X, y, np.where(np.arange(n) < 30, y, -1)


@pytest.mark.parametrize("scaled", [False, True])
def test_fisher_matches_what_the_model_gets_wrong(scaled):
    X, y, masked = wide()
    X_val, y_val, _ = wide(1, n=60)
    net = LogisticRegression(C=0.1)
    net = make_pipeline(StandardScaler(), net) if scaled else net
    net.fit(X[:30], y[:30])
    wrong = X_val[net.predict(X_val) != y_val]
    assert len(wrong) < 40
    strategy = FISHER(validation_set=(X_val, y_val)).fit(X, masked, estimator=net)
    picked = strategy.query(40)
    what = ("embedding", "logit_gradient")
    pool, queries = read(net, X[30:], what), read(net, wrong, what)
    expected = fisher_matches(
        pool["embedding"],
        queries["embedding"],
        40,
        np.random.default_rng(0),
        logit_gradient=pool["logit_gradient"],
        query_logit_gradient=queries["logit_gradient"],
        head=(net[-1] if scaled else net).coef_,
    )
    np.testing.assert_array_equal(picked - 30, expected)
    alone = features_alone(pool["embedding"], queries["embedding"], 40)
    assert alone.tolist() != expected.tolist()


@pytest.mark.parametrize(
    "kind",
    [
        RandomForestClassifier(random_state=0),
        CalibratedClassifierCV(LogisticRegression(), cv=3),
    ],
)
def test_fisher_compares_features_where_no_head_is_known(kind):
    X, y, masked = wide()
    X_val, y_val, _ = wide(1, n=60)
    net = clone(kind).fit(X[:30], y[:30])
    wrong = X_val[net.predict(X_val) != y_val]
    strategy = FISHER(validation_set=(X_val, y_val)).fit(X, masked, estimator=net)
    expected = features_alone(X[30:], wrong, 40)
    np.testing.assert_array_equal(strategy.query(40) - 30, expected)


def test_fisher_without_a_validation_set_takes_labeled_rows_gotten_wrong():
    rng = np.random.default_rng(0)
    X, proba = rng.standard_normal((30, 6)), rng.dirichlet(np.ones(2), 30)
    y = np.where(np.arange(30) < 10, proba.argmax(axis=1), -1)
    y[[3, 5]] = 1 - y[[3, 5]]
    picked = over(FISHER(), proba, X, y).query(12)
    np.testing.assert_array_equal(picked - 10, features_alone(X[10:], X[[3, 5]], 12))


def test_fisher_with_nothing_gotten_wrong_takes_the_least_sure():
    rng = np.random.default_rng(0)
    X, proba = rng.standard_normal((30, 6)), rng.dirichlet(np.ones(2), 30)
    y = np.where(np.arange(30) < 10, proba.argmax(axis=1), -1)
    least = np.argsort(proba[:10].max(axis=1))[:3]
    picked = over(FISHER(), proba, X, y).query(3)
    np.testing.assert_array_equal(picked - 10, features_alone(X[10:], X[least], 3))


def test_fisher_with_nothing_labeled_is_random():
    proba, X = np.tile(PROBA, (5, 1)), np.tile(H, (5, 1))
    picks = {tuple(over(FISHER(random_state=s), proba, X).query(3)) for s in range(5)}
    assert len(picks) == 5


def test_no_warnings_over_a_model_that_is_sure():
    X, y, masked = blobs()
    net = LogisticRegression(C=1e9, max_iter=10_000).fit(50 * X[:30], y[:30])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for strategy in (BADGE(), GLISTER(), FISHER(validation_set=(50 * X, y))):
            assert len(strategy.fit(50 * X, masked, estimator=net).query(20)) == 20
