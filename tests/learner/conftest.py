import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    X = (X / 16)[:900]
    X.setflags(write=False)
    y = y[:900].copy()
    y.setflags(write=False)
    return X, y


@pytest.fixture
def make():
    """Build a small learner; every parameter can be replaced."""

    def build(strategy=None, estimator=None, **params):
        params = {
            "n_initial": 40,
            "query_size": 20,
            "n_rounds": 3,
            "random_state": 0,
        } | params
        model = LogisticRegression(max_iter=200) if estimator is None else estimator
        return ActiveLearner(model, strategy, **params)

    return build


@pytest.fixture
def masked():
    """Hide labels: all but those at the given positions become -1."""

    def mask(y, known):
        out = np.full(len(y), -1)
        out[known] = y[known]
        return out

    return mask
