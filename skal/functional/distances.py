"""Euclidean distances to the nearest of many centers."""

from typing import Any

from ._frame import Frame
from ._tables import as_table


def distance_to_nearest(X: Any, centers: Any) -> Any:
    """Euclidean distance from each row to the nearest center.

    How far a row is from everything seen so far: the score of the k-center strategy.
    In high dimensions without structure all distances are nearly equal, and this says
    little.

    O(n m d) time in matrix products; O(n + m d) memory besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole.
    centers : array-like, sparse matrix or tensor of shape (m, d)
        The centers; sparse only if ``X`` is. May have no rows.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Distances, in the precision of ``X`` (float16 gives float32, integers give
        float64); infinite where there is no center.

    Raises
    ------
    ValueError
        If ``X`` or ``centers`` has not two dimensions, or their columns differ.

    Notes
    -----
    A squared distance below 32 eps times the squared distance of the row from the
    mean of ``X`` (from the origin for sparse input) is rounding noise, and counts as 0.

    Examples
    --------
    >>> from skal.functional import distance_to_nearest
    >>> distance_to_nearest([[1.0], [2.0], [6.0]], [[0.0], [5.0]])
    array([1., 2., 1.])
    """
    frame = Frame(as_table(X, "X"))
    centers = frame.put(as_table(centers, "centers", like=frame.X))
    return frame.xp.sqrt(frame.squared_to_nearest(centers))
