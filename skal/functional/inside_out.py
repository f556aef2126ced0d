"""The order in which the rows of a cluster are asked for, where strangers are near."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skal.functional._arrays import as_floating, to_numpy
from skal.functional.ranking import round_to_grid


def inside_out_order(distance: Any, radius: float) -> NDArray[np.intp]:
    """Order rows by their distance from a center: inwards from a circle, then outwards.

    The circle is where the nearest stranger was found. Rows inside are most likely no
    strangers, and those next to the circle tell the most; what is outside comes last,
    the nearest first. With an infinite radius the farthest come first.

    O(n log n) time.

    Parameters
    ----------
    distance : array-like or tensor of shape (n,)
        Distances of the rows from the center of their cluster, 0 or more.
    radius : float
        Distance of the nearest stranger; ``inf`` where there is none. Rows on the
        circle are inside.

    Returns
    -------
    order : ndarray of intp of shape (n,)
        Positions. Equal distances, as far as rounding lets one tell: the lowest first.

    Raises
    ------
    ValueError
        If `distance` has not one dimension or holds NaN, or `radius` is NaN.

    References
    ----------
    .. [1] Kim, Kim & Hwang (2023). Deep Active Learning with Contrastive Learning Under
       Realistic Data Pool Assumptions.

    Examples
    --------
    >>> from skal.functional import inside_out_order
    >>> inside_out_order([1.0, 4.0, 4.5, 6.0, 9.0], 5.0)
    array([2, 1, 0, 3, 4])
    """
    far = to_numpy(as_floating(distance))
    if far.ndim != 1 or np.isnan(far).any():
        raise ValueError(
            f"distance must be one number a row and no NaN, got the shape {far.shape}."
        )
    if np.isnan(radius):
        raise ValueError("radius is NaN: give a distance, or inf.")
    inside = far <= radius
    grid = np.asarray(round_to_grid(far))
    return np.lexsort((np.where(inside, -grid, grid), ~inside)).astype(np.intp)
