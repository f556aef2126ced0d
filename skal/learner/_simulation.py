"""A run in which y is the oracle: labels are revealed as they are bought."""

import time
import warnings

import numpy as np

from skal.learner._campaign import FOR_INITIAL
from skal.learner._initial import enough, initial_order


class Simulation:
    """Plays a campaign against labels that are known already.

    Parameters
    ----------
    campaign : Campaign
        With nothing labeled yet.
    truth : ndarray of shape (n,)
        The class code of every row.
    trainer : Trainer
    score : callable
        ``score(campaign)`` returns a dict of what is recorded of a round.
    """

    def __init__(self, campaign, truth, trainer, score):
        self.campaign = campaign
        self.truth = truth
        self.trainer = trainer
        self.score = score

    def start(self, initial, n_initial, chooser):
        """Buy the first batch and train on it."""
        start = time.perf_counter()
        campaign = self.campaign
        if chooser is None:
            key = (campaign.seed, FOR_INITIAL)
            n = len(self.truth)
            order = initial_order(initial, n, key, self.truth, n_initial)
            if isinstance(initial, str):
                order = order[: enough(self.truth[order], n_initial)]
            campaign.buy(order, self.truth[order])
        else:
            self._ask_for(n_initial, chooser)
            while len(np.unique(campaign.pool.codes[campaign.pool.labeled])) < 2:
                self._ask_for(1, chooser)
            if chooser is campaign.strategy:
                campaign.next_round()
        self._check_two_classes()
        self._train(campaign.bought, time.perf_counter() - start)

    def play_round(self, query_size):
        """Ask for `query_size` useful labels, buy them, train."""
        start = time.perf_counter()
        before = len(self.campaign.bought)
        self._ask_for(query_size, self.campaign.strategy)
        self.campaign.next_round()
        self._train(self.campaign.bought[before:], time.perf_counter() - start)

    @property
    def exhausted(self):
        """Whether every row is bought."""
        return len(self.campaign.bought) == len(self.truth)

    def _ask_for(self, n_useful, chooser):
        campaign = self.campaign
        chooser._begin(campaign.pool, campaign.reader())
        candidates = campaign.candidates()
        while n_useful > 0 and len(candidates):
            picked = chooser._query(min(n_useful, len(candidates)), candidates)
            campaign.buy(picked, self.truth[picked])
            n_useful -= int((self.truth[picked] >= 0).sum())
            candidates = np.setdiff1d(candidates, picked, assume_unique=True)
            if len(candidates) == 0:  # a subset of the pool is used up
                candidates = campaign.candidates()
        if n_useful > 0 and (self.truth < 0).any():
            warnings.warn(
                f"The pool has no in-distribution row left: the round ends {n_useful} "
                f"labels short. All that was bought is kept.",
                UserWarning,
                stacklevel=5,
            )

    def _train(self, indices, query_time):
        fit_time = self.campaign.train(self.trainer)
        scores = self.score(self.campaign)
        self.campaign.record(indices, fit_time, query_time, scores)

    def _check_two_classes(self):
        counts = self.campaign.class_counts()
        if (counts > 0).sum() < 2:
            seen = self.campaign.pool.classes[counts > 0].tolist()
            raise ValueError(
                f"The first batch holds the classes {seen} only, and a classifier "
                f"needs two: add rows of another class to `initial`, or use 'random'."
            )
