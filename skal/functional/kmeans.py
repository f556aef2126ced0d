"""Clusters by k-means."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ._arrays import as_array, device_of, namespace, row_chunks, to_numpy
from ._frame import Frame
from ._tables import as_table, cast, inner_products, is_sparse, squared_norms
from .d2_sampling import d2_sampling

_CHUNK_ROWS = 2048
_MAX_PASSES = 100
_FEW_CLUSTERS = 50
# For few clusters and for many: how many seedings, and the least drop to go on.
_FEW, _MANY = (4, 1e-3), (1, 5e-3)


def k_means(
    X: Any,
    n_clusters: int,
    rng: np.random.Generator,
    *,
    least_drop: float | None = None,
) -> tuple[Any, Any]:
    """Divide rows into clusters around their means, of a small sum of squares.

    Clusters come out as balls of some equal size; long, nested or very unequal ones are
    cut up or merged. Made for the many clusters that selection asks for, of which no
    one is looked at: it stops when passes gain little. Where the clusters themselves
    are the result, scikit-learn's ``KMeans`` polishes longer.

    O(n n_clusters d) time a pass, in matrix products, and some 5 to 10 passes; memory
    O(n + n_clusters d) besides chunks.

    Parameters
    ----------
    X : array-like, sparse matrix or tensor of shape (n, d)
        The rows. Sparse input is never densified whole, nor are its centers.
    n_clusters : int
        How many; more than there are rows gives one a row.
    rng : numpy.random.Generator
        Draws the first centers.
    least_drop : float, default=None
        The share of the sum of squares by which a pass must lower it for another one to
        follow; 0 goes on until nothing moves, at most 100 passes. None: 0.5 %, or 0.1 %
        up to 50 clusters.

    Returns
    -------
    centers : ndarray, CSR array or tensor of shape (min(n_clusters, n), d)
    labels : ndarray of intp or tensor of int64 of shape (n,)
        Number of the nearest center of each row. A center may have no row where rows
        are equal.

    Raises
    ------
    ValueError
        If ``X`` has not two dimensions or no row, or ``n_clusters`` is less than 1.

    Notes
    -----
    Lloyd's passes from `d2_sampling` seeds. Up to 50 clusters, where a bad seeding can
    merge two of them, the best of four seedings is taken. Centers that lose all rows
    stay where they are.

    References
    ----------
    .. [1] S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on
       Information Theory 28, 1982.
    .. [2] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful
       seeding", SODA 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.functional import k_means
    >>> X = [[0.0], [1.0], [10.0], [11.0]]
    >>> centers, labels = k_means(X, 2, np.random.default_rng(0))
    >>> np.sort(centers, axis=0).T
    array([[ 0.5, 10.5]])
    """
    X = as_table(X, "X")
    if n_clusters < 1 or X.shape[0] < 1:
        raise ValueError(
            f"n_clusters and the rows of X must be at least 1, got {n_clusters} and "
            f"{X.shape[0]}."
        )
    frame = Frame(X)
    n_seedings, usual_drop = _FEW if n_clusters <= _FEW_CLUSTERS else _MANY
    least_drop = usual_drop if least_drop is None else least_drop
    seedings = [d2_sampling(X, n_clusters, rng) for _ in range(n_seedings)]
    passes = [_assign(frame, frame.at(seeds)) for seeds in seedings]
    best = min(passes, key=lambda result: result.inertia)
    for _ in range(_MAX_PASSES):
        following = _assign(frame, best.means())
        done = following.inertia >= (1 - least_drop) * best.inertia
        best = min(best, following, key=lambda result: result.inertia)
        if done:
            break
    return frame.back(best.centers), best.labels


@dataclass(frozen=True)
class _Pass:
    """The nearest center of each row, the sums of their rows, and how far they are."""

    centers: Any
    labels: Any
    sums: Any
    inertia: float

    def means(self) -> Any:
        """Return the mean of each cluster, the center of an empty one."""
        sizes = np.bincount(to_numpy(self.labels), minlength=self.centers.shape[0])
        empty = (sizes == 0).astype(float)
        weights = [
            as_array(values, namespace(self.sums), like=self.sums)[:, None]
            for values in (1 / np.maximum(sizes, 1), empty)
        ]
        if is_sparse(self.sums):
            parts = self.sums.multiply(weights[0]), self.centers.multiply(weights[1])
            return cast(sparse.csr_array(parts[0] + parts[1]), self.sums.dtype)
        means = self.sums * weights[0] + self.centers * weights[1]
        return cast(means, self.sums.dtype)


def _indicator(labels: Any, centers: Any) -> Any:
    """Return ones (m, rows) where a row belongs to a center; CSR but for tensors."""
    m = centers.shape[0]
    if device_of(labels) is None:
        ones, starts = np.ones(len(labels), centers.dtype), np.arange(len(labels) + 1)
        shape = (len(labels), m)
        return sparse.csr_array((ones, labels, starts), shape=shape).T.tocsr()
    numbers = as_array(np.arange(m), namespace(labels), like=labels)
    return cast(labels == numbers[:, None], centers.dtype)


def _assign(frame: Frame, centers: Any) -> _Pass:
    n, xp = frame.X.shape[0], frame.xp
    half, sums, inertia = squared_norms(centers) / 2, 0 * centers, 0.0
    labels = as_array(np.empty(n, np.intp), xp, like=frame.X)
    for rows in row_chunks(n, _CHUNK_ROWS):
        block = frame.at(rows)
        nearness = inner_products(block, centers)
        nearness -= half
        labels[rows] = xp.argmax(nearness, axis=1)
        inertia += float(squared_norms(block).sum())
        inertia -= 2 * float(xp.max(nearness, axis=1).sum())
        sums = sums + _indicator(labels[rows], centers) @ block
    return _Pass(centers, labels, sums, max(inertia, 0.0))
