"""What a run learns from and what it is scored on."""

import copy
from numbers import Integral

import numpy as np
from sklearn.model_selection import (
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

from skal.containers import as_pool, n_rows, take


class Splitter:
    """Cuts the rows into a pool and a test part, or leaves them as they came.

    Parameters
    ----------
    X : container of n rows
    y : ndarray of shape (n,)
    X_test, y_test : container and array-like, or None
    cv : int, splitter, iterable of splits, or None
    """

    def __init__(self, X, y, X_test, y_test, cv):
        if (X_test is None) != (y_test is None):
            raise ValueError("X_test and y_test go together: one of them is None.")
        if X_test is not None and cv is not None:
            raise ValueError("cv and X_test are two ways to score: give one of them.")
        if n_rows(X) != len(y):
            raise ValueError(
                f"X has {n_rows(X)} rows and y has {len(y)}: give one label a row."
            )
        self.X, self.y = X, y
        self.X_test, self.y_test = X_test, y_test
        self.cv = cv
        if cv is not None and not hasattr(cv, "split") and not isinstance(cv, Integral):
            self.cv = [(np.asarray(train), np.asarray(test)) for train, test in cv]

    def described(self):
        """Return what a folder of runs is told of the data, by the parameter's name."""
        return {
            "X": self.X,
            "y": self.y,
            "X_test": self.X_test,
            "y_test": self.y_test,
            "cv": self.cv,
        }

    def splits(self, seed):
        """Yield X, y, X_test, y_test of each fold of a repeat."""
        if self.X_test is not None:
            yield self.X, self.y, as_pool(self.X_test), self.y_test
            return
        for train, test in self._folds(seed):
            train, test = np.sort(_positions(train)), np.sort(_positions(test))
            parts = take(self.X, train), self.y[train], take(self.X, test), self.y[test]
            yield parts

    def _folds(self, seed):
        rows = np.zeros(len(self.y))  # splitters look at how many there are
        if isinstance(self.cv, Integral):
            cv = StratifiedKFold(self.cv, shuffle=True, random_state=seed)
        elif self.cv is None:
            cv = StratifiedShuffleSplit(1, test_size=0.25, random_state=seed)
        else:
            cv = _seeded(check_cv(self.cv), seed)
        try:
            return list(cv.split(rows, self.y))
        except ValueError as error:
            how = "a stratified quarter for testing" if self.cv is None else "cv"
            raise ValueError(
                f"y cannot be split into {how}: {error} Give X_test and y_test, or "
                f"another cv."
            ) from error


def _seeded(cv, seed):
    """Give a splitter that would draw from the global state a seed instead."""
    if getattr(cv, "random_state", seed) is None:
        cv = copy.copy(cv)
        cv.random_state = seed
    return cv


def _positions(part):
    part = np.asarray(part)
    return np.flatnonzero(part) if part.dtype == bool else part
