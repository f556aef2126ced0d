"""What a round of the loop costs besides the model and the strategy's kernel.

    python tests/benchmarks/loop.py

Runs 20 rounds of entropy sampling over digits and takes out of the wall time what the
model's ``fit`` and ``predict_proba`` and the kernels ``entropy`` and ``top`` took. Then
times ``import skal`` in fresh interpreters against ``import sklearn.model_selection``.
"""

import os
import statistics
import subprocess
import sys
import time
from unittest import mock

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.strategies import EntropySampling, base, uncertainty

N_ROUNDS, N_RUNS = 20, 5
IMPORT = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


class Clock:
    """Sums the seconds spent in the functions that it wraps."""

    seconds = 0.0

    def wrap(self, function):
        def timed(*args, **kwargs):
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def one_run(X, y):
    """Return the seconds of a run, and those of model and kernels."""
    clock = Clock()
    wrapped = [
        mock.patch.object(LogisticRegression, name, clock.wrap(method))
        for name, method in (
            ("fit", LogisticRegression.fit),
            ("predict_proba", LogisticRegression.predict_proba),
        )
    ]
    wrapped += [
        mock.patch.object(uncertainty, "entropy", clock.wrap(uncertainty.entropy)),
        mock.patch.object(base, "top", clock.wrap(base.top)),
    ]
    learner = ActiveLearner(
        LogisticRegression(max_iter=500),
        EntropySampling(),
        n_initial=50,
        query_size=20,
        n_rounds=N_ROUNDS,
        random_state=0,
    )
    for patch in wrapped:
        patch.start()
    try:
        start = time.perf_counter()
        learner.fit(X, y)
        return time.perf_counter() - start, clock.seconds
    finally:
        mock.patch.stopall()


def import_seconds(code):
    run = [sys.executable, "-c", IMPORT.format(code)]
    return float(subprocess.run(run, capture_output=True, check=True).stdout)


if __name__ == "__main__":
    X, y = load_digits(return_X_y=True)
    one_run(X / 16, y)
    runs = [one_run(X / 16, y) for _ in range(N_RUNS)]
    a_round = [1e3 * (wall - inside) / N_ROUNDS for wall, inside in runs]
    share = [(wall - inside) / wall for wall, inside in runs]
    print(f"loop: {statistics.median(a_round):.2f} ms a round besides model and kernel")
    print(f"      {statistics.median(share):.1%} of the wall time; gate 2 ms")
    both = "import sklearn.model_selection, skal"
    pairs = [
        (import_seconds(both), import_seconds("import sklearn.model_selection"))
        for _ in range(2 * N_RUNS)
    ]
    added = statistics.median(with_skal - without for with_skal, without in pairs)
    print(f"import: skal adds {added:.3f} s to sklearn.model_selection; gate 0.15 s")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
