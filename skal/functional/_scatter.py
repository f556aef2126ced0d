"""The principal axes of a cloud of points."""

from typing import Any

import numpy as np

from ._arrays import namespace
from ._tables import inner_products

Axes = tuple[Any, Any]


def principal_axes(centered: Any) -> Axes:
    """Return sums of squares (r,) along principal axes (r, d), the largest first.

    From the smaller of the two matrices of inner products, in float64. What it cannot
    tell from zero is left out, and r is at most ``min(n - 1, d)``.
    """
    xp, (n, d) = namespace(centered), centered.shape
    if n <= d:
        squares, axes = xp.linalg.eigh(inner_products(centered, centered))
    else:
        squares, axes = xp.linalg.eigh(inner_products(centered.T, centered.T))
    squares, axes = xp.flip(squares, axis=0), xp.flip(axes, axis=1)
    noise = max(n, d) * float(np.finfo(float).eps) * squares[:1].sum()
    kept = squares > noise
    kept[n - 1 :] = False
    squares, axes = squares[kept], axes[:, kept]
    if n <= d:
        axes = xp.linalg.qr(centered.T @ axes)[0]
    return squares, axes.T
