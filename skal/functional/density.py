"""The density of a mixture with one Gaussian for each class."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arrays import device_of, namespace, row_chunks
from ._scatter import Axes, principal_axes
from ._tables import as_table, cast, groups, squared_norms, working_dtype

_CHUNK_ROWS = 1024
_LOG_TWO_PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class _Gaussian:
    """Variances (r,) along axes (r, d), and another in all other directions."""

    log_weight: float
    mean: Any
    axes: Any
    variances: Any
    variance_outside: float
    jitter: float

    def log_density(self, block: Any) -> Any:
        xp, d = namespace(block), block.shape[1]
        centered = block - self.mean
        inside = (centered @ self.axes.T) ** 2
        outside = squared_norms(centered) - xp.sum(inside, axis=1)
        outside = xp.maximum(outside, xp.zeros_like(outside))
        distance = xp.sum(inside / self.variances, axis=1)
        log_volume = float(xp.sum(xp.log(self.variances)))
        if n_outside := d - len(self.variances):
            distance = distance + outside / self.variance_outside
            log_volume += n_outside * float(np.log(self.variance_outside))
        return self.log_weight - (distance + log_volume + d * _LOG_TWO_PI) / 2


@dataclass(frozen=True)
class ClassGaussians:
    """A mixture with one Gaussian for each class that has labeled rows.

    Attributes
    ----------
    components : tuple
        The Gaussians, by ascending class.
    """

    components: tuple[_Gaussian, ...]

    @property
    def jitter(self) -> list[float]:
        """What was added to the variances of each class."""
        return [gaussian.jitter for gaussian in self.components]

    def log_density(self, X: Any) -> Any:
        """Logarithm of the density of each row, (n,), computed in float64."""
        X = as_table(X, "X")
        xp = namespace(X)
        result = xp.empty((X.shape[0],), dtype=xp.float64, device=device_of(X))
        for rows in row_chunks(X.shape[0], _CHUNK_ROWS):
            block = cast(X[rows], xp.float64)
            logs = xp.stack([g.log_density(block) for g in self.components], axis=1)
            largest = xp.max(logs, axis=1)
            summed = xp.sum(xp.exp(logs - largest[:, None]), axis=1)
            result[rows] = largest + xp.log(summed)
        return cast(result, working_dtype(X))


def class_gaussians(
    X_labeled: Any, y_labeled: Any, *, jitter: float = 1e-6
) -> ClassGaussians:
    """Fit a Gaussian to the labeled rows of each class.

    Each class has its own mean and covariance, and a weight that is its share of the
    labeled rows. Meant for classes with more rows than features: below that, the
    covariance is singular and `jitter` decides what the density is.

    O(m d min(m, d)) time for m rows of a class, O(m d) memory.

    Parameters
    ----------
    X_labeled : array-like or tensor of shape (m, d)
        The labeled rows, at least one.
    y_labeled : array-like or tensor of int of shape (m,)
        Their classes.
    jitter : float, default=1e-6
        Where the smallest variance of a class in any direction is below this share of
        its mean variance, that much is added in all directions.

    Returns
    -------
    ClassGaussians
        With the method ``log_density(X)`` and, for each class, the ``jitter`` added.

    Raises
    ------
    ValueError
        If ``X_labeled`` has not two dimensions, or ``jitter`` is not positive.

    Notes
    -----
    The authors add the least number with which a factorization succeeds, from 1e-308
    on, and the densities hang on that number. A class with one row has the covariance
    within the classes that have more; where there is none, that of all labeled rows.
    Covariances are kept as their principal axes, of which a class has no more than
    rows, so nothing of shape (classes, d, d) is formed.

    References
    ----------
    .. [1] J. Mukhoti, A. Kirsch, J. van Amersfoort, P. H. S. Torr and Y. Gal, "Deep
       deterministic uncertainty: a new simple baseline", CVPR 2023.

    Examples
    --------
    >>> from skal.functional import class_gaussians
    >>> gaussians = class_gaussians([[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1])
    >>> gaussians.log_density([[1.0], [5.0]]).round(6), gaussians.jitter
    (array([-1.958659, -5.858453]), [0.0, 0.0])
    """
    if not jitter > 0:
        raise ValueError(f"jitter must be above 0, got {jitter!r}.")
    X_labeled = as_table(X_labeled, "X_labeled")
    xp = namespace(X_labeled)
    rows = {
        code: cast(X_labeled[positions], xp.float64)
        for code, positions in groups(y_labeled)
    }
    means = {code: xp.mean(members, axis=0) for code, members in rows.items()}
    shared = _shared_covariance(X_labeled, rows, means)
    gaussians = []
    for code, members in rows.items():
        covariance = shared
        if len(members) > 1:
            covariance = _covariance(members - means[code], len(members) - 1)
        weight = float(np.log(len(members) / X_labeled.shape[0]))
        gaussians.append(_gaussian(weight, means[code], covariance, shared[0], jitter))
    return ClassGaussians(tuple(gaussians))


def gaussian_log_density(X: Any, X_labeled: Any, y_labeled: Any) -> Any:
    """Logarithm of the density of each row under a Gaussian for each class.

    Low far from everything that was labeled. See `class_gaussians` for what is fitted,
    and when it is the wrong tool: with fewer rows a class than features, most of what
    it says is made up by the jitter.

    O(n d r) time for r principal axes of all classes together, at most the labeled
    rows; O(n + m d) memory besides chunks.

    Parameters
    ----------
    X : array-like or tensor of shape (n, d)
        The rows.
    X_labeled : array-like or tensor of shape (m, d)
        The labeled rows, at least one.
    y_labeled : array-like or tensor of int of shape (m,)
        Their classes.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Logarithms, summed over the classes in log space, in the precision of ``X``
        (float16 gives float32, integers give float64).

    Raises
    ------
    ValueError
        If ``X`` or ``X_labeled`` has not two dimensions.

    References
    ----------
    .. [1] J. Mukhoti, A. Kirsch, J. van Amersfoort, P. H. S. Torr and Y. Gal, "Deep
       deterministic uncertainty: a new simple baseline", CVPR 2023.

    Examples
    --------
    >>> from skal.functional import gaussian_log_density
    >>> X_labeled, y_labeled = [[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1]
    >>> gaussian_log_density([[5.0], [20.0]], X_labeled, y_labeled).round(6)
    array([ -5.858453, -26.958659])
    """
    return class_gaussians(X_labeled, y_labeled).log_density(X)


def _covariance(centered: Any, n_free: int) -> Axes:
    squares, axes = principal_axes(centered)
    return squares / n_free, axes


def _shared_covariance(X_labeled: Any, rows: Any, means: Any) -> Axes:
    """Covariance within the classes; of all rows where each has a class of its own."""
    xp = namespace(X_labeled)
    centered = [members - means[code] for code, members in rows.items()]
    n_free = X_labeled.shape[0] - len(centered)
    if n_free:
        return _covariance(xp.concat(centered), n_free)
    everything = xp.concat(list(rows.values()))
    return _covariance(everything - xp.mean(everything, axis=0), max(1, len(rows) - 1))


def _gaussian(
    log_weight: float, mean: Any, covariance: Axes, shared: Any, jitter: float
) -> _Gaussian:
    (variances, axes), d = covariance, len(mean)
    scale = float(variances.sum()) or float(shared.sum()) or float(d)
    smallest = float(variances[-1]) if len(variances) == d else 0.0
    least = jitter * scale / d
    added = 0.0 if smallest >= least else least
    return _Gaussian(log_weight, mean, axes, variances + added, added, added)
