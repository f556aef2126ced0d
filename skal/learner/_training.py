"""Fitting the learner's estimator on what is labeled."""

import contextlib

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _check_method_params

from skal._seeding import seed_params, torch_seeded
from skal.containers import take
from skal.labels import UNLABELED


def silent(estimator, **data):  # noqa: ARG001
    """Announce a round to nobody."""
    return contextlib.nullcontext()


class Trainer:
    """Fits the estimator of a learner, from scratch or from the last weights.

    Parameters
    ----------
    learner : ActiveLearner
    fit_params : dict
        Passed to the estimator's ``fit``; what has one value a row goes with the rows.
    around : callable, default=silent
        ``around(estimator, X=X, y=y)`` is a context in which the estimator is fitted.
    """

    def __init__(self, learner, fit_params, around=silent):
        self.estimator = learner.estimator
        self.use_unlabeled = learner.use_unlabeled
        self.ood_label = learner.ood_label
        self.fit_params = fit_params
        self.around = around
        self.partial = learner.warm_start and hasattr(self.estimator, "partial_fit")
        self.own_warm_start = learner.warm_start and not self.partial
        if self.own_warm_start and "warm_start" not in self.estimator.get_params():
            raise ValueError(
                f"warm_start=True needs an estimator that can go on training: "
                f"{type(self.estimator).__name__} has neither partial_fit nor a "
                f"parameter warm_start. Use warm_start=False."
            )

    def fit(self, pool, seed, previous=None):
        """Fit on the labeled rows of a pool.

        `previous` is what an earlier call returned: the fitted estimator and the
        classes that it can tell apart.
        """
        X, y, params = self._rows(pool)
        known = np.unique(pool.codes[pool.labeled])
        classes = tuple(
            (pool.classes if self.partial else pool.classes[known]).tolist()
        )
        goes_on = self.partial or self.own_warm_start
        if goes_on and previous is not None and previous[1] == classes:
            estimator = previous[0]
        else:
            estimator = self._fresh(seed)
        with self.around(estimator, X=X, y=y), torch_seeded(seed):
            if self.partial:
                estimator.partial_fit(X, y, classes=pool.classes, **params)
            else:
                estimator.fit(X, y, **params)
        return estimator, classes

    def _fresh(self, seed):
        estimator = seed_params(clone(self.estimator), seed)
        if self.own_warm_start:
            estimator.set_params(warm_start=True)
        if self._takes_ood_label:
            estimator.set_params(ood_label=self.ood_label)
        return estimator

    @property
    def _takes_ood_label(self):
        return (
            self.use_unlabeled
            and self.ood_label is not None
            and "ood_label" in self.estimator.get_params(deep=False)
        )

    def _rows(self, pool):
        """Rows to train on, their labels, and the parameters that go with them."""
        if self.use_unlabeled:
            return pool.X, self._partial_labels(pool), self.fit_params
        rows = pool.labeled
        params = _check_method_params(pool.X, self.fit_params, rows)
        return take(pool.X, rows), pool.y, params

    def _partial_labels(self, pool):
        """Labels of the whole pool, -1 for the unlabeled, as scikit-learn has it."""
        if UNLABELED in pool.classes.tolist():
            raise ValueError(
                "use_unlabeled=True marks the unlabeled rows with -1, and -1 is a "
                "class of y: rename that class."
            )
        tell_ood = self._takes_ood_label and len(pool.ood)
        names = [*pool.classes.tolist(), *([self.ood_label] if tell_ood else [])]
        integers = all(isinstance(name, int) for name in names)
        y = np.full(len(pool.codes), UNLABELED, dtype=np.int64 if integers else object)
        y[pool.labeled] = pool.y
        if tell_ood:
            y[pool.ood] = self.ood_label
        return y
