"""What BAL learns of a pool is learnt once: in a search, and in several processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.strategies import BAL, sub_pools

BALANCES = [0.6, 1.0, 1.5, 2.5]


class Logged(PCA):
    """Writes a line a fit, with the process that it was in."""

    def __init__(self, n_components=None, log=None, random_state=None):
        super().__init__(n_components, random_state=random_state)
        self.log = log

    def fit(self, X, y=None):
        with Path(self.log).open("a") as log:
            log.write(f"{os.getpid()} {len(X)}\n")
        return super().fit(X)

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def lines(log):
    return log.read_text().split("\n")[:-1]


def search(digits, log, memory, n_jobs=None, refit=True, **params):
    strategy = BAL(representation=Logged(4, log=str(log)), **params)
    learner = ActiveLearner(
        GaussianNB(),
        strategy,
        initial="strategy",
        n_initial=20,
        query_size=10,
        n_rounds=2,
        memory=memory,
        random_state=0,
    )
    values = {"strategy__balance": BALANCES}
    found = GridSearchCV(
        learner, values, cv=3, n_jobs=n_jobs, refit=refit, error_score="raise"
    )
    return found.fit(*digits)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_learns_once_a_fold(digits, log, tmp_path, n_jobs):
    found = search(digits, log, tmp_path / "memory", n_jobs)
    sizes = sorted(int(line.split()[1]) for line in lines(log))
    assert sizes == [200, 200, 200, 300]
    scores = found.cv_results_["mean_test_score"]
    assert len(set(scores)) > 1  # the factor makes a difference
    search(digits, log, tmp_path / "memory")
    assert len(lines(log)) == 4
    without = search(digits, log, None)
    np.testing.assert_array_equal(without.cv_results_["mean_test_score"], scores)
    assert len(lines(log)) == 4 + 13


def test_the_order_is_made_once_a_fold(digits, log, tmp_path, monkeypatch):
    sizes, plain = [], sub_pools.k_means

    def noting(X, *args, **params):
        sizes.append(len(X))
        return plain(X, *args, **params)

    monkeypatch.setattr(sub_pools, "k_means", noting)
    kept = tmp_path / "memory"
    first = search(digits, log, kept, refit=False)
    assert sizes == [200, 200, 200]
    again = search(digits, log, kept, refit=False)
    assert len(sizes) == 3
    scores = [one.cv_results_["mean_test_score"].tolist() for one in (first, again)]
    assert scores[0] == scores[1]
    search(digits, log, kept, n_clusters=4, refit=False)  # another order
    search(digits, log, kept, descending=True, refit=False)
    assert len(sizes) == 9
    search(digits, log, None, refit=False)
    assert len(sizes) == 9 + 12


def test_orders_are_not_mistaken(digits, log, tmp_path):
    X, y = digits
    kinds = [
        {"indicator": indicator, "n_clusters": n, "descending": descending}
        for indicator in ("cdd", "dtc")
        for n in (None, 3)
        for descending in (False, True)
    ]
    for params in kinds:
        orders = []
        for memory in (tmp_path / "memory", None):
            strategy = BAL(representation=Logged(4, log=str(log)), **params)
            learner = ActiveLearner(GaussianNB(), strategy, initial="strategy")
            learner.set_params(n_rounds=1, memory=memory, random_state=0)
            orders.append(learner.fit(X, y).strategy_.order_.tolist())
        assert orders[0] == orders[1]
    assert len(lines(log)) == 1 + len(kinds)


# Both say that they are there, and start when the other has said so too.
RACE = """
import sys, time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.strategies import BAL


class Slow(PCA):
    def fit(self, X, y=None):
        with Path("log").open("a") as log:
            log.write(f"{len(X)}\\n")
        time.sleep(0.3)
        return super().fit(X)

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)


if __name__ == "__main__":
    X, y = load_digits(return_X_y=True)
    learner = ActiveLearner(
        GaussianNB(), BAL(representation=Slow(4)), initial="strategy", n_initial=20,
        query_size=10, n_rounds=2, memory="memory", random_state=0)
    search = GridSearchCV(
        learner, {"strategy__balance": [0.6, 1.0, 1.5, 2.5]}, cv=3, error_score="raise")
    Path(f"ready{sys.argv[1]}").touch()
    deadline = time.monotonic() + 60
    while len(list(Path().glob("ready*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    search.fit(X[:300], y[:300])
    np.save(f"scores{sys.argv[1]}.npy", search.cv_results_["mean_test_score"])
"""


def test_two_searches_at_once_learn_once(tmp_path):
    (tmp_path / "race.py").write_text(RACE)
    workers = [
        subprocess.Popen([sys.executable, "race.py", name], cwd=tmp_path)
        for name in "ab"
    ]
    assert [worker.wait(180) for worker in workers] == [0, 0]
    assert sorted(lines(tmp_path / "log")) == ["200", "200", "200", "300"]
    one, other = (np.load(tmp_path / f"scores{name}.npy") for name in "ab")
    np.testing.assert_array_equal(one, other)


DYING = """
import os, time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

X = np.arange(60.0).reshape(20, 3)
HERE = Path(__file__).parent


class Dying(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        with (HERE / "log").open("a") as log:
            log.write("fit\\n")
        if (HERE / "deadly").exists():
            (HERE / "deadly").unlink()
            time.sleep(5)  # until the other one waits
            os._exit(7)
        return self

    def transform(self, X):
        return 2 * X
"""


LEARN = """
import numpy as np
from skal.readout import learn_features
import dying

reader = learn_features(dying.Dying(), dying.X, "memory")
np.save("out.npy", reader.read(["embedding"], np.arange(20))["embedding"])
"""


def test_a_process_that_dies_while_it_learns_lets_another_one_learn(tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    (tmp_path / "learn.py").write_text(LEARN)
    (tmp_path / "deadly").touch()
    command = [sys.executable, "learn.py"]
    first = subprocess.Popen(command, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (tmp_path / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    subprocess.run(command, cwd=tmp_path, timeout=60, check=True)
    assert first.wait(60) == 7
    out = np.load(tmp_path / "out.npy")
    np.testing.assert_array_equal(out, np.arange(0, 120, 2.0).reshape(20, 3))
    assert lines(tmp_path / "log") == ["fit", "fit"]
