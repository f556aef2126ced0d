"""What the members of a committee disagree about, one row at a time and jointly.

A draw is what one member says: one pass with dropout, one model of an ensemble. What a
label tells about which member is right is the mutual information of the two; it is the
part of the uncertainty that labels can remove.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, as_floating, floating_dtype, namespace, to_numpy
from ._information import Labelings, information

_MIN_BLOCK, _MAX_BLOCK = 64, 1024
_STEPS = {np.dtype(np.float32): 2.0**-17, np.dtype(np.float64): 2.0**-30}
_SATURATED = 1e-6
_PICKED = -1.0


def mutual_information(proba_draws: Any) -> Any:
    r"""Score the disagreement of a committee about each row, in nats (BALD).

    ``H(mean_s p_s) - mean_s H(p_s)``: large where the members are sure of different
    classes, zero where they agree, however unsure they are. So a row that is ambiguous
    by nature is not wanted, unlike with `entropy`. It says nothing where the members
    differ little, as with a small dropout rate or a few draws, and nothing about rows
    far from the data on which all are sure of the same class.

    O(S n C) time; O(n) memory besides chunks that stay in the cache.

    Parameters
    ----------
    proba_draws : array-like or tensor of shape (S, n, C)
        Class probabilities by S draws, rows summing to one. Not checked. Zeros are
        legal.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Values in [0, ln min(S, C)], larger = more disagreement. In the precision of
        ``proba_draws`` (float16 gives float32, integers give float64).

    Raises
    ------
    ValueError
        If ``proba_draws`` has not three dimensions, or no draw or class.

    Notes
    -----
    ``0 ln 0`` is 0. Negative differences, which are rounding noise, are 0.

    References
    ----------
    .. [1] N. Houlsby, F. Huszar, Z. Ghahramani and M. Lengyel, "Bayesian active
       learning for classification and preference learning", 2011.
    .. [2] Y. Gal, R. Islam and Z. Ghahramani, "Deep Bayesian active learning with image
       data", ICML 2017.

    Examples
    --------
    >>> from skal.functional import mutual_information
    >>> disagree, unsure = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]
    >>> mutual_information([[d, u] for d, u in zip(disagree, unsure)]).round(6)
    array([0.693147, 0.      ])
    """
    return information(_checked(proba_draws))


def batch_bald(
    proba_draws: Any,
    n: int,
    *,
    n_samples: int = 1000,
    rng: np.random.Generator | None = None,
) -> Any:
    """Pick rows one by one, each telling most beyond the picks before it (BatchBALD).

    Greedy on the mutual information between the draws and the labels of all picks
    *together*, so near-duplicates are not bought twice. S draws hold ``ln S`` nats at
    most: some ``ln S / ln C`` picks of full disagreement tell them apart, and whatever
    follows is not chosen jointly. For large batches over few draws this is the wrong
    tool.

    O(S n C) time for the first pick; for each later one O(M S C) time for each row that
    must be looked at, where M <= n_samples (or S, if that is more): a few hundred rows
    as a rule, all of them at worst. O(n + M S) memory besides chunks.

    Parameters
    ----------
    proba_draws : array-like or tensor of shape (S, n_rows, C)
        Class probabilities by S draws, each of one and the same member for all rows
        (of dropout: one mask for all rows). Rows summing to one, not checked.
    n : int
        How many rows to pick; more than there are gives all of them.
    n_samples : int, default=1000
        All ``C ** k`` labelings of the first k picks are counted as long as they are
        no more than this. Then as many labelings are drawn, ``n_samples // S`` (at
        least one) from each draw, and gains are estimates.
    rng : numpy.random.Generator, default=None
        Draws the labelings; None is ``numpy.random.default_rng(0)``. Not used as long
        as all labelings are counted.

    Returns
    -------
    ndarray of intp, or tensor, of shape (min(n, n_rows),)
        Distinct positions, in the order of the picks. Equal gains, to the last step of
        a grid of 2**-30 nats (2**-17 in single precision): the lowest position first.

    Raises
    ------
    ValueError
        If ``proba_draws`` has not three dimensions, or no draw or class, ``n`` is
        negative or ``n_samples`` less than 1.

    Warns
    -----
    UserWarning
        When picks are left to make and the information is within 1e-6 of ``ln S``:
        the rest follow `mutual_information`.

    Notes
    -----
    A labeling of the picks makes some draws more likely than others. What another
    label would add is the `mutual_information` under those weights instead of equal
    ones, averaged over labelings: no entropy of a joint distribution is needed, gains
    are never negative, and weights are made of logarithms with the largest taken out,
    so that long batches do not underflow. The gain of a row never exceeds its gain at
    an earlier pick, so rows are looked at in the order of their last known gain and
    most never are; among drawn labelings this holds up to the noise of the estimate.

    References
    ----------
    .. [1] A. Kirsch, J. van Amersfoort and Y. Gal, "BatchBALD: efficient and diverse
       batch acquisition for deep Bayesian active learning", NeurIPS 2019.

    Examples
    --------
    The first two rows are copies, so the third joins the first:

    >>> import numpy as np
    >>> from skal.functional import batch_bald
    >>> sure_of = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]])
    >>> batch_bald(np.eye(2)[sure_of], 2)
    array([0, 2])
    """
    draws = _checked(proba_draws)
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}.")
    n = min(n, draws.shape[1])
    alone = _on_grid(information(draws), draws)
    bounds, picks = alone.copy(), [int(alone.argmax())] if n else []
    labelings = Labelings(len(draws), n_samples, rng)
    while len(picks) < n:
        labelings.add(to_numpy(draws[:, picks[-1]]))
        alone[picks[-1]] = bounds[picks[-1]] = _PICKED
        if labelings.information_left < _SATURATED:
            picks += _all_told(alone, n - len(picks), len(draws))
        else:
            picks.append(_best(draws, bounds, labelings))
    return as_array(np.array(picks, np.intp), namespace(draws), like=draws)


def _best(draws: Any, bounds: NDArray[Any], labelings: Labelings) -> int:
    """Find the row of the largest gain, and lower in place the bounds looked at."""
    xp, dtype = namespace(draws), floating_dtype(draws.dtype)
    posterior = as_array(labelings.posterior.astype(dtype), xp, like=draws)
    weights = as_array(labelings.weights.astype(dtype), xp, like=draws)
    order = np.argsort(-bounds, stable=True)
    best, start, size = (_PICKED, 0), 0, _MIN_BLOCK
    while start < len(order) and (bounds[order[start]], -order[start]) > best:
        block = order[start : start + size]
        rows = draws[:, as_array(block, xp, like=draws)]
        gains = _on_grid(information(rows, posterior, weights), draws)
        gains[bounds[block] == _PICKED] = _PICKED
        bounds[block] = gains
        lowest = block[gains == gains.max()].min()
        best = max(best, (gains.max(), -lowest))
        start, size = start + size, min(2 * size, _MAX_BLOCK)
    return -int(best[1])


def _all_told(alone: NDArray[Any], n: int, n_draws: int) -> list[int]:
    """Rank the rest by itself once the picks have told all there is."""
    warnings.warn(
        f"The labels of the first picks tell the {n_draws} draws apart and nothing is "
        f"left to learn jointly: the other picks follow their mutual information, one "
        f"row at a time. Take more draws, or fewer rows at a time.",
        UserWarning,
        stacklevel=3,
    )
    return np.argsort(-alone, stable=True)[:n].tolist()


def _on_grid(gains: Any, draws: Any) -> NDArray[Any]:
    """Round to steps larger than what is noise in a difference of entropies."""
    step = _STEPS[floating_dtype(draws.dtype)]
    return np.rint(to_numpy(gains) / step) * step


def _checked(proba_draws: Any) -> Any:
    draws = as_floating(proba_draws)
    if draws.ndim != 3:
        raise ValueError(
            f"proba_draws must have 3 dimensions (draws, rows, classes), got "
            f"{draws.ndim}."
        )
    if 0 in (draws.shape[0], draws.shape[2]):
        raise ValueError(
            f"proba_draws must have at least one draw and one class, got the shape "
            f"{tuple(draws.shape)}."
        )
    return draws
