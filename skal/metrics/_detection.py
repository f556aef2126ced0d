"""How well a score tells samples of no known class from the others."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata


def ood_auroc(score_in: ArrayLike, score_out: ArrayLike) -> float:
    r"""Return the chance that an out-of-distribution sample scores higher.

    The area under the ROC curve, taken from ranks: the probability that a random
    sample of `score_out` is above a random one of `score_in`, ties counting half. It
    is the wrong tool when few of the pool are out of distribution and only the top of
    the ranking is used: it does not depend on their share (use scikit-learn's
    ``average_precision_score``).

    Takes :math:`O(n \log n)` time and :math:`O(n)` memory.

    Parameters
    ----------
    score_in : array-like of shape (n_in,)
        Scores of in-distribution samples.
    score_out : array-like of shape (n_out,)
        Scores of out-of-distribution samples; higher = more foreign.

    Returns
    -------
    auroc : float
        1 when the score separates them, 0.5 when it says nothing, 0 when it is the
        wrong way round.

    Raises
    ------
    ValueError
        If a side is empty, is not one-dimensional, or has a NaN.

    References
    ----------
    .. [1] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo, R. Iyer (2021).
       Mitigating Sampling Bias and Improving Robustness in Active Learning.

    Examples
    --------
    >>> from skal.metrics import ood_auroc
    >>> ood_auroc([1, 2, 3], [2, 4])
    0.75
    """
    inside = _as_scores(score_in, "score_in")
    outside = _as_scores(score_out, "score_out")
    ranks = rankdata(np.concatenate([inside, outside]))  # from 1, ties averaged
    n_in, n_out = len(inside), len(outside)
    wins = ranks[n_in:].sum() - n_out * (n_out + 1) / 2
    return float(wins / (n_in * n_out))


def _as_scores(scores: ArrayLike, name: str) -> np.ndarray:
    """Return scores in float64, (n_samples,), at least one and no NaN."""
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(
            f"{name} has shape {array.shape}; it needs one score a sample, and at "
            "least one sample."
        )
    bad = np.isnan(array)
    if bad.any():
        raise ValueError(f"{name} has NaN (first: position {bad.argmax()}).")
    return array
