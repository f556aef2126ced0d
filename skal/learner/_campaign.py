"""One pool being labeled: what was bought, in which order, and by which models."""

import dataclasses
import time

import numpy as np

from skal._seeding import derive, generator
from skal.metrics import sampling_bias
from skal.readout import Reader

# What a seed is for: the first part of every key after the campaign's own seed.
FOR_STRATEGY, FOR_INITIAL, FOR_SUB_POOL, FOR_TRAINING, FOR_READING = range(5)


FACTS = {
    "round",
    "n_labeled",
    "cost",
    "indices",
    "fit_time",
    "query_time",
    "sampling_bias",
    "class_counts",
}


class Campaign:
    """The state of a learner and its strategy on one pool.

    Parameters
    ----------
    pool : Pool
        What is labeled when the campaign starts.
    strategy : QueryStrategy
        Begins anew in each round, on the same pool.
    seed : int
        Everything left to chance follows from it and from what has been bought.
    pool_size : int or None
    memory : path or None
    """

    def __init__(self, pool, strategy, seed, *, pool_size=None, memory=None):
        self.pool = pool
        self.strategy = strategy
        self.seed = seed
        self.pool_size = pool_size
        self.memory = memory
        self.bought = np.empty(0, dtype=np.intp)
        self.model = None
        self.history = []

    @property
    def estimator(self):
        """The fitted model of the last round, or None."""
        return None if self.model is None else self.model[0]

    def key(self, purpose):
        """Key of a random stream for a purpose, at this number of labels."""
        return self.seed, purpose, len(self.bought)

    def reader(self):
        """Return a new reader of the last model."""
        return Reader(
            self.pool.X,
            self.estimator,
            classes=self.pool.classes,
            seed=derive(*self.key(FOR_READING)),
            memory=self.memory,
        )

    def train(self, trainer, **options):
        """Fit the estimator on what is labeled; return the seconds it took."""
        start = time.perf_counter()
        seed = derive(*self.key(FOR_TRAINING))
        self.model = trainer.fit(self.pool, seed, self.model, **options)
        return time.perf_counter() - start

    def candidates(self):
        """Positions to choose from: the unlabeled rows, or a fresh subset of them."""
        unlabeled = np.flatnonzero(self.pool.unlabeled)
        if self.pool_size is None or self.pool_size >= len(unlabeled):
            return unlabeled
        rng = generator(*self.key(FOR_SUB_POOL))
        return np.sort(rng.choice(unlabeled, self.pool_size, replace=False))

    def buy(self, positions, codes):
        """Take in labels, in the order in which they were bought."""
        known = self.pool.codes.copy()
        known[positions] = codes
        self.pool = dataclasses.replace(self.pool, codes=known)
        self.bought = np.concatenate([self.bought, positions])

    def next_round(self):
        """Count one more acquisition by the strategy."""
        self.pool = dataclasses.replace(self.pool, round=self.pool.round + 1)

    def record(self, indices, fit_time, query_time, scores):
        """Add a row to the history."""
        if taken := sorted(scores.keys() & FACTS):
            raise ValueError(
                f"scoring names a score {taken[0]!r}, which is a column of history_ "
                f"already: rename it."
            )
        counts = self.class_counts()
        self.history.append(
            {
                "round": len(self.history),
                "n_labeled": int(counts.sum()),
                "cost": len(self.bought),
                "indices": indices.copy(),
                "fit_time": fit_time,
                "query_time": query_time,
                "sampling_bias": self.sampling_bias(),
                "class_counts": dict(
                    zip(self.pool.classes.tolist(), counts.tolist(), strict=True)
                ),
                **scores,
            }
        )

    def class_counts(self):
        """Count the labels bought of each class."""
        codes = self.pool.codes
        return np.bincount(codes[codes >= 0], minlength=len(self.pool.classes))

    def sampling_bias(self):
        """Measure the bias of what was bought; NaN while there are not two classes."""
        codes, n_classes = self.pool.codes[self.pool.labeled], len(self.pool.classes)
        if n_classes < 2 or len(codes) == 0:
            return float("nan")
        return sampling_bias(codes, classes=np.arange(n_classes))

    def attributes(self):
        """Fitted attributes of the learner at this point."""
        return {
            "estimator_": self.estimator,
            "strategy_": self.strategy,
            "classes_": self.pool.classes,
            "labeled_indices_": self.bought.copy(),
            "history_": list(self.history),
            "sampling_bias_": self.sampling_bias(),
            "cost_": len(self.bought),
        }
