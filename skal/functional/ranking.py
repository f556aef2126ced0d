"""Ranking rows by score, with ties that are ties whatever the rounding.

The same row scored in chunks of another size differs in its last bits, so equal rows
must be recognized up to that noise before chance, not noise, decides among them.
"""

from typing import Any

import numpy as np

from ._arrays import (
    as_array,
    as_floating,
    floating_dtype,
    kth_smallest,
    namespace,
    positions_where,
    to_numpy,
)

_KEPT_BITS = {np.dtype(np.float32): 17, np.dtype(np.float64): 30}
_FLOOR_EPS_EXPONENT = 4
_SHORTLIST_FACTOR = 16


def round_to_grid(values: Any) -> Any:
    """Round to 30 significant bits (17 in float32), so that near-equals become equal.

    Differences below 1e-9 relative (1e-5 in float32) vanish. The order is kept: what
    was smaller is smaller or equal after rounding. Two values that straddle the edge
    of a cell stay apart however close they are; noise of a few last bits rarely
    straddles one, and never where the true value has few bits (integers, halves).

    O(n) time and memory.

    Parameters
    ----------
    values : array-like or tensor of any shape
        float16 is computed in float32, integers in float64. May hold infinities.

    Returns
    -------
    ndarray or tensor of the same shape
        Values on the grid; zeros and infinities as they were.

    Notes
    -----
    Veltkamp's splitting: with ``c = (2**s + 1) x``, ``c - (c - x)`` is x without its
    last s bits, rounded to nearest. Values that would overflow are scaled down first.

    References
    ----------
    .. [1] T. J. Dekker, "A floating-point technique for extending the available
       precision", Numerische Mathematik 18, 1971.

    Examples
    --------
    >>> from skal.functional import round_to_grid
    >>> bool(1 / 3 == 1 / 3 + 1e-13)
    False
    >>> low, high = round_to_grid([1 / 3, 1 / 3 + 1e-13])
    >>> bool(low == high)
    True
    """
    values = as_floating(values)
    dtype = floating_dtype(values.dtype)
    info = np.finfo(dtype)
    bits = info.nmant + 1 - _KEPT_BITS[dtype]
    limit = float(np.ldexp(info.max, -bits - 1))
    if 0 in values.shape or -limit < values.min() <= values.max() < limit:
        return _split(values, bits)
    xp = namespace(values)
    finite = xp.where(xp.isfinite(values), values, 0.0)
    huge = xp.abs(finite) >= limit
    scale = 2.0 ** -(bits + 1)
    scaled = _split(xp.where(huge, finite * scale, finite), bits)
    with np.errstate(over="ignore"):
        rounded = xp.where(huge, scaled / scale, scaled)
    return xp.where(xp.isfinite(values), rounded, values)


def _split(values: Any, bits: int) -> Any:
    shifted = values * (2**bits + 1)
    low = shifted - values
    shifted -= low
    return shifted


def top(scores: Any, n: int, rng: np.random.Generator) -> Any:
    """Positions of the ``n`` largest scores, best first, ties in random order.

    A rule by position would copy the order of the file, often sorted by class, into
    the labels; here each of the tied has the same chance. Scores count as tied on the
    grid of `round_to_grid`, or closer than some 16 eps of the largest finite score.

    O(rows) time and O(n log n) to sort the picks; O(n) memory, more where many rows
    are tied for the last place.

    Parameters
    ----------
    scores : array-like or tensor of shape (rows,)
        Larger = more wanted. Infinities are legal, NaN is not.
    n : int
        How many positions; more than there are gives all of them.
    rng : numpy.random.Generator
        Breaks the ties. One number is drawn for each row at or above the last place,
        in order of position, so last-bit noise in the scores does not move the picks.

    Returns
    -------
    ndarray of intp, or tensor, of shape (min(n, rows),)
        Distinct positions, best first. Tensors stay on their device, but for the few
        that may be among the first.

    Raises
    ------
    ValueError
        If ``scores`` has not one dimension or holds NaN, or ``n`` is negative.

    Notes
    -----
    The n-th largest maximum of many blocks bounds the n-th largest score from below,
    and few scores lie above that bound: only those are rounded and sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import top
    >>> top([0.1, 0.9, 0.4, 0.8], 2, np.random.default_rng(0))
    array([1, 3])
    """
    scores = _checked_scores(scores)
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    n = min(n, len(scores))
    xp = namespace(scores)
    if n == 0:
        return as_array(np.empty(0, np.intp), xp, like=scores)
    exponent = _floor_exponent(scores)
    candidates = _shortlist(scores, n, exponent)
    best, shortlist = to_numpy(scores[candidates]), to_numpy(candidates)
    ranks = np.rint(np.ldexp(round_to_grid(best), -exponent))
    last = np.partition(ranks, len(ranks) - n)[len(ranks) - n]
    canonical = np.flatnonzero(ranks >= last)
    ranks, shortlist = ranks[canonical], shortlist[canonical]
    keys = rng.random(len(canonical))
    tied = np.flatnonzero(ranks == last)
    n_tied = n - (len(ranks) - len(tied))
    drawn = tied[np.argpartition(keys[tied], n_tied - 1)[:n_tied]]
    chosen = np.concatenate([np.flatnonzero(ranks > last), drawn])
    order = np.lexsort((keys[chosen], -ranks[chosen]))
    return as_array(shortlist[chosen[order]], xp, like=scores)


def _checked_scores(scores: Any) -> Any:
    scores = as_floating(scores)
    if scores.ndim != 1:
        raise ValueError(f"scores must have 1 dimension, got {scores.ndim}.")
    if len(scores) and np.isnan(float(scores.max())):
        row = int(positions_where(namespace(scores).isnan(scores))[0])
        raise ValueError(f"scores must not hold NaN; the first is in row {row}.")
    return scores


def _floor_exponent(scores: Any) -> int:
    """Exponent of the power of two below which differences are rounding noise.

    The largest score is taken to the nearest power of two in ratio, so that the step
    from one exponent to the next is at sqrt(2), away from round numbers such as 1.
    """
    largest = max(float(scores.max()), -float(scores.min()))
    if np.isinf(largest):
        xp = namespace(scores)
        finite = scores[xp.isfinite(scores)]
        largest = float(xp.abs(finite).max()) if len(finite) else 0.0
    if largest == 0:
        return 0
    nearest = round(float(np.log2(largest)))
    info = np.finfo(floating_dtype(scores.dtype))
    return int(nearest - info.nmant + _FLOOR_EPS_EXPONENT)


def _shortlist(scores: Any, n: int, exponent: int) -> Any:
    """Positions that may rank among the first ``n`` or tie with the last of them."""
    size = len(scores) // (_SHORTLIST_FACTOR * n)
    xp = namespace(scores)
    if size < 2:
        return as_array(np.arange(len(scores)), xp, like=scores)
    n_blocks = len(scores) // size
    blocks = scores[: n_blocks * size].reshape(n_blocks, size)
    bound = float(kth_smallest(xp.max(blocks, axis=1), n_blocks - n))
    if np.isfinite(bound):
        dtype = floating_dtype(scores.dtype)
        grid = 2.0 ** -_KEPT_BITS[dtype]
        bound -= 2 * (grid * abs(bound) + 2.0**exponent)
        bound = max(bound, float(np.finfo(dtype).min))
    return positions_where(scores >= bound)
