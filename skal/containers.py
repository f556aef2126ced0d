"""The kinds of X that skal takes, and how to take rows of them.

A pool may be an ndarray of any rank, a memmap, a sparse matrix, a DataFrame, a list of
texts, a torch tensor or a torch ``Dataset``. It is never copied whole nor densified.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

# Ascending positions in a pool. All of a large pool is a range: eight bytes a row are
# not worth their time.
Positions = NDArray[np.intp] | range

_CHUNK_BYTES = 64 * 2**20
_UNKNOWN_ROW_BYTES = 4096


def as_pool(X: Any) -> Any:
    """Make X indexable by row, converting only what has to be.

    Sparse matrices become CSR, torch ``Dataset`` objects a skorch ``SliceDataset``,
    objects that know nothing but ``__array__`` an ndarray.
    """
    if sp.issparse(X):
        return X.tocsr()
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(X, torch.utils.data.Dataset):
        return _slice_dataset(X)
    if hasattr(X, "__array__") and not hasattr(X, "shape"):
        return np.asarray(X)
    return X


def is_dataset(X: Any) -> bool:
    """Tell whether X is a torch ``Dataset``, or rows of one, and not an array."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    source = X if hasattr(X, "iloc") else getattr(X, "dataset", X)
    return isinstance(source, torch.utils.data.Dataset)


def _slice_dataset(dataset: Any) -> Any:
    from skal._slices import InputSlice

    return InputSlice(dataset, idx=0)


def n_rows(X: Any) -> int:
    """Count the rows of X."""
    return _num_samples(X)


def as_array(positions: Positions) -> NDArray[np.intp]:
    """Write a range of positions out."""
    if isinstance(positions, range):
        return np.arange(positions.start, positions.stop)
    return positions


def as_index(positions: Positions) -> NDArray[np.intp] | slice:
    """Return what NumPy indexes by fastest."""
    if isinstance(positions, range):
        return slice(positions.start, positions.stop)
    return positions


def take(X: Any, positions: Positions) -> Any:
    """Rows of X at ascending positions; a run of them as a view where X has views."""
    n = len(positions)
    if n == 0 or positions[-1] - positions[0] != n - 1:
        return _safe_indexing(X, positions)
    start = int(positions[0])
    if start == 0 and n == n_rows(X):
        return X
    return _safe_indexing(X, slice(start, start + n))


def chunks(X: Any, positions: Positions) -> Any:
    """Cut positions into pieces whose rows fit scikit-learn's ``working_memory``."""
    limit = min(_CHUNK_BYTES, get_config()["working_memory"] * 2**20)
    size = max(1, int(limit / _row_bytes(X)))
    for start in range(0, len(positions), size):
        yield positions[start : start + size]


def _row_bytes(X: Any) -> float:
    n = max(1, n_rows(X))
    if sp.issparse(X):
        return max(8.0, 1.5 * X.data.nbytes / n)
    if isinstance(X, np.ndarray) or hasattr(X, "element_size"):
        return max(8.0, X.nbytes / n)
    if hasattr(X, "iloc"):
        return max(8.0, 8.0 * np.prod(X.shape[1:]))
    return float(_UNKNOWN_ROW_BYTES)
