"""Greedy maximization of set functions."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skal._seeding import draw_seed, generator
from skal.functional import round_to_grid
from skal.functional._arrays import to_numpy
from skal.submodular._base import SetFunction
from skal.submodular._states import State

_OPTIMIZERS = ("auto", "naive", "lazy", "stochastic", "lazier")
_ACTIVE = 2048
_NOTHING = 1e-9  # a gain that is none, in parts of the value so far; 1e-6 in float32


class Selection(tuple):
    """The pair (indices, gains) that `maximize` returns, and what there is to say.

    Attributes
    ----------
    n_filled : int
        How many of the last picks add nothing and were chosen by relevance alone.
    """

    n_filled: int = 0


def maximize(
    f: SetFunction,
    n: float,
    *,
    optimizer: Literal["auto", "naive", "lazy", "stochastic", "lazier"] = "auto",
    epsilon: float = 0.1,
    costs: ArrayLike | None = None,
    random_state: Any = None,
) -> Selection:
    """Choose rows one by one, each the one that adds the most to those before.

    For a monotone submodular function the value is at least 1 - 1/e of the best that n
    rows can have. Functions that are not monotone or not submodular have no such
    guarantee, and greedy choices are often good all the same.

    Parameters
    ----------
    f : set function
        One of this module.
    n : int
        How many rows, at most as many as the pool has; with `costs` a float, what they
        may cost together.
    optimizer : {"auto", "naive", "lazy", "stochastic", "lazier"}, default="auto"
        "naive" asks for all gains at each step, "lazy" only for those that may be the
        largest, since gains of submodular functions never grow: the same rows, sooner.
        "stochastic" looks at a random part of the rows at each step, "lazier" lazily at
        such a part. "auto" is lazy where the function is submodular.
    epsilon : float, default=0.1
        For random parts of ``pool / n * log(1 / epsilon)`` rows, with which the value
        is at least ``1 - 1/e - epsilon`` of the best, in expectation.
    costs : array-like of shape (pool,), default=None
        Positive. Then the row with the largest gain for its cost comes next, among
        those that can be paid for.
    random_state : int, RandomState, Generator or None, default=None
        Draws the random parts.

    Returns
    -------
    indices : ndarray of intp of shape (n,)
        Distinct rows in the order of choice. Equal gains: the lowest position.
    gains : ndarray of shape (n,)
        What each added, negative gains included.

    Raises
    ------
    ValueError
        If a parameter is not as described, a lazy optimizer meets a function that is
        not submodular, or similarities are no covariance where they have to be.

    Notes
    -----
    When no row adds anything, the rest is filled up by similarity to the query set less
    that to the private set; ``n_filled`` of the result says with how many.

    References
    ----------
    .. [1] Nemhauser, Wolsey & Fisher (1978). An analysis of approximations for
       maximizing submodular set functions.
    .. [2] Minoux (1978). Accelerated greedy algorithms for maximizing submodular set
       functions.
    .. [3] Mirzasoleiman et al. (2015). Lazier than lazy greedy. AAAI.

    Examples
    --------
    >>> from skal.submodular import FacilityLocation, Similarity, maximize
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> indices, gains = maximize(FacilityLocation(Similarity.from_matrix(UU)), 2)
    >>> indices, gains.round(6)
    (array([1, 2]), array([2.2, 0.6]))
    """
    _check(f, optimizer, epsilon)
    prices = _prices(n, costs, f.similarity.n)
    state = f.start()
    lazy = optimizer != "naive" and state.bounded
    search = (_Lazy if lazy else _Eager)(state, prices, f)
    n_drawn = None
    if optimizer in ("stochastic", "lazier") and n > 0:
        n_drawn = f.similarity.n * prices.mean() / n * np.log(1 / epsilon)
    rng = generator(draw_seed(random_state))
    run, nothing = _Run(prices, n), 1e-6 if f.similarity.single else _NOTHING
    while run.goes_on():
        rows = None if n_drawn is None else run.some(n_drawn, rng)
        j, gain = search.best(run.left, rows)
        least = nothing * sum(run.gains)
        if state.relevance is not None and gain <= least:
            # others may add more: those that were not drawn, or have a higher price
            left = np.flatnonzero(run.left)
            worth = left[state.gains(left) > least]
            if not len(worth):
                return run.filled_by(to_numpy(state.relevance))
            j, gain = search.best(run.left, worth)
        state.add(j)
        if not state.constant:
            search.forget_gains()
        run.take(j, gain)
    return run.selection()


class _Run:
    """What was chosen, what it cost, and what can still be paid for."""

    def __init__(self, prices: NDArray[np.float64], budget: float) -> None:
        self.prices, self.budget = prices, float(budget) * (1 + _NOTHING)
        self.dearest = prices.max(initial=0.0)
        self.left = np.ones(len(prices), dtype=bool)
        self.picks: list[int] = []
        self.gains: list[float] = []

    def goes_on(self) -> bool:
        """Leave out what is too dear; tell whether anything is left."""
        if self.dearest > self.budget:
            self.left &= self.prices <= self.budget
        return bool(self.left.any())

    def some(self, n: float, rng: np.random.Generator) -> NDArray[np.intp]:
        """Draw about n of the rows that are left."""
        rows = np.flatnonzero(self.left)
        size = max(1, min(len(rows), int(n)))
        return np.sort(rng.choice(rows, size, replace=False))

    def take(self, j: int, gain: float) -> None:
        """Pay for a row."""
        self.left[j] = False
        self.budget -= self.prices[j]
        self.picks.append(j)
        self.gains.append(gain)

    def filled_by(self, relevance: NDArray[Any]) -> Selection:
        """Take the most relevant rows as long as they can be paid for."""
        n_before = len(self.picks)
        for j in np.argsort(-round_to_grid(relevance), kind="stable").tolist():
            if self.left[j] and self.prices[j] <= self.budget:
                self.take(j, 0.0)
        return self.selection(len(self.picks) - n_before)

    def selection(self, n_filled: int = 0) -> Selection:
        """Return what was chosen."""
        indices = np.array(self.picks, np.intp)
        chosen = Selection((indices, np.array(self.gains)))
        chosen.n_filled = n_filled
        return chosen


class _Eager:
    """Asks for the gains of all rows."""

    def __init__(self, state: State, prices: NDArray[np.float64], f: Any) -> None:
        self.state, self.prices = state, prices
        self.dtype = np.float32 if f.similarity.single else np.float64

    def best(
        self, left: NDArray[np.bool_], rows: NDArray[np.intp] | None
    ) -> tuple[int, float]:
        """Return the row with the largest gain for its price, and the gain."""
        rows = np.flatnonzero(left) if rows is None else rows
        gains = self.state.gains(rows)
        place = int(self.on_grid(gains / self.prices[rows]).argmax())
        return int(rows[place]), float(gains[place])

    def on_grid(self, values: NDArray[np.float64]) -> Any:
        """Make values equal that differ by rounding alone."""
        return round_to_grid(values.astype(self.dtype))

    def forget_gains(self) -> None:
        """Nothing is kept."""


class _Lazy(_Eager):
    """Asks for gains only of rows that may have the largest: old ones are bounds.

    A few thousand rows with the largest bounds are looked at, as long as the largest of
    them is no smaller than the bound of all others.
    """

    def __init__(self, state: State, prices: NDArray[np.float64], f: Any) -> None:
        super().__init__(state, prices, f)
        self.bounds = np.full(state.n, np.inf, self.dtype)  # of gains for prices
        self.known = np.empty(state.n)  # the last gains that were asked for
        self.fresh = np.zeros(state.n, dtype=bool)
        self.active, self.beyond = np.empty(0, np.intp), np.inf
        self.first_beyond, self.begun = 0, False

    def best(
        self, left: NDArray[np.bool_], rows: NDArray[np.intp] | None
    ) -> tuple[int, float]:
        """Return the row with the largest gain for its price, and the gain."""
        if rows is not None:
            return self._best_of(rows)
        if not self.begun:
            self._ask(np.arange(self.state.n))
            self.begun = True
        while True:
            active = self.active[left[self.active]]
            if len(active):
                j, gain = self._best_of(active)
                bound = self.bounds[j]
                equal = bound == self.beyond and j < self.first_beyond
                if bound > self.beyond or equal:
                    return j, gain
            self._look_further(np.flatnonzero(left))

    def _best_of(self, rows: NDArray[np.intp]) -> tuple[int, float]:
        n = self.state.batch
        while True:
            bounds, fresh = self.bounds[rows], self.fresh[rows]
            place = int(bounds.argmax())
            if fresh[place]:
                j = int(rows[place])
                return j, float(self.known[j])
            rivals = ~fresh & (bounds >= bounds.max(where=fresh, initial=-np.inf))
            stale = rows[rivals]
            if len(stale) > n:
                stale = np.sort(stale[np.argpartition(-bounds[rivals], n)[:n]])
            self._ask(stale)
            n *= 2

    def _ask(self, rows: NDArray[np.intp]) -> None:
        self.known[rows] = self.state.gains(rows)
        self.bounds[rows] = self.on_grid(self.known[rows] / self.prices[rows])
        self.fresh[rows] = True

    def _look_further(self, rows: NDArray[np.intp]) -> None:
        """Take the rows with the largest bounds, the lowest positions among equals."""
        bounds = self.bounds[rows]
        self.active, self.beyond, self.first_beyond = rows, -np.inf, len(self.bounds)
        n_active = max(_ACTIVE, len(rows) // 16)
        if len(rows) > n_active:
            least = np.partition(bounds, len(rows) - n_active)[len(rows) - n_active]
            above = np.flatnonzero(bounds > least)
            equal = np.flatnonzero(bounds == least)
            n_equal = n_active - len(above)
            chosen = np.sort(np.concatenate([above, equal[:n_equal]]))
            self.active, self.beyond = rows[chosen], float(least)
            if len(equal) > n_equal:
                self.first_beyond = int(rows[equal[n_equal]])

    def forget_gains(self) -> None:
        """Turn gains into bounds: the set has grown."""
        self.fresh[:] = False


def _check(f: Any, optimizer: str, epsilon: float) -> None:
    if not isinstance(f, SetFunction):
        raise TypeError(f"f is {f!r}: give a set function of skal.submodular.")
    if optimizer not in _OPTIMIZERS:
        raise ValueError(
            f"optimizer is {optimizer!r}: give one of {list(_OPTIMIZERS)}."
        )
    if optimizer in ("lazy", "lazier") and not f.submodular:
        raise ValueError(
            f"optimizer is {optimizer!r}, and {type(f).__name__} is not submodular: "
            f"its gains may grow, so that lazy bounds are wrong. Give 'naive' or "
            f"'auto'."
        )
    if not (isinstance(epsilon, Real) and 0 < epsilon < 1):
        raise ValueError(f"epsilon is {epsilon!r}: give a number between 0 and 1.")


def _prices(n: Any, costs: ArrayLike | None, size: int) -> NDArray[np.float64]:
    """Check what may be spent; return what each row costs."""
    number = isinstance(n, Real)
    if costs is None:
        if not (number and 0 <= n <= size and int(n) == n):
            raise ValueError(f"n is {n!r}: give an int from 0 to {size}, the pool.")
        return np.ones(size)
    prices = np.asarray(costs, np.float64)
    if prices.shape != (size,) or not (np.isfinite(prices) & (prices > 0)).all():
        raise ValueError(f"costs must be {size} positive numbers, one a row.")
    if not (number and np.isfinite(n) and n >= 0):
        raise ValueError(f"n is {n!r}: with costs, give what the rows may cost.")
    return prices
