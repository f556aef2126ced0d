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
        self.X_test = None if X_test is None else as_pool(X_test)
        self.y_test = y_test
        if X_test is not None and n_rows(self.X_test) != len(y_test):
            raise ValueError(
                f"X_test has {n_rows(self.X_test)} rows and y_test has {len(y_test)}: "
                f"give one label a row."
            )
        self.cv = _checked_cv(cv, len(y))

    @property
    def cuts(self):
        """Whether the pool of a run is a part of X."""
        return self.X_test is None

    def splits(self, seed):
        """Yield X, y, X_test, y_test of each fold of a repeat."""
        if self.X_test is not None:
            yield self.X, self.y, self.X_test, self.y_test
            return
        for train, test in self._folds(seed):
            train, test = np.sort(train), np.sort(test)
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
    """Copy a splitter; one that would draw from elsewhere draws from this seed."""
    cv = copy.deepcopy(cv)
    if not isinstance(getattr(cv, "random_state", seed), Integral):
        cv.random_state = seed
    return cv


def _checked_cv(cv, n):
    """Check the parameter `cv`; splits given one by one become positions."""
    if cv is None or isinstance(cv, Integral) or hasattr(cv, "split"):
        return cv
    try:
        folds = [[_positions(part, n) for part in fold] for fold in cv]
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"cv is no list of splits of {n} rows: {error}") from error
    if not folds or any(len(fold) != 2 for fold in folds):
        raise ValueError(
            "cv holds no splits: give an int, a splitter, or pairs of positions to "
            "learn from and positions to score on."
        )
    return folds


def _positions(part, n):
    return np.arange(n)[np.asarray(part)]
