"""Rows that stand for a pool: centroids moved until they are spread like its rows."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from scipy import sparse

from ._arrays import as_array, device_of, namespace, row_chunks, to_numpy
from ._tables import as_table, cast, squared_norms, unit_rows, working_dtype
from .d2_sampling import d2_sampling
from .ranking import round_to_grid

_CHUNK_CELLS = 2**20
_CHUNK_CENTROIDS = 32
_NONE = -1e30  # a similarity that counts for nothing
_DECAYS, _EPSILON = (0.9, 0.999), 1e-8  # of Adam


def active_ft(
    X: Any,
    n: int,
    rng: np.random.Generator,
    *,
    labeled: Any = None,
    temperature: float = 0.07,
    learning_rate: float = 1e-3,
    n_iterations: int = 300,
    init: Literal["k-means++", "random"] = "k-means++",
    include_self: bool = True,
) -> Any:
    """Pick rows whose distribution is like the pool's, and which are unlike each other.

    Centroids on the unit sphere move so that each row is near one of them and they keep
    away from each other; the row nearest to each is picked. Looks at directions of
    features alone.

    O(n_iterations n (n_rows + n + m) d + n_rows m d) time in matrix products for m
    labeled rows; O((n_rows + n + m) d) memory besides chunks.

    Parameters
    ----------
    X : array-like or tensor of shape (n_rows, d)
        The pool; rows are divided by their lengths.
    n : int
        How many rows to pick, at most as many as there are.
    rng : numpy.random.Generator
        Draws the first centroids.
    labeled : array-like or tensor of shape (m, d), default=None
        Rows that are labeled already: centroids that do not move. Those of the pool
        that are nearest to one of them pull at no other centroid.
    temperature : float, default=0.07
        By which similarities are divided: the lower, the more the nearest counts.
    learning_rate : float, default=1e-3
        Of Adam. Each iteration moves a coordinate by about that much.
    n_iterations : int, default=300
        How many steps.
    init : {"k-means++", "random"}, default="k-means++"
        The first centroids: rows spread by `d2_sampling`, or any rows.
    include_self : bool, default=True
        Whether the centroids that a row's centroid keeps away from include itself, as
        in the authors' code.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (n,)
        Distinct positions in ``X``, in the order of the centroids.

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions, or ``n`` is not from 0 to its rows.

    Notes
    -----
    Three hundred steps of 0.001 move a centroid by 0.3 at most: it stays in the cluster
    in which it began, hence the spread start. The authors start from random rows.

    References
    ----------
    .. [1] Y. Xie, H. Lu, J. Yan, X. Yang, M. Tomizuka and W. Zhan, "Active finetuning:
       Exploiting annotation budget in the pretraining-finetuning paradigm", CVPR 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import active_ft
    >>> X = [[1.0, 0.0], [1.0, 0.1], [0.9, 0.0], [0.0, 1.0], [0.1, 1.0]]
    >>> sorted(active_ft(X, 2, np.random.default_rng(0)) // 3)
    [np.int64(0), np.int64(1)]
    """
    X, fixed = _on_sphere(X, labeled)
    if not 0 <= n <= len(X):
        raise ValueError(f"n must be 0 to {len(X)}, the rows of X, got {n}.")
    if n == 0:
        return as_array(np.empty(0, np.intp), namespace(X), like=X)
    centroids = X[_start(X, fixed, n, rng, init)]
    loss = _Loss(X, fixed, temperature, include_self)
    adam = _Adam(learning_rate)
    for _ in range(n_iterations):
        centroids = adam.step(centroids, loss.gradient(centroids)[1])
    return _nearest_free(X, unit_rows(centroids))


def active_ft_loss(
    X: Any,
    centroids: Any,
    *,
    labeled: Any = None,
    temperature: float = 0.07,
    include_self: bool = True,
) -> float:
    """Loss that `active_ft` lowers: how far rows are from centroids, and these apart.

    ``mean_i log(exp(s_i) + sum_j exp(c_j . c_k / T)) - s_i`` over rows of unit length,
    with ``s_i = max_k x_i . c_k / T`` and k its argmax. Rows that are nearest to a
    labeled row add 0 to the mean, of all rows still.

    O(n m d) time; O((n + m) d) memory besides chunks.

    Parameters
    ----------
    X : array-like or tensor of shape (n, d)
        The pool; rows are divided by their lengths.
    centroids : array-like or tensor of shape (m, d)
        Divided by their lengths.
    labeled : array-like or tensor, default=None
        Rows that are labeled already, which the centroids keep away from too.
    temperature, include_self : float, bool
        As for `active_ft`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions, the columns differ, or ``X`` or ``centroids``
        has no row.

    Examples
    --------
    >>> from skal.functional import active_ft_loss
    >>> X = [[1.0, 0.0], [0.0, 1.0]]
    >>> round(active_ft_loss(X, [[1.0, 0.0]], temperature=1.0), 6)
    1.003204
    """
    X, fixed = _on_sphere(X, labeled)
    centroids = cast(as_table(centroids, "centroids", like=X), X.dtype)
    if not (len(X) and len(centroids)):
        raise ValueError(
            f"X and centroids must have a row at least, got {len(X)} and "
            f"{len(centroids)}."
        )
    return _Loss(X, fixed, temperature, include_self).gradient(centroids)[0]


def _on_sphere(X: Any, labeled: Any) -> tuple[Any, Any]:
    """Return the rows of both tables with unit length."""
    X = as_table(X, "X")
    fixed = X[:0] if labeled is None else as_table(labeled, "labeled", like=X)
    dtype = working_dtype(X)
    return unit_rows(cast(X, dtype)), unit_rows(cast(fixed, dtype))


def _start(X: Any, fixed: Any, n: int, rng: np.random.Generator, init: str) -> Any:
    """Positions of the rows from which the centroids begin."""
    if init not in ("k-means++", "random"):
        raise ValueError(f"init must be 'k-means++' or 'random', got {init!r}.")
    if init == "random":
        return as_array(rng.choice(len(X), n, replace=False), namespace(X), like=X)
    return d2_sampling(X, n, rng, initial=fixed if len(fixed) else None)


class _Loss:
    """The loss of centroids and its gradient, by chunks of rows."""

    def __init__(
        self, X: Any, fixed: Any, temperature: float, include_self: bool
    ) -> None:
        self.X, self.fixed, self.xp = X, fixed, namespace(X)
        self.temperature, self.include_self = temperature, include_self
        self.to_fixed = None  # similarity to the nearest labeled row
        if len(fixed):
            parts = _chunks(len(X), len(fixed))
            nearest = [self.xp.max(X[rows] @ fixed.T, axis=1) for rows in parts]
            self.to_fixed = self.xp.concat(nearest)

    def gradient(self, centroids: Any) -> tuple[float, Any]:
        """Return the loss, and its gradient by the centroids as they are."""
        xp, unit = self.xp, unit_rows(centroids)
        apart, push = self._apart(unit)
        loss, weights, pull = 0.0, 0 * apart, 0 * unit
        for rows in _chunks(len(self.X), len(unit)):
            block = self.X[rows]
            products = block @ unit.T
            own, nearest = xp.argmax(products, axis=1), xp.max(products, axis=1)
            gap = apart[own] - nearest / self.temperature
            counts = xp.ones_like(gap)
            if self.to_fixed is not None:  # rows of a labeled row pull no centroid
                counts = xp.astype(nearest > self.to_fixed[rows], gap.dtype)
            loss += float(xp.sum(counts * xp.logaddexp(gap, 0 * counts)))
            shares = _by_centroid(own, counts * (1 + xp.tanh(gap / 2)) / 2, len(unit))
            pull = pull + shares @ block
            weights = weights + shares @ xp.ones_like(gap)
        gradient = (weights[:, None] * push - pull) / (self.temperature * len(self.X))
        along = xp.sum(gradient * unit, axis=1)[:, None]
        lengths = xp.sqrt(squared_norms(centroids))
        lengths = xp.where(lengths > 0, lengths, xp.ones_like(lengths))  # rows of zeros
        return loss / len(self.X), (gradient - along * unit) / lengths[:, None]

    def _apart(self, unit: Any) -> tuple[Any, Any]:
        """Log of the similarities of a centroid to all, and the mean it flees from."""
        xp, others = self.xp, self.xp.concat([unit, self.fixed])
        numbers = as_array(np.arange(len(others)), xp, like=unit)
        logs, means = [], []
        for rows in _chunks(len(unit), len(others)):
            logits = unit[rows] @ others.T / self.temperature
            if not self.include_self:
                itself = numbers[rows][:, None] == numbers
                logits = xp.where(itself, xp.full_like(logits, _NONE), logits)
            top = xp.max(logits, axis=1)
            terms = xp.exp(logits - top[:, None])
            total = xp.sum(terms, axis=1)
            logs.append(xp.log(total) + top)
            means.append(terms @ others / total[:, None])
        return xp.concat(logs), xp.concat(means)


def _chunks(n_rows: int, n_columns: int) -> Iterator[slice]:
    return row_chunks(n_rows, max(1, _CHUNK_CELLS // n_columns))


def _by_centroid(own: Any, shares: Any, n: int) -> Any:
    """Return the shares of rows as a table (n, rows), by centroid."""
    xp = namespace(shares)
    if device_of(shares) is None:
        starts = np.arange(len(own) + 1)
        table = sparse.csr_array((shares, own, starts), shape=(len(own), n))
        return table.T.tocsr()
    numbers = as_array(np.arange(n), xp, like=shares)
    return xp.where(own == numbers[:, None], shares, xp.zeros_like(shares))


class _Adam:
    """Steps down a gradient, each coordinate at its own scale."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate, self.n_steps = learning_rate, 0
        self.mean: Any = 0.0
        self.square: Any = 0.0

    def step(self, values: Any, gradient: Any) -> Any:
        """Return the values one step further."""
        self.n_steps += 1
        first, second = _DECAYS
        self.mean = first * self.mean + (1 - first) * gradient
        self.square = second * self.square + (1 - second) * gradient**2
        mean = self.mean / (1 - first**self.n_steps)
        scale = namespace(values).sqrt(self.square / (1 - second**self.n_steps))
        return values - self.learning_rate * mean / (scale + _EPSILON)


def _nearest_free(X: Any, centroids: Any) -> Any:
    """Pick for each centroid in turn the most similar row that is not taken yet."""
    xp, taken = namespace(X), np.zeros(len(X), dtype=bool)
    picks = np.empty(len(centroids), np.intp)
    for part in row_chunks(len(centroids), _CHUNK_CENTROIDS):
        products = round_to_grid(to_numpy(centroids[part] @ X.T))
        for number, row in enumerate(products, start=part.start):
            row[taken] = -np.inf
            picks[number] = row.argmax()
            taken[picks[number]] = True
    return as_array(picks, xp, like=X)
