"""What a point of accuracy has cost."""

import numpy as np
from numpy.typing import ArrayLike


def cost_per_accuracy(cost: ArrayLike, accuracy: ArrayLike) -> float | np.ndarray:
    """Divide what was paid by the accuracy reached, in percent.

    The number of samples that an annotator looked at, in-distribution or not, for each
    percentage point of accuracy: lower is better. It is the wrong tool for deciding
    whether to go on labeling, as it is an average from the first label and not the
    price of the next point, and for runs that differ widely in accuracy, as the last
    points are the dear ones.

    Parameters
    ----------
    cost : float or array-like
        Labels paid for so far; a learner's ``cost_``.
    accuracy : float or array-like
        Accuracy reached, in percent: above 0, at most 100.

    Returns
    -------
    ratio : float or ndarray
        Labels a percentage point; an array, of the broadcast shape, for arrays.

    Raises
    ------
    ValueError
        If an accuracy is not in (0, 100], or a cost is negative or not finite.

    References
    ----------
    .. [1] J. Kim, J. Kim, S. Hwang (2023). Deep Active Learning with Contrastive
       Learning Under Realistic Data Pool Assumptions. Table 2.

    Examples
    --------
    >>> from skal.metrics import cost_per_accuracy
    >>> round(cost_per_accuracy(440, 93.84), 2)
    4.69
    >>> cost_per_accuracy([100, 200], [50.0, 80.0])
    array([2. , 2.5])
    """
    paid = np.asarray(cost, dtype=np.float64)
    percent = np.asarray(accuracy, dtype=np.float64)
    if not ((percent > 0) & (percent <= 100)).all():
        raise ValueError(
            f"accuracy is {accuracy!r}; it needs percents above 0 and at most 100 "
            "(a share of 0.9 is 90)."
        )
    if not ((paid >= 0) & np.isfinite(paid)).all():
        raise ValueError(f"cost is {cost!r}; it needs finite numbers, 0 or more.")
    ratio = np.true_divide(paid, percent)
    return ratio if np.ndim(ratio) else float(ratio)
