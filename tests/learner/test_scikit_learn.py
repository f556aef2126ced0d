"""The learner as a scikit-learn citizen."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearner, strategies
from skal.metrics import (
    neg_annotation_cost,
    neg_calibration_error,
    neg_sampling_bias,
)
from skal.readout import read
from skal.strategies import CoreSet, EntropySampling, MarginSampling, RandomSampling

# What reads no model, or stochastic passes, which a linear model has not; what trains a
# net of its own; what wraps.
NEED_NETS = ("LearningLoss", "NormalizedConfidenceSampling", "PAL", "PT4AL", "VAAL")
HOLD_ONE = ("ClassBalanced", "Partitioned", "SubmodularSampling")
OTHERWISE = ("QueryStrategy", "RandomSampling", "BALD", "BatchBALD", *NEED_NETS)
READ_THE_MODEL = [
    strategies.ClassBalanced(EntropySampling()),
    strategies.Partitioned(strategies.BADGE(), n_partitions=2),
    strategies.SubmodularSampling("FLCG"),
    *[
        getattr(strategies, name)()
        for name in strategies.__all__
        if name not in (*OTHERWISE, *HOLD_ONE)
    ],
]


@parametrize_with_checks(
    [ActiveLearner(LogisticRegression(), s, random_state=0) for s in READ_THE_MODEL]
)
@pytest.mark.filterwarnings("ignore:The label -1 is taken as a class")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_parameters_nest(make):
    learner = make(CoreSet(), make_pipeline(PCA(5), LogisticRegression()))
    learner.set_params(strategy__first="random", estimator__pca__n_components=7)
    other = clone(learner)
    assert other.strategy.first == "random"
    assert other.estimator[0].n_components == 7
    assert other.strategy is not learner.strategy
    assert "CoreSet" in repr(learner)
    assert "CoreSet" in learner._repr_html_()


def test_fit_never_writes_to_parameters_or_data(make, digits):
    X, y = digits
    before = X.copy(), y.copy()
    learner = make(CoreSet(first="random"))
    learner.fit(X, y)
    assert not hasattr(learner.strategy, "seed_")
    assert learner.strategy.random_state is None
    assert not hasattr(learner.estimator, "coef_")
    assert np.array_equal(X, before[0])
    assert np.array_equal(y, before[1])


def test_a_pickle_after_a_simulation_is_light(make, digits):
    X, y = np.repeat(digits[0], 20, axis=1), digits[1]
    learner = make(CoreSet(), n_rounds=1).fit(X, y)
    data = pickle.dumps(learner)
    assert len(data) < X.nbytes / 8
    other = pickle.loads(data)
    assert np.array_equal(other.predict_proba(X), learner.predict_proba(X))
    assert np.array_equal(other.score_samples(X), learner.score_samples(X))
    assert other.history_[-1]["n_labeled"] == 60


def test_tags(make):
    assert is_classifier(make())
    assert get_tags(make(CoreSet())).input_tags.sparse

    class Dense(CoreSet):
        needs_dense_features = True

    assert not get_tags(make(Dense())).input_tags.sparse


def test_features_are_those_of_the_estimator(make, digits):
    learner = make().fit(*digits)
    assert learner.n_features_in_ == 64
    assert not hasattr(learner, "feature_names_in_")


SCORING = {
    "accuracy": "accuracy",
    "calibration": neg_calibration_error,
    "bias": neg_sampling_bias,
    "cost": neg_annotation_cost,
}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_over_strategy_and_model(make, digits, n_jobs):
    X, y = digits
    pipeline = make_pipeline(StandardScaler(), make(n_rounds=2))
    search = GridSearchCV(
        pipeline,
        {
            "activelearner__strategy": [RandomSampling(), MarginSampling()],
            "activelearner__estimator__C": [0.01, 1.0],
        },
        scoring=SCORING,
        refit="accuracy",
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X, y)
    results = search.cv_results_
    assert (results["mean_test_cost"] == -80).all()
    assert (results["mean_test_bias"] < 0).all()
    assert (results["mean_test_calibration"] < 0).all()
    best = search.best_estimator_[-1]
    assert neg_sampling_bias(search, X, y) == -best.sampling_bias_
    again = clone(search).set_params(n_jobs=None).fit(X, y)
    for name in SCORING:
        name = f"mean_test_{name}"
        assert np.array_equal(again.cv_results_[name], results[name])


def test_scorers_in_cross_validate_when_a_fold_lacks_a_class(make, digits):
    X, y = digits[0], digits[1].copy()
    y[y == 9] = 8
    y[5] = 9
    with pytest.warns(UserWarning, match="least populated"):
        scores = cross_validate(
            make(MarginSampling()), X, y, scoring=SCORING, cv=3, error_score="raise"
        )
    assert (scores["test_calibration"] <= 0).all()


def test_it_can_be_calibrated_and_frozen(make, digits):
    X, y = digits
    learner = make(MarginSampling()).fit(X[:600], y[:600])
    calibrated = CalibratedClassifierCV(FrozenEstimator(learner)).fit(X[600:], y[600:])
    assert calibrated.score(X[600:], y[600:]) > 0.6
    assert neg_annotation_cost(calibrated) == -100


def test_it_can_be_read(make, digits):
    X, y = digits
    learner = make(n_initial=3, query_size=1, n_rounds=1).fit(X, y)
    out = read(learner, X)
    assert np.array_equal(out["proba"], learner.predict_proba(X))
    assert np.array_equal(out["embedding"], X)
    assert np.array_equal(read(make_pipeline(learner), X)["proba"], out["proba"])


def test_validation_data_in_a_pipeline(make, digits):
    X, y = digits
    with sklearn.config_context(enable_metadata_routing=True):
        learner = make(scoring="accuracy").set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(PCA(20), learner, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X[:100], y_val=y[:100])
    row = pipeline[-1].history_[-1]
    assert row["accuracy"] == pipeline.score(X[:100], y[:100])


class Weighted(LogisticRegression):
    """Remembers its weights."""

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(X, y, sample_weight)


def test_metadata_routing(make, digits):
    X, y = digits
    weights = np.arange(len(y), dtype=float)
    with sklearn.config_context(enable_metadata_routing=True):
        asks = Weighted(max_iter=200).set_fit_request(sample_weight=True)
        learner = make(None, asks).fit(X, y, sample_weight=weights)
        assert learner.estimator_.weights_.tolist() == sorted(learner.labeled_indices_)
        learner.set_score_request(sample_weight=False)
        search = GridSearchCV(learner, {"n_rounds": [1]}, cv=2)
        search.fit(X, y, sample_weight=weights)
        assert search.best_estimator_.estimator_.weights_ is not None
        with pytest.raises(Exception, match="sample_weight"):
            make(None, Weighted()).fit(X, y, sample_weight=weights)
    with pytest.raises(TypeError, match="no_such"):
        make().fit(X, y, no_such=1)


def test_a_progress_bar_where_it_is_wanted(make, digits, capsys):
    X, y = digits
    make(verbose=1, scoring="accuracy").fit(X, y, X_val=X, y_val=y)
    err = capsys.readouterr().err
    assert "4/4" in err
    assert "n_labeled" in err or "labels=100" in err
    assert "accuracy" in err
    make().fit(X, y)
    assert capsys.readouterr().err == ""


def test_import_loads_nothing_heavy():
    code = (
        "import sys, sklearn.model_selection; before = set(sys.modules);"
        "import skal, skal.strategies, skal.metrics, skal.datasets;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(sorted(new & {'torch', 'matplotlib', 'pandas', 'tqdm', 'skorch'}))"
    )
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_numpy_input_never_imports_torch():
    code = (
        "import sys; from sklearn.datasets import load_iris;"
        "from sklearn.linear_model import LogisticRegression;"
        "from skal import ActiveLearner; from skal.strategies import CoreSet;"
        "ActiveLearner(LogisticRegression(max_iter=500), CoreSet(), random_state=0)"
        ".fit(*load_iris(return_X_y=True)); print('torch' in sys.modules)"
    )
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_entropy_of_a_pipeline_reads_what_the_pipeline_reads(make, digits):
    X, y = digits
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    learner = make(EntropySampling(), pipeline).fit(X, y)
    assert learner.score(X, y) > 0.8
