"""How badly the labeled rows of a class reconstruct a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arrays import as_array, device_of, floating_dtype, namespace, row_chunks
from ._scatter import principal_axes
from ._tables import as_table, cast, groups, squared_norms, working_dtype

_CHUNK_ROWS = 2048
_RESOLUTION = 32
_REACHED = 1e-12
_CANCELED = {"float32": 1e-2, "float64": 1e-6}


@dataclass(frozen=True)
class Subspace:
    """The mean (d,) of some rows and orthonormal axes (r, d) of their variance."""

    mean: Any
    axes: Any


def class_subspaces(
    X_labeled: Any,
    y_labeled: Any,
    n_classes: int,
    n_components: float = 0.97,
) -> list[Subspace]:
    """Principal components of the labeled rows of each class.

    What a class varies in, to measure with `reconstruction_error` what does not fit.
    With few rows a class there are few directions to find, and almost everything new
    looks as if it did not fit.

    O(m d min(m, d)) time for m rows of a class, O(m d) memory.

    Parameters
    ----------
    X_labeled : array-like or tensor of shape (m, d)
        The labeled rows, at least one.
    y_labeled : array-like or tensor of int of shape (m,)
        Their classes, between 0 and ``n_classes - 1``.
    n_classes : int
        How many classes there are.
    n_components : float or int, default=0.97
        Share of the variance to keep, in (0, 1], or a number of components. A class
        never has more than its rows less one, nor more than the features; with a share
        below 1.0, one direction at least is left out.

    Returns
    -------
    list of Subspace
        One for each class. That of a class with one row is the row, that of a class
        without any is made of all labeled rows.

    Raises
    ------
    ValueError
        If ``X_labeled`` has not two dimensions, or ``n_components`` is out of range.

    Notes
    -----
    A share that is reached but for 1e-12 counts as reached. Where few features vary
    alike, all of them are needed for it, and nothing would lie outside the subspace:
    that is why one direction is left out. The variances come from
    inner products in float64, which cannot tell directions from noise where their
    standard deviation is some 1e-7 of the largest: those are left out.

    References
    ----------
    .. [1] N. Ahuja, I. Ndiour, T. Kalyanpur and O. Tickoo, "Probabilistic modeling of
       deep features for out-of-distribution and adversarial detection", 2019.

    Examples
    --------
    >>> from skal.functional import class_subspaces
    >>> subspace, = class_subspaces([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], [0, 0, 0], 1)
    >>> subspace.mean, abs(subspace.axes)
    (array([2., 1.]), array([[1., 0.]]))
    """
    X_labeled = as_table(X_labeled, "X_labeled")
    _check_n_components(n_components)
    of_class = dict(groups(y_labeled))
    spaces = {
        code: _subspace(X_labeled[rows], n_components)
        for code, rows in of_class.items()
    }
    if len(spaces) < n_classes:
        whole = _subspace(X_labeled, n_components)
        spaces = {code: spaces.get(code, whole) for code in range(n_classes)}
    return [spaces[code] for code in range(n_classes)]


def reconstruction_error(X: Any, classes: Any, subspaces: Sequence[Subspace]) -> Any:
    """Distance of each row from the subspace of one class.

    Zero where a row differs from the mean of the class only as its labeled rows differ
    among themselves. It measures what lies outside the subspace and is blind to how far
    out a row lies within it: there `gaussian_log_density` is the better tool.

    O(n d r) time for r components; O(n) memory besides chunks.

    Parameters
    ----------
    X : array-like or tensor of shape (n, d)
        The rows.
    classes : array-like or tensor of int of shape (n,)
        Against which class each row is held, as a rule the predicted one.
    subspaces : sequence of Subspace
        One for each class, as `class_subspaces` makes them.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Euclidean lengths of the residuals, in the precision of ``X`` (float16 gives
        float32, integers give float64); what rounding cannot tell from zero is zero.

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions.

    Notes
    -----
    By Pythagoras, from the squared length less that of the projection; where little is
    left of it, from the residual itself.

    References
    ----------
    .. [1] R. Krishnan, A. Sinha, N. Ahuja, M. Subedar, O. Tickoo and R. Iyer,
       "Mitigating sampling bias and improving robustness in active learning", 2021.

    Examples
    --------
    >>> from skal.functional import class_subspaces, reconstruction_error
    >>> spaces = class_subspaces([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]], [0, 0, 0], 1)
    >>> reconstruction_error([[3.0, 1.0], [10.0, 0.0]], [0, 0], spaces)
    array([1., 0.])
    """
    X = as_table(X, "X")
    xp, dtype = namespace(X), working_dtype(X)
    result = xp.empty((X.shape[0],), dtype=dtype, device=device_of(X))
    for code, rows in groups(classes):
        mean = cast(subspaces[code].mean, dtype)
        axes = cast(subspaces[code].axes, dtype)
        for part in row_chunks(len(rows), _CHUNK_ROWS):
            centered = cast(X[rows[part]], dtype) - mean
            positions = as_array(rows[part], xp, like=X)
            result[positions] = xp.sqrt(_squared_residuals(centered, axes))
    return result


def _check_n_components(n_components: Any) -> None:
    whole = isinstance(n_components, int | np.integer)
    if (
        isinstance(n_components, bool)
        or not isinstance(n_components, int | np.integer | float | np.floating)
        or not (n_components >= 0 if whole else 0 < n_components <= 1)
    ):
        raise ValueError(
            f"n_components is {n_components!r}: give a share of the variance, a float "
            f"above 0 and up to 1.0, or a number of components, an int."
        )


def _subspace(rows: Any, n_components: float) -> Subspace:
    xp = namespace(rows)
    rows = cast(rows, xp.float64)
    mean = xp.mean(rows, axis=0)
    squares, axes = principal_axes(rows - mean)
    if isinstance(n_components, int | np.integer):
        return Subspace(mean, axes[: int(n_components)])
    reached = xp.cumsum(squares, 0) >= (n_components - _REACHED) * xp.sum(squares)
    n_kept = len(squares) - int(xp.sum(reached)) + 1
    if n_components < 1:
        n_kept = min(n_kept, rows.shape[1] - 1)
    return Subspace(mean, axes[:n_kept])


def _squared_residuals(centered: Any, axes: Any) -> Any:
    eps = float(np.finfo(floating_dtype(centered.dtype)).eps)
    canceled = _CANCELED[floating_dtype(centered.dtype).name]
    squares = squared_norms(centered)
    inside = centered @ axes.T
    left = squares - squared_norms(inside)
    again = left < canceled * squares
    residuals = centered[again] - inside[again] @ axes
    left[again] = squared_norms(residuals)
    return left * (left > (_RESOLUTION * eps) ** 2 * squares)
