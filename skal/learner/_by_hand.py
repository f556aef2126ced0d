"""A run in which somebody labels, and tells the learner."""

import copy
import dataclasses
import time
import warnings

import numpy as np

from skal.labels import RoundCounter, as_positions
from skal.learner._campaign import FOR_INITIAL, Campaign
from skal.learner._initial import initial_order
from skal.strategies import QueryStrategy


class HandCampaign(Campaign):
    """A campaign whose labels come from outside, in any order, with corrections.

    A pickle of it carries no pool: the next labels bring the pool back.

    Parameters
    ----------
    source : container
        The X that the user gave; `pool` holds what became of it.

    Attributes
    ----------
    chooser : QueryStrategy or None
        Picks rows while there is no model; None: they come in the order of `initial`.
    made_for : dict
        Parameters that the learner's strategy had when `strategy` was cloned from it.
    """

    def __init__(self, pool, strategy, seed, *, source, **options):
        super().__init__(pool, strategy, seed, **options)
        self.source = source
        self.chooser = self.initial = self.made_for = None
        self.asked = np.empty(0, dtype=np.intp)
        self.rounds = RoundCounter()
        self.n_recorded = 0
        self.query_time = 0.0

    @property
    def has_pool(self):
        """Whether the pool is there, and not left behind by a pickle."""
        return self.pool.X is not None

    def continued(self, pool, source):
        """Return the campaign with more labels, or None where `pool` is another one."""
        if pool.n_rows != self.pool.n_rows or pool.unlabeled[self.bought].any():
            return None
        other = copy.copy(self)
        other.source = source
        other.history, other.rounds = list(self.history), copy.copy(self.rounds)
        other.take_labels(pool)
        return other

    def take_labels(self, pool):
        """Take in what is labeled now: what was asked for, in that order, then more."""
        new = np.setdiff1d(pool.bought, self.bought, assume_unique=True)
        answered = self.asked[np.isin(self.asked, new)]
        rest = np.setdiff1d(new, answered, assume_unique=True)
        self.bought = np.concatenate([self.bought, answered, rest])
        done = self.rounds.update(len(self.bought))
        n_rounds = self.pool.n_rounds
        self.pool = dataclasses.replace(pool, round=done, n_rounds=n_rounds)

    def train_and_record(self, trainer):
        """Fit on the labels; tell the strategy; add a row to the history.

        Without new labels (corrections, other parameters) the last row is made anew.
        """
        fit_time = self.train(trainer, in_place=False)
        self.strategy._begin(self.pool, self.reader())
        indices = self.bought[self.n_recorded :]
        if len(indices) == 0 and self.history:
            last = self.history.pop()
            indices, self.query_time = last["indices"], last["query_time"]
        self.n_recorded = len(self.bought)
        self.record(indices, fit_time, self.query_time, {})
        self.query_time = 0.0

    def ask(self, query_size, n_initial):
        """Choose the rows to label next; asking twice gives the same answer."""
        n_left = int(self.pool.unlabeled.sum())
        if n_left == 0:
            raise ValueError("The pool is empty: every row of it is labeled.")
        if query_size is None:
            query_size = self._n_wanted(n_initial)
        if query_size > n_left:
            warnings.warn(
                f"query_size is {query_size} and there are {n_left} unlabeled rows "
                f"left: all of them are returned.",
                UserWarning,
                stacklevel=3,
            )
        start = time.perf_counter()
        picked = self._choose(min(query_size, n_left))
        self.query_time += time.perf_counter() - start
        self.asked = picked.copy()
        if self.model is not None or self.chooser is self.strategy:
            self.rounds.ask(len(self.bought), len(picked))
        return picked

    def _n_wanted(self, n_initial):
        """Count what is missing to the first batch."""
        if not isinstance(self.initial, (str, QueryStrategy)):
            chosen = as_positions(self.initial, self.pool.n_rows, "initial")
            return max(1, int(self.pool.unlabeled[chosen].sum()))
        return max(1, n_initial - len(self.pool.labeled))

    def _choose(self, n):
        candidates = self.candidates()
        if len(candidates) < n:  # more asked than a subset of the pool holds
            candidates = np.flatnonzero(self.pool.unlabeled)
        if self.model is not None:
            return self.strategy._query(n, candidates)
        if self.chooser is not None:
            return self.chooser._begin(self.pool, self.reader())._query(n, candidates)
        key = (self.seed, FOR_INITIAL)
        order = initial_order(self.initial, self.pool.n_rows, key)
        return order[self.pool.unlabeled[order]][:n]

    def __getstate__(self):
        state = self.__dict__.copy()
        if self.has_pool:
            state["pool"] = self.pool.without_rows()
        state["source"] = None
        return state
