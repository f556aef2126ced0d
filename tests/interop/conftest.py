import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def pool():
    """A pool of 80 rows and its labels, the first 20 of them bought."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 4))
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


@pytest.fixture
def model(pool):
    X, y = pool
    return LogisticRegression().fit(X[:20], y[:20])


@pytest.fixture
def known(pool):
    """Labels with -1 for what nobody has bought."""
    return np.where(np.arange(80) < 20, pool[1], -1)
