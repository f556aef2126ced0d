import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal.evaluation import compare_strategies
from skal.strategies import MarginSampling, RandomSampling


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    X = (X / 16)[:600]
    X.setflags(write=False)
    y = y[:600].copy()
    y.setflags(write=False)
    return X, y


@pytest.fixture
def compare(digits):
    """Run a small comparison; every argument can be replaced."""

    def run(strategies=None, estimator=None, X=None, y=None, **params):
        params = {
            "n_initial": 20,
            "query_size": 10,
            "n_rounds": 3,
            "n_repeats": 2,
            "random_state": 0,
        } | params
        return compare_strategies(
            LogisticRegression(max_iter=200) if estimator is None else estimator,
            strategies or {"Margin": MarginSampling(), "Random": RandomSampling()},
            digits[0] if X is None else X,
            digits[1] if y is None else y,
            **params,
        )

    return run


@pytest.fixture
def make_results():
    """Make a table of given scores: a dict of name to (repeats, rounds)."""

    def make(scores, budgets=None):
        rows = []
        for name, table in scores.items():
            for repeat, run in enumerate(np.asarray(table, dtype=float)):
                for i, value in enumerate(run):
                    n = 50 * (i + 1) if budgets is None else budgets[name][i]
                    row = {"strategy": name, "repeat": repeat, "round": i}
                    rows.append(row | {"n_labeled": n, "cost": n, "accuracy": value})
        return pd.DataFrame(rows)

    return make


def without_times(results):
    return results.drop(columns=["fit_time", "query_time"])
