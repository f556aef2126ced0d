"""The base of strategies that choose in another part of an ordered pool each round."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from skal.containers import n_rows
from skal.functional import round_to_grid
from skal.strategies._asking import Asking
from skal.strategies.uncertainty import LeastConfidenceSampling

_N_ROUNDS = 10  # where nobody says how many


class SubPools(Asking):
    """Base of strategies that divide an order of the pool among the rounds.

    A subclass says what orders the pool (`_reads`, `_hardness`), which part of the
    order belongs to a round (`_window`), and what of it comes first (`_first`).

    Attributes
    ----------
    order_ : ndarray of shape (n,), dtype intp
        Positions in the pool, the hardest first.
    sub_pools_ : dict of int to (start, stop)
        Of each round so far, the part of `order_` in which it chose; where that held
        too few rows, its neighbors were added.
    sampler_ : QueryStrategy
        The clone that chooses in the sub-pools.
    """

    _held: ClassVar[str] = "sampler"
    _reads: ClassVar[Any] = "pretext_loss"

    n_rounds: int | None = None
    sampler: Any = None
    representation: Any = None
    estimator: Any = None

    def _begin(self, pool, reader):
        super()._begin(pool, reader)
        if pool.n_bought == 0 and self.__dict__.get("_learnt") is None:
            self.__dict__.pop("_ordered", None)  # perhaps other features of this pool
        return self

    def _given(self):
        return LeastConfidenceSampling() if self.sampler is None else self.sampler

    def _read_by_inner(self):
        """Let the sampler read the model, and not what orders the pool."""
        return self._model().with_features(None)

    def _transformer(self, X):
        """Take rotation prediction for losses of images that nobody says more of."""
        images = getattr(X, "ndim", 0) in (3, 4)
        if self.representation is not None or self._reads == "embedding" or not images:
            return self.representation
        if "_rotations" not in self.__dict__:
            from skal.estimators import RotationPretext

            self._rotations = RotationPretext()
        return self._rotations

    def _lacks(self, reader):
        """Name what the first batch would miss: only the order is needed for it."""
        learns = self._transformer(reader.X) is not None
        return [] if learns or reader.knows(self._reads) else [self._reads]

    def _select(self, query_size, candidates, n_classes, round, n_rounds):  # noqa: A002
        self._check()
        order = self._order(n_classes)
        total = self.n_rounds or n_rounds or _N_ROUNDS
        window = self._window(round, total, query_size, len(order))
        places = np.flatnonzero(np.isin(order, candidates, kind="table"))
        ordered = order[places[_inside(places, window, query_size)]]
        if self._begins():
            picked = ordered[self._first(len(ordered), query_size)]
        else:
            picked = self.sampler_._query(query_size, np.sort(ordered))
        before = self.__dict__.get("sub_pools_", {}).items()
        known = {number: part for number, part in before if number < round}
        self.order_, self.sub_pools_ = order, known | {round: window}
        return np.searchsorted(candidates, picked)

    def _begins(self):
        """Tell whether the sampler has nothing to go by: no label, or no model."""
        lacking = self.sampler_._lacks(self.sampler_._reader)
        return self._pool.n_bought == 0 or bool(self._knows_one_class and lacking)

    @property
    def _knows_one_class(self):
        """Whether the labels are of fewer classes than a model is trained on."""
        return len(np.unique(self._pool.labeled_y)) < 2

    def _model(self):
        return self._reader if self._knows_one_class else super()._model()

    def _order(self, n_classes):
        """Order the pool, the hardest first, once as long as it stays the same."""
        X, about = self._pool.X, self._about()
        made = self.__dict__.get("_ordered")
        if made is not None and made[1] == about and self._is_of(*made[::2]):
            self._ordered: Any = (X, about, made[2])
            return made[2]
        reader = self._model()
        if not reader.knows(self._reads):
            raise ValueError(self._nothing_to_read())

        def make():
            values = reader.read([self._reads], np.arange(n_rows(X)))[self._reads]
            hardness = round_to_grid(self._hardness(values, n_classes))
            return np.argsort(-hardness, kind="stable")

        learnt = self.__dict__.get("_learnt")
        if learnt is None:
            order = make()
        else:
            order = learnt[1].once(f"-{'-'.join(map(str, (*about, n_classes)))}", make)
        self._ordered = (X, about, order)
        return order

    def _is_of(self, X, order):
        """Tell whether an order is of this pool: a pickle keeps the order only."""
        pool = self._pool
        returned = X is None and pool.n_bought > 0
        return X is pool.X or (returned and len(order) == pool.n_rows)

    def _about(self):
        """Return what the order depends on, besides pool and representation."""
        return ("loss",)

    def _hardness(self, values, n_classes):  # noqa: ARG002
        return values

    def _nothing_to_read(self):
        such = "with sample_losses, such as skal.estimators.RotationPretext()"
        if self._reads == "embedding":
            such = "such as PCA(50), or fit(X, y, embedding=...)"
        return (
            f"{type(self).__name__} orders the pool by `{self._reads}`, and there is "
            f"nothing to read it from: give a `representation` {such}."
        )

    def _check(self):
        check_count("n_rounds", self.n_rounds, 1)

    def set_params(self, **params):
        """Set parameters; another representation makes another order."""
        if any(name.split("__")[0] == "representation" for name in params):
            self.__dict__.pop("_ordered", None)
        return super().set_params(**params)

    def _drop_pool(self, kept):
        super()._drop_pool(kept)
        if "_ordered" in self.__dict__:
            self._ordered = (None, *self._ordered[1:])


def _inside(places, window, n):
    """Mask of the places in a window, widened until it holds n of them.

    It grows by one place at a time, first at its start, then at its end.
    """
    start, stop = window
    beyond = np.maximum(start - places, places - stop + 1)
    steps = np.where(beyond > 0, 2 * beyond - (places < start), 0)
    if (steps == 0).sum() >= n:
        return steps == 0
    return steps <= np.partition(steps, n - 1)[n - 1]


def check_count(name, value, least):
    """Refuse what is neither None nor an int of some size."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (whole and value >= least):
        raise ValueError(
            f"{name} is {value!r}: give an int of {least} or more, or None."
        )
