"""How far what a model says of a row is from what it says of its neighbors."""

from typing import Any, Literal

import numpy as np

from ._arrays import as_array, namespace, row_chunks
from ._tables import as_table, cast, working_dtype

_FLOOR = 1e-12
_RESOLUTION = 32
_CHUNK_CELLS = 2**20


def neighbor_divergence(
    proba: Any,
    targets: Any,
    neighbors: Any,
    *,
    pooling: Literal["mean", "max", "median"] = "mean",
) -> Any:
    """Kullback-Leibler divergence of each row from its neighbors' distributions.

    ``sum_c q_c ln(q_c / p_c)`` for the distribution q of each neighbor and p of the
    row, pooled over the neighbors: large where a row gets another prediction than rows
    that look alike. Targets of zeros and a one give the cross-entropy.

    O(n k C) time; O(m C) memory besides chunks.

    Parameters
    ----------
    proba : array-like or tensor of shape (n, C)
        Class probabilities p of the rows. Below 1e-12 they count as 1e-12.
    targets : array-like or tensor of shape (m, C)
        Class probabilities q of the rows among which the neighbors are.
    neighbors : array-like or tensor of int of shape (n, k)
        Positions in ``targets`` of the neighbors of each row.
    pooling : {"mean", "max", "median"}, default="mean"
        What is made of the k divergences.

    Returns
    -------
    ndarray or tensor of shape (n,)
        In nats, in the precision of ``proba`` (float16 gives float32, integers give
        float64); what rounding cannot tell from zero is zero.

    Raises
    ------
    ValueError
        If ``proba`` or ``targets`` has not two dimensions, or their columns differ.

    Notes
    -----
    The mean needs no divergence of its own for each neighbor: it is the mean of the
    negative entropies less the cross term of ``ln p`` with the mean distribution. It is
    accumulated in float64. Clipped probabilities are not brought back to a sum of one.

    References
    ----------
    .. [1] K. Margatina, G. Vernikos, L. Barrault and N. Aletras, "Active learning by
       acquiring contrastive examples", EMNLP 2021.

    Examples
    --------
    >>> from skal.functional import neighbor_divergence
    >>> neighbor_divergence([[0.5, 0.5]], [[0.9, 0.1], [0.5, 0.5]], [[0, 1]]).round(6)
    array([0.184032])
    """
    proba = as_table(proba, "proba")
    xp = namespace(proba)
    targets = cast(as_table(targets, "targets", like=proba), xp.float64)
    neighbors = as_array(neighbors, xp, like=proba)
    (n, n_classes), k = proba.shape, neighbors.shape[1]
    entropies = _negative_entropy(targets)
    result = as_array(np.zeros(n), xp, like=proba)
    for rows in row_chunks(n, max(64, _CHUNK_CELLS // (k * n_classes))):
        near, logs = neighbors[rows], _logs(proba[rows])
        if pooling == "mean":
            result[rows] = _mean_divergence(logs, targets, entropies, near)
        else:
            cross = -xp.einsum("ijc,ic->ij", targets[near], logs)
            result[rows] = _pool(_divergence(entropies[near], cross), pooling)
    return cast(result, working_dtype(proba))


def hit_divergence(proba: Any, targets: Any, hits: Any) -> Any:
    """Mean divergence of each row from the rows whose neighbor it is.

    The neighborhood turned around: each target looks for its neighbors among the rows,
    and a row that nobody found scores 0.

    O(m k C) time, O(n C) memory.

    Parameters
    ----------
    proba : array-like or tensor of shape (n, C)
        Class probabilities of the rows. Below 1e-12 they count as 1e-12.
    targets : array-like or tensor of shape (m, C)
        Class probabilities of those that look for neighbors.
    hits : array-like or tensor of int of shape (m, k)
        Positions in ``proba`` of the neighbors of each target.

    Returns
    -------
    ndarray or tensor of shape (n,)
        As in `neighbor_divergence`.

    Raises
    ------
    ValueError
        If ``proba`` or ``targets`` has not two dimensions, or their columns differ.

    Notes
    -----
    The authors' code keeps a running ``(old + new) / 2`` from zero in place of a mean.

    References
    ----------
    .. [1] K. Margatina, G. Vernikos, L. Barrault and N. Aletras, "Active learning by
       acquiring contrastive examples", EMNLP 2021.

    Examples
    --------
    >>> from skal.functional import hit_divergence
    >>> hit_divergence([[0.5, 0.5], [0.1, 0.9]], [[0.9, 0.1]], [[0]]).round(6)
    array([0.368064, 0.      ])
    """
    proba = as_table(proba, "proba")
    xp = namespace(proba)
    targets = cast(as_table(targets, "targets", like=proba), xp.float64)
    hits = as_array(hits, xp, like=proba)
    n, entropies = proba.shape[0], _negative_entropy(targets)
    total = as_array(np.zeros(n), xp, like=proba)
    count = as_array(np.zeros(n), xp, like=proba)
    for place in range(hits.shape[1]):
        found = hits[:, place]
        cross = -xp.sum(targets * _logs(proba[found]), axis=1)
        divergence = _divergence(entropies, cross)
        total += xp.bincount(found, weights=divergence, minlength=n)
        count += xp.bincount(found, minlength=n)
    mean = total / xp.where(count > 0, count, xp.ones_like(count))
    return cast(mean, working_dtype(proba))


def _logs(proba: Any) -> Any:
    """Return the logarithms in float64, finite also where a probability is zero."""
    xp = namespace(proba)
    return xp.log(xp.clip(cast(proba, xp.float64), _FLOOR, None))


def _negative_entropy(targets: Any) -> Any:
    xp = namespace(targets)
    logs = xp.log(xp.where(targets > 0, targets, xp.ones_like(targets)))
    return xp.sum(targets * logs, axis=1)


def _divergence(negative_entropy: Any, cross: Any) -> Any:
    """Add up, with zero for what the difference of equals leaves."""
    divergence = negative_entropy + cross
    noise = _RESOLUTION * float(np.finfo(float).eps) * cross
    return divergence * (divergence > noise)


def _mean_divergence(logs: Any, targets: Any, entropies: Any, near: Any) -> Any:
    xp, k = namespace(logs), near.shape[1]
    total = targets[near[:, 0]]
    for place in range(1, k):
        total += targets[near[:, place]]
    cross = -xp.sum(total * logs, axis=1) / k
    return _divergence(xp.mean(entropies[near], axis=1), cross)


def _pool(divergence: Any, pooling: str) -> Any:
    xp, k = namespace(divergence), divergence.shape[1]
    ordered = xp.sort(divergence, axis=1)
    if pooling == "max":
        return ordered[:, -1]
    return (ordered[:, (k - 1) // 2] + ordered[:, k // 2]) / 2
