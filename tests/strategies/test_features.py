"""SCAL, DFM and DDU: worked examples, directions, duplicates, wrong parameters."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.metrics import ood_auroc
from skal.strategies import CAL, DDU, DFM, SCAL, features


def unit(*degrees):
    angle = np.deg2rad(np.array(degrees, float))
    return np.column_stack([np.cos(angle), np.sin(angle)])


def onehot(y, n_classes=2, sure=0.9):
    proba = np.full((len(y), n_classes), (1 - sure) / max(1, n_classes - 1))
    proba[np.arange(len(y)), y] = sure
    return proba


def begin(strategy, labeled, y, rows, predicted, n_classes=2):
    """Begin with the labeled rows first."""
    X = np.vstack([labeled, rows]).astype(float)
    proba = onehot(np.r_[y, predicted].astype(int), n_classes)
    return strategy.fit(X, np.r_[y, np.full(len(rows), -1)], proba=proba, embedding=X)


class TestSCAL:
    labeled, y = unit(0, 20, 90), [0, 0, 1]
    rows, predicted = unit(10, 50, -40, 100, 150, 70), np.array([0, 0, 0, 1, 1, 1])

    def begun(self, rows=slice(None), **params):
        strategy = SCAL(random_state=0, **params)
        return begin(
            strategy, self.labeled, self.y, self.rows[rows], self.predicted[rows]
        )

    def test_worked_example(self):
        strategy = self.begun()
        expected = [0.984808, 0.866025, 0.766044, 0.984808, 0.5, 0.939693]
        np.testing.assert_allclose(-strategy.score_samples()[3:], expected, atol=1e-6)
        assert (strategy.query(2) - 3).tolist() == [4, 2]
        assert (strategy.query(3) - 3).tolist() == [4, 2, 1]

    def test_a_class_that_runs_short_leaves_its_share_to_the_best(self):
        assert (self.begun([0, 1, 2, 4]).query(3) - 3).tolist() == [3, 2, 1]

    def test_without_balance_the_best_of_all(self):
        rows = [0, 1, 2, 3, 5]
        assert set(self.begun(rows, balanced=False).query(2) - 3) == {1, 2}
        assert set(self.begun(rows).query(2) - 3) == {2, 4}

    def test_lengths_count_where_they_are_asked_for(self):
        rows = self.rows * [[1], [0.5], [1], [1], [1], [1]]
        given = self.labeled, self.y, rows, self.predicted
        literal = begin(SCAL(normalize="literal"), *given)
        assert -literal.score_samples()[4] == pytest.approx(0.433013, abs=1e-6)
        assert set(literal.query(2) - 3) == {1, 4}
        assert set(begin(SCAL(), *given).query(2) - 3) == {2, 4}

    def test_a_class_without_labels_comes_first(self):
        predicted = [2, 2, 0, 0, 1, 1]
        strategy = begin(SCAL(), self.labeled, self.y, self.rows, predicted, 3)
        scores = strategy.score_samples()[3:]
        np.testing.assert_allclose(scores[:2], 2 - np.cos(np.deg2rad([10, 30])))
        assert set(strategy.query(3) - 3) == {1, 3, 4}

    def test_parameters_are_checked(self):
        with pytest.raises(
            ValueError, match=r"normalize is 'l2': give one of.*'cosine"
        ):
            self.begun(normalize="l2").query(1)


class TestDFM:
    labeled, y = [[0, 0], [2, 0], [4, 0], [5, 5]], [0, 0, 0, 1]
    rows, predicted = [[3, 1], [10, 0], [5, 8]], [0, 0, 1]

    def begun(self, **params):
        strategy = DFM(random_state=0, **params)
        return begin(strategy, self.labeled, self.y, self.rows, self.predicted)

    def test_worked_example(self):
        strategy = self.begun()
        np.testing.assert_allclose(strategy.score_samples()[4:], [1, 0, 3], atol=1e-12)
        assert (strategy.query(2) - 4).tolist() == [2, 0]

    @pytest.mark.parametrize(
        ("share", "error"), [(0.9, 8**0.5), (0.97, 2), (1, 8**0.5)]
    )
    def test_share_of_the_variance(self, share, error):
        labeled = [[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0], [50, 50, 50]]
        strategy = DFM(n_components=share)
        begun = begin(strategy, labeled, [0, 0, 0, 0, 1], [[1, 2, 2]], [0])
        assert begun.score_samples()[5] == pytest.approx(error)

    def test_a_class_without_labels_is_held_against_all(self):
        begun = begin(DFM(), self.labeled[:3], [0, 0, 0], self.rows, [1, 1, 1])
        np.testing.assert_allclose(begun.score_samples()[3:], [1, 0, 8], atol=1e-12)

    def test_parameters_are_checked(self):
        with pytest.raises(ValueError, match=r"n_components is 2\.5"):
            self.begun(n_components=2.5).query(1)


class TestDDU:
    def test_worked_example(self):
        X = np.array([[0], [2], [9], [11], [5], [1], [20.0]])
        strategy = DDU().fit(X, [0, 0, 1, 1, -1, -1, -1])
        expected = [5.858453, 1.958659, 26.958659]
        np.testing.assert_allclose(strategy.score_samples()[4:], expected, atol=1e-6)
        assert strategy.query(3).tolist() == [6, 4, 5]

    def test_parameters_are_checked(self):
        with pytest.raises(ValueError, match="jitter must be above 0, got -1"):
            DDU(jitter=-1).fit(np.eye(3), [0, -1, -1]).query(1)


def clusters(seed=0):
    """Two clusters, half of each labeled, and rows that belong to neither."""
    rng = np.random.default_rng(seed)
    centers = 6 * np.eye(8)[:2]
    X = np.repeat(centers, 100, axis=0) + 0.5 * rng.standard_normal((200, 8))
    y = np.repeat([0, 1], 100)
    new = np.repeat(centers, 50, axis=0) + 0.5 * rng.standard_normal((100, 8))
    out = 6 * np.eye(8)[2:4].sum(axis=0) + 0.5 * rng.standard_normal((100, 8))
    return X, y, np.where(np.arange(200) % 2, y, -1), new, out


SIMPLE = [SCAL(), DFM(n_components=2), DDU()]


@pytest.mark.parametrize("strategy", SIMPLE, ids=lambda s: type(s).__name__)
def test_what_is_out_of_distribution_is_detected_and_wanted(strategy):
    X, y, masked, new, out = clusters()
    model = LogisticRegression().fit(X, y)
    strategy.fit(X, masked, estimator=model)
    score = strategy.score_samples
    assert ood_auroc(score(new), score(out)) > 0.99
    both, masked = np.vstack([X, out[:10]]), np.r_[masked, [-1] * 10]
    assert (strategy.fit(both, masked, estimator=model).query(5) >= 200).mean() > 0.5


def test_cal_wants_what_lies_between_the_classes():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (300, 1))
    y = (X[:, 0] > 0).astype(int)
    model = LogisticRegression().fit(X, y)
    masked = np.where(np.arange(300) < 60, y, -1)
    picked = CAL(normalize=False).fit(X, masked, estimator=model).query(20)
    assert np.abs(X[picked]).max() < 1


@pytest.mark.parametrize("strategy", SIMPLE, ids=lambda s: type(s).__name__)
def test_a_pool_of_duplicates(strategy):
    X, y = np.ones((60, 3)), np.r_[np.arange(12) % 2, [-1] * 48]
    proba = np.full((60, 2), 0.5)
    strategy.set_params(random_state=0).fit(X, y, proba=proba, embedding=X)
    assert np.ptp(strategy.score_samples()) < 1e-9
    assert len(set(strategy.query(40).tolist())) == 40


@pytest.mark.parametrize("strategy", SIMPLE, ids=lambda s: type(s).__name__)
def test_without_labels_it_says_so(strategy):
    X = np.ones((5, 2))
    with pytest.raises(ValueError, match=f"{type(strategy).__name__}.*no label"):
        strategy.fit(X, proba=np.full((5, 2), 0.5), embedding=X).query(2)


@pytest.mark.parametrize("strategy", [DFM(n_components=1), DDU()])
def test_sparse_features_need_a_representation(strategy):
    X, _, masked, _, _ = clusters()
    proba = onehot(np.maximum(masked, 0))
    sparse = sp.csr_array(X)
    with pytest.raises(TypeError, match=r"dense features.*TruncatedSVD\("):
        strategy.fit(sparse, masked, proba=proba).query(3)
    strategy.set_params(representation=TruncatedSVD(4, random_state=0))
    assert len(strategy.fit(sparse, masked, proba=proba).query(3)) == 3
    strategy.set_params(representation=None)


@pytest.mark.parametrize(
    ("strategy", "fit"), [(DFM(), "class_subspaces"), (DDU(), "class_gaussians")]
)
def test_it_is_fitted_once_for_all_chunks(strategy, fit, monkeypatch):
    X, y, masked, new, _ = clusters()
    X, masked = np.tile(X, (100, 1)), np.r_[masked, np.full(19_800, -1)]
    strategy.fit(X, masked, proba=onehot(np.tile(y, 100)), embedding=X)
    calls, original = [], getattr(features, fit)
    monkeypatch.setattr(
        features, fit, lambda *a, **k: (calls.append(a), original(*a, **k))[1]
    )
    whole = strategy.score_samples()
    with config_context(working_memory=1):
        pieces = strategy.score_samples()
    np.testing.assert_allclose(pieces, whole)
    assert len(calls) <= 2
    model = LogisticRegression().fit(X[:200], y)
    before = strategy.fit(X, masked, estimator=model).score_samples(new)
    changed = np.where(np.arange(20_000) < 100, masked, -1)
    after = strategy.fit(X, changed, estimator=model).score_samples(new)
    assert not np.allclose(before, after)


@pytest.mark.parametrize("strategy", [*SIMPLE, CAL()], ids=lambda s: type(s).__name__)
def test_under_a_learner(strategy):
    X, y, _, _, _ = clusters()
    learner = ActiveLearner(
        LogisticRegression(), strategy, n_initial=10, query_size=5, n_rounds=2,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    assert len(set(learner.labeled_indices_.tolist())) == 20
    assert np.isfinite(learner.strategy_.score_samples(X)).all()
