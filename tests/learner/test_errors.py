"""Bad input: an error that names the parameter and the remedy."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

from skal import ActiveLearner
from skal.strategies import CoreSet, EntropySampling, MarginSampling


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_a_missing_label_points_to_teach(make, digits, missing):
    X, y = digits
    y = y.astype(object)
    y[7] = missing
    with pytest.raises(ValueError, match="teach"):
        make().fit(X, y)


def test_minus_one_is_a_class_with_a_warning(make, digits):
    X, y = digits
    with pytest.warns(UserWarning, match="teach"):
        learner = make().fit(X, np.where(y > 4, 1, -1))
    assert learner.classes_.tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (None, "y"),
        (np.zeros(900), "class"),
        (np.zeros((900, 2)), "1d"),
        (np.zeros(899), "rows"),
        (np.r_[np.inf, np.zeros(899)], "infinity"),
        (np.linspace(0, 1, 900), "Unknown label type"),
        (np.array([1, "a", None] * 300, dtype=object), "missing"),
        (np.array([1, "a"] * 450, dtype=object), "types"),
    ],
    ids=["none", "one-class", "2-D", "short", "inf", "continuous", "missing", "mixed"],
)
def test_labels(make, digits, y, match):
    with pytest.raises(ValueError, match=match):
        make().fit(digits[0], y)


@pytest.mark.parametrize("name", ["n_initial", "query_size"])
@pytest.mark.parametrize("wrong", [0, -3, 1.5, 0.0, -0.1, True, "many", None, [5]])
def test_counts(make, digits, name, wrong):
    with pytest.raises((ValueError, TypeError), match=name):
        make(**{name: wrong}).fit(*digits)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_initial": 901}, "n_initial is 901 and the pool has 900"),
        ({"n_rounds": -1}, "n_rounds"),
        ({"n_rounds": 2.5}, "n_rounds"),
        ({"pool_size": 0}, "pool_size"),
        ({"warm_start": "yes"}, "warm_start"),
        ({"use_unlabeled": 3}, "use_unlabeled"),
        ({"initial": "hardest"}, "initial"),
        ({"initial": [0, 900]}, "initial"),
        ({"initial": [-1, 5]}, "initial"),
        ({"initial": [3, 3]}, "initial"),
        ({"initial": []}, "initial"),
        ({"initial": np.ones(7, dtype=bool)}, "initial"),
        ({"strategy": "entropy"}, "strategy is 'entropy'.*MarginSampling"),
        ({"strategy": EntropySampling}, "strategy"),
        ({"estimator": LogisticRegression}, "estimator is the class"),
        ({"estimator": LinearRegression()}, "classifier"),
        ({"pool_size": 5}, "pool_size is 5 and query_size is 20"),
        ({"strategy": CoreSet(representation="pca")}, "representation"),
        ({"random_state": "seed"}, "random_state"),
        ({"estimator": LogisticRegression(solver="no such")}, "solver"),
    ],
    ids=str,
)
def test_parameters(make, digits, params, match):
    with pytest.raises((ValueError, TypeError), match=match):
        make(**params).fit(*digits)


def test_an_estimator_that_is_none(digits):
    with pytest.raises(ValueError, match="estimator"):
        ActiveLearner(None).fit(*digits)


def test_a_model_without_probabilities(make, digits):
    with pytest.raises(TypeError, match="predict_proba"):
        make(EntropySampling(), RidgeClassifier()).fit(*digits)
    assert make(CoreSet(), RidgeClassifier()).fit(*digits).cost_ == 100
    assert not hasattr(make(CoreSet(), RidgeClassifier()), "predict_proba")


@pytest.mark.parametrize("method", ["fit", "predict_proba"])
def test_the_error_of_a_model_comes_through(make, digits, method):
    def fail(*_args, **_params):
        raise ZeroDivisionError("mine")

    kind = type("Broken", (LogisticRegression,), {method: fail})
    with pytest.raises(ZeroDivisionError, match="mine"):
        make(EntropySampling(), kind()).fit(*digits)


def test_validation_data(make, digits):
    X, y = digits
    with pytest.raises(ValueError, match="no such"):
        make(scoring="no such").fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="X_val"):
        make(scoring="accuracy").fit(X, y)
    with pytest.raises(ValueError, match="together"):
        make().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val has 900 rows and y_val has 899"):
        make().fit(X, y, X_val=X, y_val=y[1:])


def test_not_fitted_yet(make, digits):
    for method in ("predict", "predict_proba", "decision_function", "score_samples"):
        with pytest.raises(Exception, match="not fitted"):
            getattr(make(MarginSampling()), method)(digits[0])


def test_a_text_that_numpy_made_of_minus_one(make, digits):
    X, _ = digits
    y = np.array(["a", "b", -1] * 300)
    with pytest.raises(ValueError, match="dtype=object"):
        make().teach(X, y)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([np.nan, 1.0], r"NaN or infinity in row 0"),
        ([np.inf, 1.0], r"NaN or infinity"),
        ([-0.5, 1.5], "negative"),
        ([0.9, 0.2], "sums to 1.1"),
    ],
)
def test_a_model_that_says_no_probabilities(make, digits, rows, match):
    class Liar(LogisticRegression):
        def predict_proba(self, X):
            return np.tile(rows, (len(X), 1))

    X, y = digits
    with pytest.raises(ValueError, match=f"proba .*{match}"):
        make(EntropySampling(), Liar()).fit(X, y > 4)


def test_row_sums_may_be_off_by_rounding(make, digits):
    class Rounded(LogisticRegression):
        def predict_proba(self, X):
            return super().predict_proba(X).round(4)

    assert make(EntropySampling(), Rounded(max_iter=200)).fit(*digits).cost_ == 100


def test_an_out_of_distribution_label_that_never_comes(make, digits):
    with pytest.warns(UserWarning, match="ood_label is 'none'"):
        make(ood_label="none").fit(*digits)


def test_warnings_point_to_who_called(make, digits):
    X, y = digits
    few = np.r_[np.flatnonzero(y < 5)[:50], np.flatnonzero(y == 5)[:30]]
    with pytest.warns(UserWarning, match="in-distribution") as ran_out:
        make(ood_label=5).fit(X[few], y[few])
    with pytest.warns(UserWarning, match="as a class") as sentinel:
        make().fit(X, np.where(y > 4, 1, -1))
    with pytest.warns(UserWarning, match="no row") as unused:
        make(ood_label=77).fit(X, y)
    learner = make().teach(X, np.where(np.arange(900) < 890, y, -1))
    with pytest.warns(UserWarning, match="query_size") as too_many:
        learner.query(50)
    for record in (ran_out, sentinel, unused, too_many):
        assert {warning.filename for warning in record} == {__file__}


def test_no_pool():
    with pytest.raises(ValueError, match="X is None"):
        CoreSet().fit(None, embedding=np.zeros((3, 1)))
