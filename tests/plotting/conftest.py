import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.strategies import MarginSampling

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

NAMES = [f"Strategy with a long name, number {number}" for number in range(11)]


@pytest.fixture(autouse=True)
def _close_figures():
    from matplotlib import pyplot as plt

    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def given_ax():
    """Axes of a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


@pytest.fixture
def twelve():
    return [*NAMES, "random"]


@pytest.fixture
def make_table():
    """A table of results: the runs of some strategies are shorter, if so wanted."""

    def make(names=("Margin", "Random"), n_repeats=3, n_rounds=4, unequal=False):
        rng = np.random.default_rng(0)
        rows = []
        for s, name in enumerate(names):
            for repeat in range(n_repeats):
                for number in range(n_rounds - unequal * ((s + repeat) % 2)):
                    n = 20 + 10 * number + unequal * int(rng.integers(3))
                    rows.append(
                        {
                            "strategy": name,
                            "repeat": repeat,
                            "round": number,
                            "initial": number == 0,
                            "n_labeled": n,
                            "cost": 2 * n,
                            "fit_time": 0.1,
                            "query_time": 0.1,
                            "sampling_bias": rng.uniform(0, 0.3),
                            "accuracy": 0.5 + 0.1 * number + rng.normal(0, 0.02),
                        }
                    )
        return pd.DataFrame(rows)

    return make


@pytest.fixture(scope="session")
def iris():
    X, y = load_iris(return_X_y=True)
    X.setflags(write=False)
    y.setflags(write=False)
    return X, y


@pytest.fixture(scope="session")
def learner(iris):
    """A learner with three rounds, scored by accuracy."""
    X, y = iris
    learner = ActiveLearner(
        LogisticRegression(max_iter=500),
        MarginSampling(),
        n_initial=10,
        query_size=5,
        n_rounds=3,
        scoring="accuracy",
        random_state=0,
    )
    return learner.fit(X, y, X_val=X, y_val=y)
