"""What the kernels share: NumPy or torch, working precision, rows in chunks."""

import functools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


def namespace(*arrays: Any) -> Any:
    """Return the functions to compute with: NumPy's, or torch's under the same names.

    Torch's where one of the arrays is a tensor; it stays on its device. What only one
    of NumPy (2.0 or later) and ``array_api_compat.torch`` has is not to be used.
    """
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(a, torch.Tensor) for a in arrays):
        import array_api_compat.torch

        return array_api_compat.torch
    return np


def device_of(*arrays: Any) -> Any:
    """Return the device of the tensors among the arrays; None where there is none."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return next((a.device for a in arrays if isinstance(a, torch.Tensor)), None)


def as_array(values: Any, xp: Any, like: Any = None) -> Any:
    """Return values as an array of this namespace, on the device of another one."""
    if xp is np:
        return np.asarray(values)
    return xp.asarray(values, device=device_of(values, like))


def to_numpy(array: Any) -> Any:
    """Return an array of NumPy, copied off the device of a tensor."""
    return np.asarray(array) if device_of(array) is None else array.numpy(force=True)


@functools.cache
def floating_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the precision to compute in: float32 up to float32, else float64."""
    name = str(dtype).removeprefix("torch.")
    if name == "bfloat16":
        return np.dtype(np.float32)
    dtype = np.dtype(name)
    single = dtype.kind == "f" and dtype.itemsize <= 4
    return np.dtype(np.float32 if single else np.float64)


def as_floating(values: Any) -> Any:
    """Return an array or tensor in the precision to compute in."""
    xp = namespace(values)
    array = as_array(values, xp)
    return xp.astype(array, getattr(xp, floating_dtype(array.dtype).name), copy=False)


def kth_smallest(values: Any, k: int) -> Any:
    """Return the k-th smallest of many values, counted from 0."""
    if namespace(values) is np:
        return np.partition(values, k)[k]
    return values.kthvalue(k + 1).values


def positions_where(mask: Any) -> Any:
    """Return the positions, ascending, at which a mask of one dimension is true."""
    return namespace(mask).nonzero(mask)[0]


def row_chunks(n_rows: int, size: int) -> Iterator[slice]:
    """Yield slices of at most ``size`` rows that cover ``n_rows`` rows in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
