"""Memory of one query over a pool that is larger than what may be held.

    python tests/benchmarks/memory.py [--strategy MarginSampling]

Makes a float32 memmap of 2,000,000 x 100 in a temporary folder and asks a strategy for
100 rows over a linear model. Samples the private memory (RssAnon) from a thread while
the query runs. Linux only.
"""

import argparse
import pathlib
import tempfile
import threading
import time

import numpy as np
from sklearn.linear_model import LogisticRegression

from skal import strategies

SHAPE = (2_000_000, 100)


def status(name):
    """Read a size from the kernel, in MB."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


class Peak(threading.Thread):
    """Samples RssAnon until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.value, self.done = 0.0, False

    def run(self):
        while not self.done:
            self.value = max(self.value, status("RssAnon"))
            time.sleep(0.002)


def make_pool(path):
    pool = np.lib.format.open_memmap(path, "w+", np.float32, SHAPE)
    rng = np.random.default_rng(0)
    for start in range(0, SHAPE[0], 100_000):
        pool[start : start + 100_000] = rng.standard_normal(
            (100_000, SHAPE[1]), dtype=np.float32
        )
    pool.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strategy", default="EntropySampling")
    parser.add_argument("--classes", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_pool(f"{folder}/pool.npy")
        X = np.load(f"{folder}/pool.npy", mmap_mode="r")
        y = np.full(len(X), -1)
        known = np.random.default_rng(1).choice(len(X), 1000, replace=False)
        y[known] = np.arange(1000) % arguments.classes
        model = LogisticRegression().fit(X[known], y[known])
        before = status("RssAnon")
        peak = Peak()
        peak.start()
        start = time.perf_counter()
        strategy = getattr(strategies, arguments.strategy)(random_state=0)
        picked = strategy.fit(X, y, estimator=model).query(100)
        seconds = time.perf_counter() - start
        peak.done = True
        peak.join()
    print(f"{arguments.strategy}, {arguments.classes} classes: {seconds:.1f} s")
    print(f"RssAnon before {before:.0f} MB, peak {peak.value:.0f} MB; gate 700 MB")
    print(f"peak RSS, mapped file included: {status('VmHWM'):.0f} MB")
    assert len(set(picked.tolist())) == 100
