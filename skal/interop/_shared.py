"""What the bridges to other libraries share."""

import contextlib

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from skal.containers import as_array, n_rows
from skal.learner._params import nested_params, same_params
from skal.strategies import QueryStrategy


class Chooser:
    """The fitted copy of a strategy that another library asks again and again.

    It stays the same from query to query, so that rounds are counted, and is made anew
    where the parameters of the strategy have changed.
    """

    def __init__(self):
        self.strategy, self.made_for = None, {}

    def of(self, strategy, missing_label):
        """Return the copy of a strategy for labels with this mark for the missing."""
        made_for = nested_params(strategy)
        if not same_params(self.made_for, made_for):
            self.strategy, self.made_for = clone(strategy), made_for
        return self.strategy.set_params(missing_label=missing_label)


def check_strategy(strategy):
    """Refuse what is no strategy of skal."""
    if not isinstance(strategy, QueryStrategy):
        raise TypeError(
            f"strategy is {strategy!r}: give an instance of a strategy of skal."
        )


def scores_at(strategy, positions):
    """Scores of ascending positions, by a strategy that scores; None by another."""
    if not hasattr(strategy, "score_samples"):
        return None
    if strategy._score_hook is None:  # a wrapper, which scores by another one
        return strategy.score_samples()[positions]
    return strategy._scores(positions, strategy._model())


def stack(first, second, names):
    """Put the rows of two containers of one kind below each other."""
    try:
        if sp.issparse(first) or sp.issparse(second):
            return sp.vstack([first, second], format="csr")
        if hasattr(first, "iloc") and hasattr(second, "iloc"):
            return _stacked_frames(first, second)
        if hasattr(first, "detach"):
            import torch

            return torch.cat([first, second])
        if isinstance(first, list) and isinstance(second, list):
            return [*first, *second]
        return np.concatenate([np.asarray(first), np.asarray(second)])
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{names[0]} ({type(first).__name__}) and {names[1]} "
            f"({type(second).__name__}) cannot be put together: {error} Give both as "
            f"the same kind of container, with the same columns."
        ) from error


def _stacked_frames(first, second):
    import pandas as pd

    if list(getattr(first, "columns", [])) != list(getattr(second, "columns", [])):
        raise ValueError("their columns differ.")
    return pd.concat([first, second], ignore_index=True)


def checked_picks(picked, query_size, n_candidates, name, returned=None):
    """Return positions that another library chose, or name who returned others.

    `returned` is what it returned, where `picked` was made of it.
    """
    picks = np.atleast_1d(np.asarray(picked))
    good = (
        picks.shape == (query_size,)
        and picks.dtype.kind in "iu"
        and ((picks >= 0) & (picks < n_candidates)).all()
        and len(np.unique(picks)) == query_size
    )
    if not good:
        raise ValueError(
            f"{name} returned {picked if returned is None else returned!r}: it must "
            f"return {query_size} distinct positions among the {n_candidates} "
            f"candidates."
        )
    return picks.astype(np.intp)


class PoolModel:
    """What the model of a pool says, asked in the way of another library.

    Parameters
    ----------
    reader : Reader
    name : str
        Who asks, for messages.
    """

    def __init__(self, reader, name):
        self.reader, self.name = reader, name

    @property
    def known(self):
        """Whether there is anything to ask."""
        return self.reader.knows("proba")

    def proba_at(self, positions):
        """Probabilities at positions in the pool, in any order."""
        if not self.known:
            raise ValueError(
                f"{self.name} asks for probabilities, and there is nothing to read "
                f"them from: pass `fit` a fitted `estimator`, or an array `proba` with "
                f"one row a row of X."
            )
        ascending, inverse = np.unique(as_array(positions), return_inverse=True)
        return self.reader.read(["proba"], ascending)["proba"][inverse]

    def proba_of(self, X, reader=None):
        """Probabilities of rows that are not in the pool."""
        elsewhere = (reader or self.reader).on(X)
        if not elsewhere.knows("proba"):
            raise ValueError(
                f"{self.name} asks for probabilities of other rows than those of the "
                f"pool, of which arrays say nothing: pass `fit` a fitted `estimator`."
            )
        return elsewhere.read(["proba"], np.arange(n_rows(X)))["proba"]


@contextlib.contextmanager
def numpy_seeded(rng):
    """Seed NumPy's global generator inside the block and restore it after it."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
