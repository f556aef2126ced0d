"""Information that labels hold about which draw is right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import floating_dtype, namespace, row_chunks

_CHUNK_CELLS = 2**18


def information(draws: Any, posterior: Any = None, weights: Any = None) -> Any:
    """Mutual information (n,) of label and draw, averaged over posteriors (M, S)."""
    xp, (n_draws, n_rows, n_classes) = namespace(draws), draws.shape
    n_mixtures = 1 if posterior is None else len(posterior)
    by_draw = None if posterior is None else weights @ posterior
    result = xp.empty_like(draws[0, :, 0])
    size = max(1, _CHUNK_CELLS // ((n_draws + n_mixtures) * n_classes))
    for rows in row_chunks(n_rows, size):
        proba = draws[:, rows].reshape(n_draws, -1)
        mixed = _mean(proba)[None] if posterior is None else posterior @ proba
        told = _mean(_p_ln_p(proba), by_draw) - _mean(_p_ln_p(mixed), weights)
        result[rows] = xp.sum(told.reshape(-1, n_classes), axis=1)
    return xp.clip(result, 0, None)


def _mean(values: Any, weights: Any = None) -> Any:
    if weights is None:
        return namespace(values).mean(values, axis=0)
    return weights @ values


def _p_ln_p(proba: Any) -> Any:
    terms = _log(proba)
    terms *= proba
    return terms


def _log(proba: Any) -> Any:
    """Logarithm, finite for zeros, whose product with zero is then zero."""
    xp = namespace(proba)
    positive = xp.clip(proba, float(np.finfo(floating_dtype(proba.dtype)).tiny), None)
    return xp.log(positive, out=positive)


class Labelings:
    """Labelings of the picks: how likely each is, and each draw given that one.

    All there are, until those are more than `n_samples`; then some drawn at random.
    """

    def __init__(
        self, n_draws: int, n_samples: int, rng: np.random.Generator | None
    ) -> None:
        self.n_samples = n_samples
        self.n_each = max(1, n_samples // n_draws)
        self.rng = np.random.default_rng(0) if rng is None else rng
        self.counted = True
        self.picked: list[NDArray[Any]] = []
        self.log_joint = np.zeros((1, n_draws))

    def add(self, proba: NDArray[Any]) -> None:
        """Extend the labelings by the label of one more pick, of ``proba`` (S, C)."""
        self.picked.append(proba)
        if self.counted and len(self.log_joint) * proba.shape[1] <= self.n_samples:
            joint = self.log_joint[:, None] + _log(proba).T
            self.log_joint = joint.reshape(-1, len(proba))
        elif self.counted:
            self.counted = False
            self.log_joint = np.sum([self._drawn(each) for each in self.picked], axis=0)
        else:
            self.log_joint += self._drawn(proba)
        self._weigh()

    def _drawn(self, proba: NDArray[Any]) -> NDArray[Any]:
        """Log-probability, by every draw, of labels drawn from each draw."""
        below = np.cumsum(proba, axis=1, dtype=float)
        targets = self.rng.random((len(proba), self.n_each)) * below[:, -1:]
        labels = (targets[:, :, None] >= below[:, None]).sum(axis=2)
        return _log(proba).T[labels.ravel()]

    def _weigh(self) -> None:
        largest = self.log_joint.max(axis=1, keepdims=True)
        posterior = np.exp(self.log_joint - largest)
        total = posterior.sum(axis=1, keepdims=True)
        self.posterior = posterior / total
        likely = np.exp(largest) * total if self.counted else np.ones_like(total)
        self.weights = likely[:, 0] / likely.sum()

    @property
    def information_left(self) -> float:
        """Entropy of the draws given the labels: ln S less the information so far."""
        return -float(self.weights @ _p_ln_p(self.posterior).sum(axis=1))
