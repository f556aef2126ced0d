"""What the kernels share: working precision and walking over rows in chunks."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def floating_dtype(dtype: Any) -> np.dtype[Any]:
    """Precision to compute in: float32 for float16 and float32, else float64."""
    dtype = np.dtype(dtype)
    single = dtype.kind == "f" and dtype.itemsize <= 4
    return np.dtype(np.float32 if single else np.float64)


def row_chunks(n_rows: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` rows that cover ``n_rows`` rows in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
