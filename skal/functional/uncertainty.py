"""How unsure a classifier is of a row, read off its class probabilities.

The three scores agree for two classes and part company for more: entropy looks at
the whole distribution, least confidence at its top, margin at its top two.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arrays import floating_dtype, row_chunks

_CHUNK_ROWS = 8192
_CHUNK_CELLS = 2**22

_Chunk = tuple[slice, NDArray[Any]]


def _checked(proba: ArrayLike, min_classes: int = 1) -> NDArray[Any]:
    proba = np.asarray(proba)
    if proba.ndim != 2:
        raise ValueError(
            f"proba must have 2 dimensions (rows, classes), got {proba.ndim}."
        )
    if proba.shape[1] < min_classes:
        raise ValueError(
            f"proba must have at least {min_classes} column(s), one a class, "
            f"got {proba.shape[1]}."
        )
    return proba


def _chunks(proba: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[_Chunk]:
    """Pieces of ``proba`` small enough to stay in the cache."""
    n_rows, n_classes = proba.shape
    size = min(_CHUNK_ROWS, max(64, _CHUNK_CELLS // n_classes))
    for rows in row_chunks(n_rows, size):
        yield rows, proba[rows].astype(dtype, copy=False)


def entropy(proba: ArrayLike) -> NDArray[Any]:
    r"""Shannon entropy of each row, in nats.

    ``-sum_c p_c ln p_c``: zero for a sure prediction, ``ln C`` for a uniform one. It
    counts doubt among all classes, also the unlikely ones: where only the decision
    between the best two matters, `margin` is the better tool.

    O(n C) time; O(n) memory besides a chunk that stays in the cache.

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities, rows summing to one. Not checked.

    Returns
    -------
    ndarray of shape (n,)
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
    dtype = floating_dtype(proba.dtype)
    tiny, ones = np.finfo(dtype).tiny, np.ones(proba.shape[1], dtype)
    result, terms = np.empty(len(proba), dtype), None
    with np.errstate(divide="ignore", invalid="ignore"):
        for rows, chunk in _chunks(proba, dtype):
            terms = np.empty_like(chunk) if terms is None else terms[: len(chunk)]
            np.matmul(_p_ln_p(chunk, terms), ones, out=result[rows])
            if np.isnan(result[rows].sum()):  # a zero: 0 ln 0 is 0
                terms = _p_ln_p(chunk, terms, tiny)
                np.matmul(terms, ones, out=result[rows])
    return np.subtract(0, result, out=result)


def _p_ln_p(chunk: NDArray[Any], terms: NDArray[Any], shift: float = 0) -> NDArray[Any]:
    np.log(chunk + shift if shift else chunk, out=terms)
    return np.multiply(terms, chunk, out=terms)


def least_confidence(proba: ArrayLike) -> NDArray[Any]:
    """One minus the probability of the predicted class.

    The chance of a wrong prediction, if the model is calibrated. Blind to how the
    rest is shared among the other classes: `margin` and `entropy` see that.

    O(n C) time; O(n) memory besides a chunk that stays in the cache.

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities, rows summing to one. Not checked.

    Returns
    -------
    ndarray of shape (n,)
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
    dtype = floating_dtype(proba.dtype)
    result = np.empty(len(proba), dtype)
    for rows, chunk in _chunks(proba, dtype):
        columns = np.ascontiguousarray(chunk.T)
        np.subtract(1, columns.max(axis=0), out=result[rows])
    return result


def margin(proba: ArrayLike) -> NDArray[Any]:
    """Probability of the best class less that of the runner-up.

    Small where the model hesitates between two classes: *smallest* is least sure, so
    the score of a strategy is its negative. Blind to everything below the first two
    classes: `entropy` sees the rest.

    O(n C) time; O(n) memory besides a chunk that stays in the cache.

    Parameters
    ----------
    proba : array-like of shape (n, C), C >= 2
        Class probabilities, rows summing to one. Not checked.

    Returns
    -------
    ndarray of shape (n,)
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
    dtype = floating_dtype(proba.dtype)
    result = np.empty(len(proba), dtype)
    for rows, chunk in _chunks(proba, dtype):
        if proba.shape[1] % 2:
            best, second = _best_two(np.ascontiguousarray(chunk.T))
        else:
            best, second = _best_two_in_pairs(np.ascontiguousarray(chunk))
        np.subtract(best, second, out=result[rows])
    return result


def _best_two(columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Largest and second largest of each position along rows of equal length."""
    if len(columns) == 1:
        return columns[0], np.full_like(columns[0], -np.inf)
    best, second = np.maximum(*columns[:2]), np.minimum(*columns[:2])
    lower = np.empty_like(best)
    for column in columns[2:]:
        np.minimum(best, column, out=lower)
        np.maximum(second, lower, out=second)
        np.maximum(best, column, out=best)
    return best, second


def _best_two_in_pairs(chunk: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Move columns two by two, which halves the cost of transposing."""
    pair = {4: np.float64, 8: np.complex128}[chunk.itemsize]
    pairs = np.ascontiguousarray(chunk.view(pair).T).view(chunk.dtype)
    best, second = _best_two(pairs)  # of even and of odd columns, in turn
    low = np.minimum(best[:-1], best[1:])
    np.maximum(low, np.maximum(second[:-1], second[1:]), out=low)
    return np.maximum(best[:-1], best[1:])[::2], low[::2]
