"""What BAL costs: a pool of a million rows, and a search that learns features once.

    python tests/benchmarks/bal_cost.py pool
    python tests/benchmarks/bal_cost.py search

``pool``: 1,000,000 rows of 128 features in float32, 10 clusters; seconds of `fit` and
five queries, and the private memory (RssAnon) that they take beyond the features.
Linux only. ``search``: GridSearchCV over four balancing factors on digits, with a
rotation pretext and ``memory``, in units of the same search over one value, each on an
empty folder; the pretext takes more than four times as long as the rest.
"""

import argparse
import tempfile
import time

import numpy as np
from memory import Peak, status  # beside this script
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearner
from skal.estimators import RotationPretext
from skal.strategies import BAL

SHAPE, N_CLUSTERS, QUERY_SIZE = (1_000_000, 128), 10, 10_000


def pool():
    rng = np.random.default_rng(0)
    X = rng.standard_normal(SHAPE, dtype=np.float32)
    centers = rng.standard_normal((30, SHAPE[1]), dtype=np.float32)
    X += centers[rng.integers(30, size=len(X))]
    proba = rng.dirichlet(np.ones(10), len(X)).astype(np.float32)
    y = np.full(len(X), -1)
    strategy = BAL(n_clusters=N_CLUSTERS, random_state=0)
    before, peak = status("RssAnon"), Peak()
    peak.start()
    start = time.perf_counter()
    for number in range(5):
        begun = time.perf_counter()
        picked = strategy.fit(X, y, embedding=X, proba=proba).query(QUERY_SIZE)
        y[picked] = rng.integers(10, size=len(picked))
        print(f"fit and query {number}: {time.perf_counter() - begun:.2f} s")
    seconds = time.perf_counter() - start
    peak.done = True
    peak.join()
    print(f"together {seconds:.1f} s, {peak.value - before:.0f} MB beyond the features")


def flat(images):
    return images.reshape(len(images), -1)


def search_over(values):
    """Return the seconds of a search on an empty folder, and what was chosen."""
    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    model = make_pipeline(FunctionTransformer(flat), LogisticRegression(max_iter=200))
    with tempfile.TemporaryDirectory() as folder:
        learner = ActiveLearner(
            model,
            BAL(representation=RotationPretext(max_epochs=10)),
            n_initial=50,
            query_size=50,
            n_rounds=3,
            initial="strategy",
            memory=folder,
            random_state=0,
        )
        grid = {"strategy__balance": values}
        start = time.perf_counter()
        search = GridSearchCV(learner, grid, cv=3, refit=False).fit(images, y)
        return time.perf_counter() - start, search.best_params_


def search():
    search_over([1.0])
    one, _ = search_over([1.0])
    four, best = search_over([0.5, 1.0, 1.5, 2.0])
    again, _ = search_over([1.0])
    print(f"one value {one:.1f} s and {again:.1f} s, four {four:.1f} s: {best}")
    print(f"four values cost {2 * four / (one + again):.2f} times one")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["pool", "search"])
    {"pool": pool, "search": search}[parser.parse_args().what]()
