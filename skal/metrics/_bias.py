"""Sampling bias: how unevenly the labels that were bought fall on the classes."""

import math
from collections import Counter

from numpy.typing import ArrayLike

from skal.labels import as_labels
from skal.metrics._checks import complete_labels


def sampling_bias(y: ArrayLike, *, classes: ArrayLike | None = None) -> float:
    r"""Measure how unevenly labels fall on the classes, from 0 to 1.

    One less the entropy of the class shares, in units of its maximum: 0 when every
    class has as many labels, 1 when one class has them all. Give it the labels bought
    so far. It is the wrong tool where the classes are rare by nature and are to be
    sampled as they come: a random sample of such a pool is "biased" too, and only the
    comparison with that sample says something about the strategy.

    Takes :math:`O(n)` time and memory.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels, of any type, none missing.
    classes : array-like of shape (n_classes,), default=None
        All classes of the task. A class without a label counts as one that was
        neglected; by default, only the classes in `y` are known.

    Returns
    -------
    bias : float
        Between 0 (balanced) and 1 (a single class).

    Raises
    ------
    ValueError
        If `y` is empty, has a missing label or one outside `classes`, or if there are
        fewer than two classes.

    Notes
    -----
    With :math:`m_k` of the :math:`M` labels in class :math:`k` of :math:`K`, the
    paper's :math:`1 - H / \ln K` is computed as
    :math:`\sum_k (m_k / M) \ln(K m_k / M) / \ln K`, which is exact at both ends.

    References
    ----------
    .. [1] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo, R. Iyer (2021).
       Mitigating Sampling Bias and Improving Robustness in Active Learning. Eq. 4-5.

    Examples
    --------
    >>> from skal.metrics import sampling_bias
    >>> sampling_bias(["cat", "dog", "cat", "dog"])
    0.0
    >>> round(sampling_bias(["cat", "cat", "cat", "dog"]), 3)
    0.189
    >>> round(sampling_bias(["cat", "dog"], classes=["cat", "dog", "emu"]), 3)
    0.369
    """
    counts = Counter(complete_labels(y, "y").tolist())
    if not counts:
        raise ValueError("y is empty: sampling_bias needs at least one label.")
    known = set(counts if classes is None else as_labels(classes, None).tolist())
    outside = [label for label in counts if label not in known]
    if outside:
        raise ValueError(
            f"y has the label {outside[0]!r}, which is not in classes; add it there "
            "or leave its rows out."
        )
    if len(known) < 2:
        raise ValueError(
            "sampling_bias needs at least two classes; name all classes of the task "
            "with classes=."
        )
    return _distance_from_uniform(list(counts.values()), len(known))


def _distance_from_uniform(counts: list[int], n_classes: int) -> float:
    """Return KL(shares, uniform) over its maximum; empty classes may be left out."""
    total = sum(counts)
    divergence = math.fsum(m / total * math.log(n_classes * m / total) for m in counts)
    return min(max(divergence / math.log(n_classes), 0.0), 1.0)
