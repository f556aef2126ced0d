"""How unsure a classifier is of a row, read off its class probabilities.

The three scores agree for two classes and part company for more: entropy looks at
the whole distribution, least confidence at its top, margin at its top two.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._arrays import as_array, as_floating, floating_dtype, namespace, row_chunks
from ._tables import unit_rows

_CHUNK_ROWS = 8192
_CHUNK_CELLS = 2**22

_Chunk = tuple[slice, Any]


def _checked(proba: Any, min_classes: int = 1, name: str = "proba") -> Any:
    proba = as_array(proba, namespace(proba))
    if proba.ndim != 2:
        raise ValueError(
            f"{name} must have 2 dimensions (rows, classes), got {proba.ndim}."
        )
    if proba.shape[1] < min_classes:
        raise ValueError(
            f"{name} must have at least {min_classes} column(s), one a class, "
            f"got {proba.shape[1]}."
        )
    return proba


def _result(proba: Any) -> Any:
    """Make room for a value a row."""
    xp = namespace(proba)
    dtype = getattr(xp, floating_dtype(proba.dtype).name)
    return xp.empty_like(proba[:, 0], dtype=dtype)


def _chunks(proba: Any) -> Iterator[_Chunk]:
    """Yield pieces of ``proba`` small enough to stay in the cache."""
    n_rows, n_classes = proba.shape
    size = min(_CHUNK_ROWS, max(64, _CHUNK_CELLS // n_classes))
    for rows in row_chunks(n_rows, size):
        yield rows, as_floating(proba[rows])


def entropy(proba: Any) -> Any:
    r"""Shannon entropy of each row, in nats.

    ``-sum_c p_c ln p_c``: zero for a sure prediction, ``ln C`` for a uniform one. It
    counts doubt among all classes, also the unlikely ones: where only the decision
    between the best two matters, `margin` is the better tool.

    O(n C) time; O(n) memory besides a chunk that stays in the cache.

    Parameters
    ----------
    proba : array-like or tensor of shape (n, C)
        Class probabilities, rows summing to one. Not checked.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Entropy, larger = less sure. In the precision of ``proba`` (float16 gives
        float32, integers give float64).

    Raises
    ------
    ValueError
        If ``proba`` has not two dimensions, or no column.

    Notes
    -----
    ``0 ln 0`` is 0.

    References
    ----------
    .. [1] C. E. Shannon, "A mathematical theory of communication", Bell System
       Technical Journal 27, 1948.

    Examples
    --------
    >>> from skal.functional import entropy
    >>> entropy([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]]).round(6)
    array([0.801819, 0.693147])
    """
    proba = _checked(proba)
    result, terms, xp = _result(proba), None, namespace(proba)
    tiny, ones = float(np.finfo(floating_dtype(proba.dtype)).tiny), None
    with np.errstate(divide="ignore", invalid="ignore"):
        for rows, chunk in _chunks(proba):
            terms = xp.empty_like(chunk) if terms is None else terms[: len(chunk)]
            ones = xp.ones_like(chunk[0]) if ones is None else ones
            xp.matmul(_p_ln_p(chunk, terms), ones, out=result[rows])
            if xp.isnan(result[rows].sum()):  # a zero: 0 ln 0 is 0
                terms = _p_ln_p(chunk, terms, tiny)
                xp.matmul(terms, ones, out=result[rows])
    return xp.subtract(xp.zeros_like(result[:1]), result, out=result)


def _p_ln_p(chunk: Any, terms: Any, shift: float = 0) -> Any:
    xp = namespace(chunk)
    xp.log(chunk + shift if shift else chunk, out=terms)
    return xp.multiply(terms, chunk, out=terms)


def least_confidence(proba: Any) -> Any:
    """One minus the probability of the predicted class.

    The chance of a wrong prediction, if the model is calibrated. Blind to how the
    rest is shared among the other classes: `margin` and `entropy` see that.

    O(n C) time; O(n) memory besides a chunk that stays in the cache.

    Parameters
    ----------
    proba : array-like or tensor of shape (n, C)
        Class probabilities, rows summing to one. Not checked.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Values in [0, 1 - 1/C], larger = less sure. In the precision of ``proba``
        (float16 gives float32, integers give float64).

    Raises
    ------
    ValueError
        If ``proba`` has not two dimensions, or no column.

    References
    ----------
    .. [1] D. D. Lewis and W. A. Gale, "A sequential algorithm for training text
       classifiers", SIGIR 1994.

    Examples
    --------
    >>> from skal.functional import least_confidence
    >>> least_confidence([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]]).round(6)
    array([0.3, 0.5])
    """
    proba = _checked(proba)
    result, xp = _result(proba), namespace(proba)
    for rows, chunk in _chunks(proba):
        result[rows] = 1 - xp.max(_columns(chunk), axis=0)
    return result


def normalized_least_confidence(logits: Any) -> Any:
    """One minus the largest softmax of logits that are divided by their length first.

    What the released code of PT4AL and BAL calls confidence. It forgets how sure the
    model is of a row as a whole and keeps the shape of its logits alone, so the order
    of rows is another than that of `least_confidence`, which is what the papers say.

    O(n C) time and memory.

    Parameters
    ----------
    logits : array-like or tensor of shape (n, C)
        What goes into the softmax. Rows of zeros stay as they are.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Values in [0, 1 - 1/C], larger = less sure. In the precision of ``logits``
        (float16 gives float32, integers give float64).

    Raises
    ------
    ValueError
        If ``logits`` has not two dimensions, or no column.

    References
    ----------
    .. [1] J. S. K. Yi, M. Seo, J. Park and D.-G. Choi, "PT4AL: Using self-supervised
       pretext tasks for active learning", ECCV 2022.

    Examples
    --------
    >>> from skal.functional import normalized_least_confidence
    >>> normalized_least_confidence([[20.0, 19.0, -30.0], [1.0, 0.0, 0.0]]).round(6)
    array([0.559274, 0.423883])
    """
    logits = as_floating(_checked(logits, name="logits"))
    xp, unit = namespace(logits), unit_rows(logits)
    terms = xp.exp(unit - xp.max(unit, axis=1)[:, None])
    return 1 - 1 / xp.sum(terms, axis=1)


def margin(proba: Any) -> Any:
    """Probability of the best class less that of the runner-up.

    Small where the model hesitates between two classes: *smallest* is least sure, so
    the score of a strategy is its negative. Blind to everything below the first two
    classes: `entropy` sees the rest.

    O(n C) time; O(n) memory besides a chunk that stays in the cache.

    Parameters
    ----------
    proba : array-like or tensor of shape (n, C), C >= 2
        Class probabilities, rows summing to one. Not checked.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Values in [0, 1], **smaller** = less sure. In the precision of ``proba``
        (float16 gives float32, integers give float64).

    Raises
    ------
    ValueError
        If ``proba`` has not two dimensions, or fewer than two columns.

    References
    ----------
    .. [1] T. Scheffer, C. Decomain and S. Wrobel, "Active hidden Markov models for
       information extraction", IDA 2001.

    Examples
    --------
    >>> from skal.functional import margin
    >>> margin([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]]).round(6)
    array([0.5, 0. ])
    """
    proba = _checked(proba, min_classes=2)
    result, xp = _result(proba), namespace(proba)
    in_pairs = xp is np and proba.shape[1] % 2 == 0
    for rows, chunk in _chunks(proba):
        best, second = (_best_two_in_pairs if in_pairs else _best_two)(
            _columns(chunk, in_pairs)
        )
        xp.subtract(best, second, out=result[rows])
    return result


def _columns(chunk: Any, in_pairs: bool = False) -> Any:
    """Lay a chunk out column by column, or by pairs of columns, which costs half."""
    if namespace(chunk) is not np:
        return chunk.T
    if not in_pairs:
        return np.ascontiguousarray(chunk.T)
    pair: Any = {4: np.float64, 8: np.complex128}[chunk.itemsize]
    pairs = np.ascontiguousarray(chunk).view(pair)
    return np.ascontiguousarray(pairs.T).view(chunk.dtype)


def _best_two(columns: Any) -> tuple[Any, Any]:
    """Return the largest and the second largest at each position of the columns."""
    xp = namespace(columns)
    if len(columns) == 1:
        return columns[0], xp.full_like(columns[0], -np.inf)
    best = xp.maximum(columns[0], columns[1])
    second = xp.minimum(columns[0], columns[1])
    lower = xp.empty_like(best)
    for column in columns[2:]:
        xp.minimum(best, column, out=lower)
        xp.maximum(second, lower, out=second)
        xp.maximum(best, column, out=best)
    return best, second


def _best_two_in_pairs(pairs: Any) -> tuple[Any, Any]:
    """Do the same where each position is that of an even and of an odd column."""
    best, second = _best_two(pairs)
    low = np.minimum(best[:-1], best[1:])
    np.maximum(low, np.maximum(second[:-1], second[1:]), out=low)
    return np.maximum(best[:-1], best[1:])[::2], low[::2]
