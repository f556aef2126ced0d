"""scikit-activeml both ways: against the package itself, and without it."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skal import ActiveLearner, QueryStrategy
from skal.interop import FromSkactiveml, _skactiveml, as_skactiveml
from skal.strategies import CoreSet, EntropySampling, MarginSampling, RandomSampling


@pytest.fixture
def theirs():
    return pytest.importorskip("skactiveml.pool")


@pytest.fixture
def classifier():
    return pytest.importorskip("skactiveml.classifier").SklearnClassifier


@pytest.fixture
def y(known):
    """Labels with NaN for what nobody has bought."""
    return np.where(known < 0, np.nan, known)


@pytest.fixture
def alone(monkeypatch):
    """As if scikit-activeml had not been imported."""
    monkeypatch.delitem(sys.modules, "skactiveml", raising=False)


class Silent(QueryStrategy):
    """Chooses the last candidates, and scores nothing."""

    def _select(self, query_size, candidates):
        return len(candidates) - 1 - np.arange(query_size)


# skal in scikit-activeml


@pytest.mark.parametrize(
    "strategy", [MarginSampling(), EntropySampling(), CoreSet(), RandomSampling()]
)
@pytest.mark.parametrize("fit_clf", [True, False])
def test_the_same_picks_as_in_skal(
    classifier, pool, known, y, model, strategy, fit_clf
):
    X, _ = pool
    clf = classifier(LogisticRegression(), classes=[0, 1, 2])
    clf = clf if fit_clf else clf.fit(X, y)
    strategy = clone(strategy).set_params(random_state=0)
    query = as_skactiveml(strategy).query
    picked, utilities = query(
        X, y, clf, fit_clf, batch_size=5, return_utilities=True, candidates=None
    )
    alone = clone(strategy).fit(X, known, estimator=model)
    assert picked.tolist() == alone.query(5).tolist()
    assert utilities.shape == (5, 80)
    assert np.isnan(utilities[:, :20]).all()
    np.testing.assert_allclose(utilities[0, 20:], alone.score_samples()[20:])
    assert np.isnan(utilities[4, picked[:4]]).all()
    assert np.isfinite(utilities[np.arange(5), picked]).all()
    assert query(X, y, clf, fit_clf, batch_size=5).tolist() == picked.tolist()


def test_one_of_their_strategies(theirs, classifier, pool, y, model):
    X, _ = pool
    strategy = as_skactiveml(EntropySampling(random_state=0))
    wrapper = theirs.SubSamplingWrapper(strategy, max_candidates=15, random_state=0)
    clf = classifier(LogisticRegression(), classes=[0, 1, 2])
    picked, utilities = wrapper.query(
        X, y, batch_size=3, return_utilities=True, clf=clf
    )
    assert (picked >= 20).all()
    assert np.isfinite(utilities[0]).sum() == 15
    assert np.nanargmax(utilities[0]) == picked[0]
    assert clone(wrapper).query_strategy is not strategy
    again = pickle.loads(pickle.dumps(strategy))
    assert type(again) is type(strategy)
    assert isinstance(again, pytest.importorskip("skactiveml.base").QueryStrategy)
    expected = strategy.query(X, y, clf, batch_size=4)
    assert again.query(X, y, clf, batch_size=4).tolist() == expected.tolist()
    found = set(theirs.UncertaintySampling("entropy").query(X, y, clf, batch_size=4))
    assert found == set(expected.tolist())


def test_the_model_inside_is_read(classifier, pool, y, known):
    X, _ = pool
    pipeline = make_pipeline(StandardScaler(), PCA(2), LogisticRegression())
    clf = classifier(pipeline, classes=[0, 1, 2])
    picked = as_skactiveml(CoreSet()).query(X, y, clf, batch_size=6)
    inner = clone(pipeline).fit(X[:20], known[:20])
    expected = CoreSet().fit(X, known, estimator=inner).query(6)
    assert picked.tolist() == expected.tolist()


def test_a_class_that_nobody_has_seen_has_a_column(classifier, pool):
    X, _ = pool
    shapes = []

    class Look(QueryStrategy):
        def _score(self, proba):
            shapes.append(proba.shape[1])
            return proba[:, 0]

    y = np.r_[0.0, 1.0, np.full(78, np.nan)]
    clf = classifier(LogisticRegression(), classes=[0, 1, 2, 3])
    as_skactiveml(Look()).query(X, y, clf)
    assert shapes == [4]


@pytest.mark.filterwarnings("ignore:(The|Since the) 'base_estimator' could:UserWarning")
def test_a_classifier_that_could_not_be_fitted_counts_classes(classifier, pool):
    nothing = np.full(80, np.nan)
    clf = classifier(LogisticRegression(), classes=[0, 1])
    _, utilities = as_skactiveml(EntropySampling()).query(
        pool[0], nothing, clf, return_utilities=True
    )
    np.testing.assert_allclose(utilities, np.log(2))


def test_their_native_classifiers_are_read(pool, y):
    module = pytest.importorskip("skactiveml.classifier")
    clf = module.ParzenWindowClassifier(classes=[0, 1, 2])
    picked = as_skactiveml(MarginSampling()).query(pool[0], y, clf, batch_size=3)
    ordered = np.sort(clf.fit(pool[0], y).predict_proba(pool[0]), axis=1)
    margins = np.where(np.isnan(y), ordered[:, -1] - ordered[:, -2], np.inf)
    assert picked.tolist() == np.argsort(margins)[:3].tolist()


def test_without_the_package(alone, pool, known, y, model):
    X, _ = pool
    strategy = as_skactiveml(MarginSampling(random_state=0))
    assert type(strategy).__name__ == "SkalQuery"
    expected = MarginSampling(random_state=0).fit(X, known, estimator=model).query(4)
    for frame in (X, pd.DataFrame(X), sp.csr_array(X)):
        picked = strategy.query(frame, y, LogisticRegression(), batch_size=4)
        assert picked.tolist() == expected.tolist()
    weights = np.where(np.arange(80) < 10, 1.0, 0.0)
    picked = strategy.query(X, y, LogisticRegression(), sample_weight=weights)
    weighted = clone(model).fit(X[:20], known[:20], sample_weight=weights[:20])
    assert picked == MarginSampling().fit(X, known, estimator=weighted).query()
    again = pickle.loads(pickle.dumps(strategy))
    assert again.query(X, y, model, fit_clf=False) == expected[0]
    assert clone(strategy).get_params()["strategy__random_state"] == 0
    with pytest.raises(TypeError, match="strategy is 'margin'"):
        as_skactiveml("margin")


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (np.array(["a", "b", "c"]), "nan"),
        (np.array(["a", "b", "c"]), "not labeled"),
        (np.array(["a", "b", "c"], dtype=object), None),
        (np.array([0, 1, 2]), -1),
        (np.array([0.0, 1.0, 2.0]), np.nan),
    ],
)
def test_marks_of_missing_labels(alone, pool, known, names, missing):
    X, _ = pool
    y = names[known] if missing is not None else names[known].astype(object)
    if isinstance(missing, str):
        y = y.astype("<U20")
    y[20:] = missing
    strategy = as_skactiveml(CoreSet(), missing_label=missing)
    expected = CoreSet().fit(X, known).query(3).tolist()
    assert strategy.query(X, y, batch_size=3).tolist() == expected
    rows = strategy.query(X, y, candidates=X[30:40] + 1, batch_size=2)
    assert set(rows) <= set(range(10))
    all_known = names[known[:20]]
    rows = strategy.query(X[:20], all_known, candidates=X[30:40], batch_size=2)
    best = CoreSet().fit(X[:40], known[:40]).query(2, candidates=range(30, 40))
    assert rows.tolist() == (best - 30).tolist()


def test_candidates(alone, pool, y):
    X, _ = pool
    strategy = as_skactiveml(CoreSet())
    some = np.array([70, 25, 33])
    picked, utilities = strategy.query(
        X, y, candidates=some, batch_size=2, return_utilities=True
    )
    assert set(picked) <= set(some)
    assert np.isfinite(utilities[0]).nonzero()[0].tolist() == [25, 33, 70]
    rows, utilities = strategy.query(
        X, y, candidates=X[some], batch_size=2, return_utilities=True
    )
    assert some[rows].tolist() == picked.tolist()
    assert utilities.shape == (2, 3)
    with pytest.raises(ValueError, match="candidates"):
        strategy.query(X, y, candidates=[0])
    with pytest.raises(ValueError, match=r"X .* and candidates .* together"):
        strategy.query(X, y, candidates=X[:3, :2])


def test_utilities_of_a_strategy_without_scores(alone, pool, y):
    picked, utilities = as_skactiveml(Silent()).query(
        pool[0], y, batch_size=3, return_utilities=True
    )
    assert picked.tolist() == [79, 78, 77]
    assert np.nanargmax(utilities, axis=1).tolist() == [79, 78, 77]
    assert np.nansum(utilities) == 3


def test_rounds_are_counted_and_an_unfitted_model_is_refused(alone, pool, y):
    rounds = []

    class Count(QueryStrategy):
        def _select(self, query_size, round):  # noqa: A002
            rounds.append(round)
            return np.arange(query_size)

    strategy = as_skactiveml(Count())
    for n in (20, 20, 22, 24):
        known = np.where(np.arange(80) < n, 0.0, np.nan)
        strategy.query(pool[0], known, batch_size=2)
    assert rounds == [0, 0, 1, 2]
    with pytest.raises(ValueError, match="not fitted"):
        strategy.query(pool[0], y, LogisticRegression(), fit_clf=False)
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _skactiveml.Other  # noqa: B018


# scikit-activeml in skal


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_their_core_set_is_ours(theirs, pool, known, dtype):
    X = pool[0].astype(dtype)
    for says in ({}, {"embedding": X[:, :2]}):
        picked = FromSkactiveml(theirs.CoreSet()).fit(X, known, **says).query(8)
        assert picked.tolist() == CoreSet().fit(X, known, **says).query(8).tolist()
    representation = PCA(2, random_state=0)
    strategies = [
        FromSkactiveml(theirs.CoreSet(), representation=representation),
        CoreSet(representation=representation),
    ]
    picks = [s.fit(X, known).query(8, candidates=range(30, 70)) for s in strategies]
    assert picks[0].tolist() == picks[1].tolist()


@pytest.mark.parametrize("method", ["entropy", "margin_sampling"])
def test_their_uncertainty_is_ours(theirs, pool, known, model, method):
    X, _ = pool
    ours = {"entropy": EntropySampling, "margin_sampling": MarginSampling}[method]
    proba = model.predict_proba(X)
    proba[-2:] = [0.34, 0.33, 0.33]
    for says in ({"estimator": model}, {"proba": proba}):
        strategy = FromSkactiveml(theirs.UncertaintySampling(method=method))
        picked = strategy.fit(X, known, **says).query(6)
        assert set(picked) == set(ours().fit(X, known, **says).query(6))


def test_rows_that_are_equal_keep_their_own_probabilities(theirs):
    proba = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]])
    strategy = FromSkactiveml(theirs.UncertaintySampling())
    assert strategy.fit(np.zeros((3, 1)), proba=proba).query(2).tolist() == [1, 2]


def test_their_strategies_under_the_learner(theirs, pool):
    X, y = pool
    params = {"n_initial": 10, "query_size": 4, "n_rounds": 3, "random_state": 0}
    model = make_pipeline(StandardScaler(), LogisticRegression())
    names = np.array(["a", "b", "c"])[y]
    runs = [
        ActiveLearner(model, strategy, **params).fit(pd.DataFrame(X), names)
        for strategy in (
            FromSkactiveml(theirs.UncertaintySampling(method="entropy")),
            EntropySampling(),
        )
    ]
    bought = [set(run.labeled_indices_.tolist()) for run in runs]
    assert bought[0] == bought[1]
    cold = FromSkactiveml(theirs.TypiClust())
    params["initial"] = "strategy"
    runs = [ActiveLearner(model, cold, **params).fit(X, y) for _ in range(2)]
    assert runs[0].labeled_indices_.tolist() == runs[1].labeled_indices_.tolist()


STRATEGIES = {
    "RandomSampling": {},
    "Badge": {},
    "TypiClust": {},
    "ContrastiveAL": {},
    "Falcun": {},
    "MaxHerding": {},
    "DropQuery": {},  # asks about rows that are not in the pool
    "Clue": {},  # its k-means draws from NumPy's global generator
    "MonteCarloEER": {},  # fits the classifier again
    "SubSamplingWrapper": {"max_candidates": 10},
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_seeds_and_candidates(theirs, pool, known, model, name):
    X, _ = pool
    params = dict(STRATEGIES[name])
    if name == "SubSamplingWrapper":
        params["query_strategy"] = theirs.UncertaintySampling()
    strategy = getattr(theirs, name)(missing_label=-7, **params)
    picks = []
    for seed in (0, 0, 1):
        fitted = FromSkactiveml(strategy, random_state=seed).fit(
            X, known, estimator=model
        )
        picks.append(fitted.query(3, candidates=range(40, 50)).tolist())
        assert fitted.query(3, candidates=range(40, 50)).tolist() == picks[-1]
    assert picks[0] == picks[1]
    assert len(set(picks[0])) == 3
    assert set(picks[0]) <= set(range(40, 50))
    assert strategy.random_state is None


def test_a_fit_again_is_that_of_the_last_step(theirs, pool, known):
    X, some = pool[0], range(60, 70)
    model = make_pipeline(PCA(2), LogisticRegression()).fit(X[:20], known[:20])
    reduction = theirs.MonteCarloEER()
    picked = (
        FromSkactiveml(reduction).fit(X, known, estimator=model).query(candidates=some)
    )
    Z = model[0].transform(X)
    bare = clone(model[-1]).fit(Z[:20], known[:20])
    again = FromSkactiveml(reduction).fit(Z, known, estimator=bare)
    assert picked == again.query(candidates=some)

    array = {"proba": np.full((80, 3), 1 / 3)}
    for says, represent in ((array, None), ({"estimator": model}, PCA(3))):
        strategy = FromSkactiveml(reduction, representation=represent)
        with pytest.raises(TypeError, match=r"MonteCarloEER fits .* again, which"):
            strategy.fit(X, known, **says).query()

    class Moody(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            if hasattr(type(self), "spoilt"):
                raise KeyError("its own")
            self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
            return self

        def predict_proba(self, X):
            return np.full((len(X), 3), 1 / 3)

    moody = Moody().fit(X[:20], known[:20])
    Moody.spoilt = True
    with pytest.raises(KeyError, match="its own"):
        FromSkactiveml(reduction).fit(X, known, estimator=moody).query()


class Refit(BaseEstimator):
    """Fits its classifier again, with weights, and chooses the least sure."""

    def query(self, X, y, clf, fit_clf=True, candidates=None, batch_size=1):
        check_is_fitted(clf)
        assert not fit_clf
        weight = np.where(y == 0, 3.0, 1.0)
        proba = clone(clf).fit(X, y, sample_weight=weight).predict_proba(X)
        return candidates[proba[candidates].max(axis=1).argsort()[:batch_size]]


def test_weights_reach_a_fit_again(classifier, pool, known, model):
    X, _ = pool
    picked = FromSkactiveml(Refit()).fit(X, known, estimator=model).query(4)
    weight = np.where(known[:20] == 0, 3.0, 1.0)
    again = clone(model).fit(X[:20], known[:20], sample_weight=weight)
    sure = again.predict_proba(X[20:]).max(axis=1)
    assert picked.tolist() == (sure.argsort()[:4] + 20).tolist()


def test_rows_out_of_distribution_have_no_label_and_are_no_candidates(theirs):
    X = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
    strategy = FromSkactiveml(theirs.CoreSet(), ood_label=-2)
    assert strategy.fit(X, [1, -1, -1, -1, -2]).query(3).tolist() == [3, 2, 1]


class Farthest(BaseEstimator):
    """A strategy in their way, without the package."""

    def __init__(self, picks=None, missing_label="none"):
        self.picks = picks
        self.missing_label = missing_label

    def query(self, X, y, candidates=None, batch_size=1):
        assert np.isnan(self.missing_label)
        assert y.dtype == float
        if self.picks is not None:
            return np.array(self.picks)
        return candidates[np.argsort(-X[candidates, 0])][:batch_size]


class Regression(BaseEstimator):
    def query(self, X, y, reg, candidates=None, batch_size=1):
        raise NotImplementedError


def test_without_a_model(pool, known):
    X, _ = pool
    strategy = FromSkactiveml(Farthest()).fit(X, known)
    picked = strategy.query(3)
    assert picked.tolist() == (np.argsort(-X[20:, 0])[:3] + 20).tolist()
    assert clone(strategy).get_params()["query_strategy__picks"] is None
    assert "FromSkactiveml(query_strategy=Farthest())" in repr(strategy)
    again = pickle.loads(pickle.dumps(strategy))
    assert again.fit(X, known).query(3).tolist() == picked.tolist()


@pytest.mark.parametrize("wrong", [[0, 30], [30, 30], [30], [30, 80], [30.5, 31]])
def test_wrong_picks_name_the_strategy(pool, known, wrong):
    strategy = FromSkactiveml(Farthest(picks=wrong)).fit(pool[0], known)
    with pytest.raises(ValueError, match=r"Farthest returned array\(.* 2 distinct"):
        strategy.query(2)


def test_mistakes_are_named(theirs, pool, known, model):
    X, _ = pool
    cases = [
        (Regression(), {}, TypeError, "Regression needs `reg` in its query"),
        (object(), {}, TypeError, "object has no method `query`"),
        (theirs.QueryByCommittee(), {}, TypeError, "needs `ensemble`"),
        (theirs.UncertaintySampling(), {}, ValueError, "asks for .* nothing to read"),
        (
            theirs.DropQuery(),
            {"proba": np.full((80, 3), 1 / 3)},
            TypeError,
            "DropQuery asks about new rows, which takes",
        ),
    ]
    for strategy, says, kind, message in cases:
        with pytest.raises(kind, match=message):
            FromSkactiveml(strategy).fit(X, known, **says).query()
    sparse = sp.csr_array(X)
    with pytest.raises(TypeError, match=r"CoreSet needs dense features.*TruncatedSVD"):
        FromSkactiveml(theirs.CoreSet()).fit(sparse, known).query()
    reduced = FromSkactiveml(theirs.CoreSet(), representation=TruncatedSVD(3))
    assert len(reduced.fit(sparse, known).query(2)) == 2


def test_a_net_is_asked_by_its_penultimate_features(theirs, pool, known):
    torch = pytest.importorskip("torch")
    from skorch import NeuralNetClassifier

    X, some = pool[0].astype(np.float32), range(40, 60)
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)
    )
    net = NeuralNetClassifier(
        layers, criterion=torch.nn.CrossEntropyLoss, train_split=None, verbose=0
    ).fit(X[:20], known[:20])
    for one, other in (
        (theirs.CoreSet(), CoreSet()),
        (theirs.UncertaintySampling("entropy"), EntropySampling()),
    ):
        picked = FromSkactiveml(one).fit(X, known, estimator=net).query(4)
        assert set(picked) == set(other.fit(X, known, estimator=net).query(4))
    for strategy, what in (
        (theirs.DropQuery(), "asks about new rows"),
        (theirs.MonteCarloEER(), "fits the classifier again"),
    ):
        with pytest.raises(TypeError, match=what):
            FromSkactiveml(strategy).fit(X, known, estimator=net).query(candidates=some)
