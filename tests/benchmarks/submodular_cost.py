"""What set functions cost on large pools: seconds, and memory beyond the features.

    python tests/benchmarks/submodular_cost.py LogDeterminant FLQMI
    python tests/benchmarks/submodular_cost.py --partitioned FLQMI LogDetMI

Features are a mixture of 30 clusters in float32. Without an option: a million rows of
128 features, 100 queries, 1,000 picks by `maximize`. ``--partitioned``: the size of the
ImageNet experiment of SIMILAR, 664,000 rows of 512 features, 2,500 queries and 25,000
picks in 50 partitions, through ``Partitioned(SubmodularSampling(...)).query``.
``--small``: 5,000 rows of 512 features, 50 queries, 50 private rows, 100 picks. Linux
only: memory is private (RssAnon).
"""

import argparse
import time

import numpy as np
from memory import Peak, status  # beside this script

from skal import submodular
from skal.strategies import Partitioned, SubmodularSampling
from skal.submodular import Similarity, maximize

N_CLUSTERS = 30
SIZES = {  # rows, features, queries, picks
    "large": (1_000_000, 128, 100, 1000),
    "partitioned": (664_000, 512, 2500, 25_000),
    "small": (5000, 512, 50, 100),
}


def mixture(n, d, n_queries):
    """Features; queries and private rows are of one cluster each."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((N_CLUSTERS, d), dtype=np.float32)
    X = rng.standard_normal((n, d), dtype=np.float32)
    clusters = rng.integers(N_CLUSTERS, size=n)
    for start in range(0, n, 10_000):
        X[start : start + 10_000] += centers[clusters[start : start + 10_000]]
    noise = rng.standard_normal((2, n_queries, d), dtype=np.float32)
    query, private = noise + centers[:2, None]
    return X, query, private


def chosen(name, size, X, query, private):
    """Choose with a function, given the sets that it needs."""
    n_picks = SIZES[size][3]
    kind = getattr(submodular, name)
    sets = {"Q": ("query", query), "P": ("private", private)}
    given = dict(sets[letter] for letter in kind.needs)
    if size != "partitioned":
        f = kind(Similarity.from_features(X, **given))
        return maximize(f, n_picks)[0]
    params = {f"{name}_set": rows for name, rows in given.items()}
    strategy = Partitioned(
        SubmodularSampling(kind, **params), n_partitions=50, random_state=0
    )
    return strategy.fit(X).query(n_picks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="+", help="names in skal.submodular")
    parser.add_argument("--partitioned", action="store_true")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    size = next((k for k in ("partitioned", "small") if getattr(options, k)), "large")
    n, d, n_queries, n_picks = SIZES[size]
    tables = mixture(n, d, n_queries)
    for name in options.functions:
        before, peak = status("RssAnon"), Peak()
        peak.start()
        wall, cpu = time.perf_counter(), time.process_time()
        picks = chosen(name, size, *tables)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak.done = True
        peak.join()
        assert len(set(picks.tolist())) == n_picks
        print(
            f"{name}, {n} x {d}, {n_picks} picks: {wall:.2f} s (CPU {cpu:.1f} s), "
            f"{peak.value - before:.0f} MB beyond the features",
            flush=True,
        )


if __name__ == "__main__":
    main()
