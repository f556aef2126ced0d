"""Features of a batch and of its pool, and the nearest of many rows."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from skal.labels import as_positions

_CHUNK_CELLS = 2**22


def tables(queried: Any, pool: Any) -> tuple[Any, Any]:
    """Return the features of a pool and of a batch, both dense or both sparse."""
    pool = _as_table(pool, "pool")
    if np.ndim(queried) == 1 and not sp.issparse(queried):
        return pool, pool[as_positions(queried, pool.shape[0], "queried")]
    batch = _as_table(queried, "queried")
    if batch.shape[1] != pool.shape[1]:
        raise ValueError(
            f"queried has {batch.shape[1]} columns and pool has {pool.shape[1]}: give "
            f"features of the same kind."
        )
    if sp.issparse(pool) != sp.issparse(batch):
        pool, batch = sp.csr_array(pool), sp.csr_array(batch)
    return pool, batch


def _as_table(features: Any, name: str) -> Any:
    table = features.tocsr() if sp.issparse(features) else np.asarray(features)
    if table.ndim != 2 or 0 in table.shape or table.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has the shape {table.shape} and the dtype {table.dtype}: give a "
            f"table of numbers with at least one row, (n, d)."
        )
    values = table.data if sp.issparse(table) else table
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity.")
    return table


def distances_to_nearest(rows: Any, centers: Any, n: int) -> NDArray[np.float64]:
    """Distances (len(rows), n) to the n nearest centers, ascending.

    The neighbors are found by matrix products, and their distances taken from
    differences: what is equal is at distance zero.
    """
    origin = 0 if sp.issparse(centers) else centers.mean(axis=0, dtype=np.float64)
    finder = NearestNeighbors(n_neighbors=n, algorithm="brute")
    centers = _shifted(centers, origin)
    finder.fit(centers)
    n_rows, d = rows.shape
    out = np.empty((n_rows, n))
    size = max(1, _CHUNK_CELLS // d)
    for start in range(0, n_rows, size):
        chunk = _shifted(rows[start : start + size], origin)
        found = finder.kneighbors(chunk, return_distance=False)
        for column in range(n):
            away = chunk - centers[found[:, column]]
            squares = away.multiply(away) if sp.issparse(away) else away * away
            out[start : start + size, column] = np.sqrt(np.ravel(squares.sum(axis=1)))
    return np.sort(out, axis=1)


def _shifted(table: Any, origin: Any) -> Any:
    if sp.issparse(table):
        return sp.csr_array(table, dtype=np.float64)
    return table - origin
