"""Fitting the learner's estimator on what is labeled."""

import contextlib
import copy

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _check_method_params

from skal._seeding import seed_params, torch_seeded
from skal.containers import take
from skal.labels import UNLABELED
from skal.learner._params import nested_params, same_params


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
        self.made_for = nested_params(self.estimator)
        self.partial = learner.warm_start and hasattr(self.estimator, "partial_fit")
        self.takes_new_classes = getattr(self.estimator, "takes_new_classes", False)
        self.own_warm_start = learner.warm_start and not self.partial
        if self.own_warm_start:
            self._check_warm_start()

    def _check_warm_start(self):
        kind = type(self.estimator)
        if "warm_start" not in self.estimator.get_params():
            raise ValueError(
                f"warm_start=True needs an estimator that can go on training: "
                f"{kind.__name__} has neither partial_fit nor a parameter warm_start. "
                f"Use warm_start=False."
            )
        if kind.__module__.startswith("sklearn.ensemble"):
            raise ValueError(
                f"warm_start=True needs an estimator that trains on what it has: "
                f"{kind.__name__} adds members and leaves the old ones as they are. "
                f"Use warm_start=False."
            )

    def fit(self, pool, seed, previous=None, *, in_place=True):
        """Fit on the labeled rows of a pool.

        `previous` is what an earlier call returned: the fitted estimator, the classes
        that it was trained on, and the parameters that it was made for. Where training
        goes on from it, it is changed, or copied before unless `in_place`.
        """
        X, y, params = self._rows(pool)
        classes = pool.classes[np.unique(pool.codes[pool.labeled])]
        if self._goes_on(previous, classes):
            estimator = previous[0] if in_place else copy.deepcopy(previous[0])
        else:
            estimator = self._fresh(seed)
        with self.around(estimator, X=X, y=y), torch_seeded(seed):
            if self.partial:
                estimator.partial_fit(X, y, classes=classes, **params)
            else:
                estimator.fit(X, y, **params)
        self._check_marks(estimator)
        return estimator, classes.tolist(), self.made_for

    def _goes_on(self, previous, classes):
        return (
            (self.partial or self.own_warm_start)
            and previous is not None
            and (previous[1] == classes.tolist() or self.takes_new_classes)
            and same_params(previous[2], self.made_for)
        )

    def _check_marks(self, estimator):
        known = np.asarray(getattr(estimator, "classes_", ())).tolist()
        if self.use_unlabeled and UNLABELED in known:
            raise ValueError(
                f"{type(estimator).__name__} took -1, the mark of unlabeled rows, for "
                f"a class: use_unlabeled=True needs a semi-supervised estimator."
            )

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
        self._check_weights(len(pool.codes))
        if self.use_unlabeled:
            return pool.X, self._partial_labels(pool), self.fit_params
        rows = pool.labeled
        params = _check_method_params(pool.X, self.fit_params, rows)
        X = take(pool.X, rows)
        if isinstance(X, np.ndarray) and np.may_share_memory(X, pool.X):
            X = X.copy()  # what an estimator does to its input is no matter of the user
        return X, pool.y, params

    def _partial_labels(self, pool):
        """Labels of the whole pool, -1 for the unlabeled, as scikit-learn has it."""
        if UNLABELED in pool.classes.tolist():
            raise ValueError(
                "use_unlabeled=True marks the unlabeled rows with -1, and -1 is a "
                "class of y: rename that class."
            )
        kinds = {pool.classes.dtype.kind}
        if self._takes_ood_label:
            kinds.add(np.asarray(self.ood_label).dtype.kind)
        integers, numbers = kinds <= set("biu"), kinds <= set("biuf")
        dtype = np.int64 if integers else np.float64 if numbers else object
        y = np.full(len(pool.codes), UNLABELED, dtype)
        y[pool.labeled] = pool.y
        if self._takes_ood_label:
            y[pool.ood] = self.ood_label
        return y

    def _check_weights(self, n):
        for name, values in self.fit_params.items():
            weights = name.split("__")[-1] == "sample_weight" and np.ndim(values) == 1
            if weights and len(values) != n:
                raise ValueError(
                    f"{name} has {len(values)} values and the pool has {n} rows: give "
                    f"one a row, also for rows that nobody has labeled yet."
                )
