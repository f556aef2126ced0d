"""What the kernels share: working precision and walking over rows in chunks."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


def namespace(*arrays: Any) -> Any:
    """The functions to compute with: NumPy's, or torch's under the same names.

    Torch's where one of the arrays is a tensor; it stays on its device. What only one
    of NumPy (2.0 or later) and ``array_api_compat.torch`` has is not to be used.
    """
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(a, torch.Tensor) for a in arrays):
        import array_api_compat.torch

        return array_api_compat.torch
    return np


def device_of(*arrays: Any) -> Any:
    """The device of the tensors among the arrays; None where there is none."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return next((a.device for a in arrays if isinstance(a, torch.Tensor)), None)


def floating_dtype(dtype: Any) -> np.dtype[Any]:
    """Precision to compute in: float32 for float16 and float32, else float64."""
    dtype = np.dtype(dtype)
    single = dtype.kind == "f" and dtype.itemsize <= 4
    return np.dtype(np.float32 if single else np.float64)


def row_chunks(n_rows: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` rows that cover ``n_rows`` rows in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
