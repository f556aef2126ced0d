"""The scorers: they find the learner, line up the columns, and travel."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skal.metrics import (
    expected_calibration_error,
    neg_annotation_cost,
    neg_calibration_error,
    neg_sampling_bias,
)

X, Y = make_classification(90, n_informative=4, random_state=0)
SCORING = {
    "accuracy": "accuracy",
    "bias": neg_sampling_bias,
    "cost": neg_annotation_cost,
    "calibration": neg_calibration_error,
}


class StubLearner(ClassifierMixin, BaseEstimator):
    """Has the fitted attributes of a learner, and an estimator inside, as it has."""

    def __init__(self, n_labels=30):
        self.n_labels = n_labels

    def fit(self, X, y):
        n = self.n_labels
        self.estimator_ = LogisticRegression().fit(X[:n], y[:n])
        self.classes_ = self.estimator_.classes_
        self.sampling_bias_, self.cost_ = n / 100, n
        return self

    def predict(self, X):
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        return self.estimator_.predict_proba(X)


def wrapped():
    """A fitted learner in all that may hold one."""
    learner = StubLearner().fit(X, Y)
    pipeline = make_pipeline(StandardScaler(), StubLearner())
    search = GridSearchCV(pipeline, {"stublearner__n_labels": [30]}, cv=2)
    calibrated = CalibratedClassifierCV(FrozenEstimator(learner))
    whole = CalibratedClassifierCV(StubLearner(), ensemble=False, cv=2)
    threshold = TunedThresholdClassifierCV(StubLearner(), cv=2)
    return {
        "learner": learner,
        "pipeline": pipeline.fit(X, Y),
        "search": search.fit(X, Y),
        "frozen": FrozenEstimator(learner),
        "frozen pipeline": FrozenEstimator(pipeline),
        "pipeline that ends in frozen": make_pipeline(FrozenEstimator(learner)),
        "calibrated, frozen": calibrated.fit(X, Y),
        "calibrated, one": whole.fit(X, Y),
        "threshold": threshold.fit(X, Y),
        "search stub": SimpleNamespace(best_estimator_=pipeline),
        "wrapper stub": SimpleNamespace(estimator_=learner),
    }


@pytest.mark.parametrize("kind", wrapped())
def test_the_learner_is_found(kind):
    estimator = wrapped()[kind]
    assert neg_sampling_bias(estimator, X, Y) == -0.3
    assert neg_annotation_cost(estimator, X, Y) == -30.0
    assert type(neg_annotation_cost(estimator)) is float


@pytest.mark.parametrize(
    ("estimator", "layers"),
    [
        (LogisticRegression().fit(X, Y), "LogisticRegression"),
        (StubLearner(), "StubLearner"),
        (make_pipeline(StandardScaler(), LinearSVC()), "Pipeline > LinearSVC"),
        (make_pipeline(StandardScaler(), None), "Pipeline, "),
        (make_pipeline(StandardScaler(), "passthrough"), "Pipeline > str"),
        (
            GridSearchCV(LinearSVC(), {"C": [1]}, cv=2).fit(X, Y),
            "GridSearchCV > LinearSVC",
        ),
        (
            CalibratedClassifierCV(StubLearner(), cv=2).fit(X, Y),
            "CalibratedClassifierCV, ",
        ),
    ],
)
@pytest.mark.parametrize("scorer", [neg_sampling_bias, neg_annotation_cost])
def test_no_learner_is_a_clear_error(scorer, estimator, layers):
    message = f"{scorer.__name__} needs a fitted skal.ActiveLearner .*; got {layers}"
    with pytest.raises(TypeError, match=message):
        scorer(estimator, X, Y)


def test_the_template_of_a_meta_estimator_is_not_taken_for_what_it_fitted():
    stale = StubLearner(n_labels=80).fit(X, Y)
    search = GridSearchCV(stale, {"n_labels": [40]}, cv=2).fit(X, Y)
    assert neg_annotation_cost(search) == -40
    with pytest.raises(TypeError, match="got CalibratedClassifierCV, without cost_"):
        neg_annotation_cost(CalibratedClassifierCV(stale, cv=2).fit(X, Y))


def test_a_search_on_four_criteria():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), StubLearner()),
        {"stublearner__n_labels": [20, 40]},
        scoring=SCORING,
        refit="accuracy",
        cv=3,
        error_score="raise",
    ).fit(X, Y)
    assert search.cv_results_["mean_test_cost"].tolist() == [-20, -40]
    assert np.allclose(search.cv_results_["mean_test_bias"], [-0.2, -0.4])
    calibration = search.cv_results_["mean_test_calibration"]
    assert ((calibration < 0) & (calibration >= -1)).all()


def test_cross_validate_takes_the_scorers():
    scores = cross_validate(StubLearner(), X, Y, scoring=SCORING, cv=2)
    assert scores["test_cost"].tolist() == [-30, -30]
    one = cross_validate(StubLearner(), X, Y, scoring=neg_sampling_bias, cv=2)
    assert one["test_score"].tolist() == [-0.3, -0.3]


@pytest.mark.parametrize("scorer", list(SCORING.values())[1:])
def test_scorers_pickle(scorer):
    assert pickle.loads(pickle.dumps(scorer)) is scorer


def test_calibration_error_of_a_classifier():
    model = LogisticRegression().fit(X, Y)
    expected = expected_calibration_error(Y, model.predict_proba(X))
    assert neg_calibration_error(model, X, Y) == -expected
    names = np.array(["no", "yes"])[Y]
    assert neg_calibration_error(LogisticRegression().fit(X, names), X, names) == (
        -expected
    )


def test_a_fold_that_lacks_a_class_lines_up_by_name():
    rows = np.zeros((4, 1))
    model = DummyClassifier(strategy="prior").fit(rows, ["a", "c", "c", "c"])
    assert neg_calibration_error(model, rows, ["c", "c", "c", "a"]) == 0
    assert neg_calibration_error(model, rows, ["c"] * 4) == -0.25
    assert neg_calibration_error(model, rows, ["c", "c", "c", "b"]) == 0  # not known
    assert neg_calibration_error(model, rows, ["b"] * 4) == -0.75


def test_calibration_needs_probabilities():
    with pytest.raises(TypeError, match=r"needs a classifier with predict_proba.*SVC"):
        neg_calibration_error(LinearSVC().fit(X, Y), X, Y)
