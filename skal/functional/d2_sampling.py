"""D² sampling (the seeding of k-means++), over points and over factored gradients.

Weights are taken from all rows once in a while and used until they are out of date:
a row drawn from them is kept with the probability that its true weight is of the old
one. What is kept has the distribution of draws one at a time, and only the rows drawn
are measured.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, namespace, to_numpy
from ._frame import Frame, squared_distances
from ._tables import Outer, as_table
from .ranking import round_to_grid

_MIN_BATCH, _MAX_BATCH = 64, 256
# What the work costs, in inner products: a batch of draws besides its products, a pass
# over the pool for each row besides its products, and how much faster those are there.
_BATCH, _PASS, _PASS_SPEED = 40_000, 16, 4


def d2_sampling(
    X: Any,
    n: int,
    rng: np.random.Generator,
    *,
    logit_gradient: Any = None,
    first: int | Literal["random", "max_norm"] = "random",
    initial: Any = None,
) -> Any:
    """Draw rows one by one, each by its squared distance to the nearest drawn before.

    The seeding of k-means++: far rows are likely, near ones are not, so the picks
    spread, and dense regions still get more of them than with `k_center_greedy`. With
    `logit_gradient` the points are gradients of a last layer, outer products of a row
    of it and a row of ``X``, which are never formed. Outliers are likely picks; where
    they are noise, this is the wrong tool.

    At most O(n_rows n (C + d)) time in matrix products, and often a small part of it;
    O(n_rows + n d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n_rows, d)
        The pool. Sparse input is never densified whole.
    n : int
        How many rows to pick; more than there are gives all of them.
    rng : numpy.random.Generator
        Draws the picks. The first picks of a longer draw are those of a shorter one.
    logit_gradient : array-like or tensor of shape (n_rows, C), default=None
        The other factor of each point; None: the points are the rows of ``X``.
    first : int, "random" or "max_norm", default="random"
        The first pick: a position, any row, or the gradient with the largest norm (on
        the grid of `round_to_grid`, the lowest position among equals).
    initial : array-like, sparse matrix or tensor of shape (m, d), default=None
        Points, at least one, that count as drawn before: in place of `first`. Not with
        `logit_gradient`.

    Returns
    -------
    ndarray of intp or tensor of int64 of shape (min(n, n_rows),)
        Distinct positions in ``X``, in the order of the picks. Rows that equal a pick
        come last, in random order.

    Raises
    ------
    ValueError
        If ``X`` or ``logit_gradient`` has not two dimensions, their rows differ, ``n``
        is negative, ``first`` is no position in ``X`` and nothing else it may be, or
        ``initial`` has no row or a ``logit_gradient`` beside it.

    Notes
    -----
    Draws are by inverse cumulative distribution in double precision, so that a weight
    of zero is never drawn. With weights w as of an earlier pick and true weights
    v <= w, a row drawn by w is kept with probability v / w: those kept are distributed
    as v, exactly. All rows are measured anew once what rejected draws have cost is what
    a pass costs, counted in inner products, not in seconds: the picks depend on `rng`
    alone. A squared distance below 32 eps times the squared norm (dense rows of ``X``
    alone: from their mean) is rounding noise, and counts as 0.

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful
       seeding", SODA 2007.
    .. [2] J. T. Ash, C. Zhang, A. Krishnamurthy, J. Langford and A. Agarwal, "Deep
       batch active learning by diverse, uncertain gradient lower bounds", ICLR 2020.
    .. [3] V. Cohen-Addad, S. Lattanzi, A. Norouzi-Fard, C. Sohler and O. Svensson,
       "Fast and accurate k-means++ via rejection sampling", NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import d2_sampling
    >>> d2_sampling([[0.0], [0.0], [5.0]], 2, np.random.default_rng(0), first=0)
    array([0, 2])
    """
    X = as_table(X, "X")
    frame = Frame(X if logit_gradient is None else _outer(logit_gradient, X))
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    n_rows = len(frame)
    picks, before = [], None
    if initial is not None:
        before = frame.put(_checked_initial(initial, X, logit_gradient))
    elif min(n, n_rows):
        picks = [_first(frame, first, rng)]
    nearest, n_known = np.full(n_rows, np.inf), 0
    while len(picks) < min(n, n_rows):
        new = frame.at(picks[n_known:]) if picks else before
        squared = to_numpy(frame.squared_to_nearest(new))
        np.minimum(nearest, squared, out=nearest)
        nearest[picks], n_known = 0, len(picks)
        if nearest.any():
            picks += _draw(frame, nearest, n - n_known, rng)
        else:
            rest = np.delete(np.arange(n_rows), picks)
            picks += rng.permutation(rest).tolist()
    return as_array(np.array(picks[:n], np.intp), frame.xp, like=X)


def _checked_initial(initial: Any, X: Any, logit_gradient: Any) -> Any:
    initial = as_table(initial, "initial", like=X)
    if logit_gradient is not None or initial.shape[0] == 0:
        raise ValueError(
            f"initial must have a row at least, and no logit_gradient beside it; it "
            f"has {initial.shape[0]} rows."
        )
    return initial


def _outer(logit_gradient: Any, X: Any) -> Outer:
    gradient = as_array(logit_gradient, namespace(X), like=X)
    if gradient.ndim != 2 or len(gradient) != X.shape[0]:
        raise ValueError(
            f"logit_gradient must have shape ({X.shape[0]}, C), as many rows as X, "
            f"got {tuple(gradient.shape)}."
        )
    return Outer(gradient, X)


def _first(frame: Frame, first: Any, rng: np.random.Generator) -> int:
    if first == "random":
        return int(rng.integers(len(frame)))
    if first == "max_norm" and isinstance(frame.X, Outer):
        return int(round_to_grid(to_numpy(frame.norms)).argmax())
    if isinstance(first, str) or not 0 <= first < len(frame):
        raise ValueError(
            f"first must be a position in X, 0 to {len(frame) - 1}, 'random', or "
            f"'max_norm' where there is a logit_gradient, got {first!r}."
        )
    return int(first)


def _draw(
    frame: Frame, weights: NDArray[Any], limit: int, rng: np.random.Generator
) -> list[int]:
    """Draw rows until there are enough, or until new weights cost less than these."""
    cdf = np.cumsum(weights, dtype=np.float64)
    drawn: list[int] = []
    waste = 0.0
    while len(drawn) < limit:
        size = min(max(_MIN_BATCH, len(drawn)), _MAX_BATCH)
        places, chances = rng.random((size, 2)).T
        rows = np.searchsorted(cdf, places * cdf[-1], side="right")
        before = len(drawn)
        kept = _keep(frame, rows, weights[rows], chances, np.array(drawn, np.intp))
        drawn += rows[kept].tolist()
        cost = _BATCH + size * (size + before)
        waste += cost * (1 - len(kept) / size)
        if waste * _PASS_SPEED > len(frame) * (_PASS + len(drawn)):
            break
    return drawn


def _keep(
    frame: Frame,
    rows: NDArray[np.intp],
    weights: NDArray[Any],
    chances: NDArray[np.float64],
    drawn: NDArray[np.intp],
) -> list[int]:
    """Keep each row with the probability of its true weight to the old one."""
    floor = chances * weights
    standing = weights > floor
    if len(drawn):
        standing &= _squared(frame, drawn, rows).min(axis=0) > floor
    survives = _squared(frame, rows, rows) > floor
    kept: list[int] = []
    for number in range(len(rows)):
        if standing[number]:
            kept.append(number)
            standing &= survives[number]
    return kept


def _squared(
    frame: Frame, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> NDArray[Any]:
    """Squared distances (rows, others), zero from a row to itself."""
    block, to = frame.at(rows), frame.at(others)
    squared = to_numpy(squared_distances(block, to, noise="others"))
    return squared * (rows[:, None] != others)
