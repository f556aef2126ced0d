"""Texts that tell data and parameters apart: the same in every process."""

import hashlib
import pickle
import sys
import types
from collections.abc import Mapping

import joblib
import numpy as np
import scipy.sparse as sp

from skal.containers import is_dataset

# Parameters of a learner that leave its results as they are, or are set elsewhere.
_NO_MATTER = {"random_state", "scoring", "verbose", "memory"}


def describe_learner(learner, name):
    """Describe each parameter of a learner, by its name."""
    params = learner.get_params(deep=False)
    return {
        key: describe(value, f"{key} of strategies[{name!r}]")
        for key, value in params.items()
        if key not in _NO_MATTER
    }


def describe(value, name):
    """Return a text that is equal for equal values; `name` is for the error."""
    if is_dataset(value):
        raise ValueError(
            f"path tells runs apart by what {name} holds, and a torch Dataset cannot "
            f"be looked through: pass path=None, or {name} as an array."
        )
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return _describe_code(value)
    if hasattr(value, "get_params"):
        return _call(value, value.get_params(deep=False), name)
    if isinstance(value, Mapping):
        return _call(value, {str(k): v for k, v in value.items()}, name)
    return _describe_object(value)


def _call(value, parts, name):
    parts = ", ".join(f"{k}={describe(v, name)}" for k, v in sorted(parts.items()))
    return f"{type(value).__name__}({parts})"


def _describe_code(value):
    name = f"{value.__module__}.{value.__qualname__}"
    code = getattr(value, "__code__", None)
    if code is None:
        return name
    constants = [c for c in code.co_consts if not isinstance(c, types.CodeType)]
    body = code.co_code + repr((constants, code.co_names)).encode()
    return f"{name} {hashlib.sha1(body, usedforsecurity=False).hexdigest()[:16]}"


def _describe_object(value):
    """Describe by kind, shape and contents; by its kind alone what has no pickle."""
    if isinstance(value, np.memmap):
        value = np.asarray(value)
    shape = getattr(value, "shape", None)
    if shape is None and hasattr(value, "__len__"):
        shape = (len(value),)
    digest = _digest(_contents(value))
    parts = [type(value).__name__, shape, getattr(value, "dtype", None), digest]
    return " ".join(str(part) for part in parts if part is not None)


def _contents(value):
    """Return what a value is made of, without what it has cached."""
    if sp.issparse(value):
        return [getattr(value, name) for name in ("data", "indices", "indptr")]
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.numpy(force=True)
    if torch is not None and isinstance(value, torch.nn.Module):
        state = value.state_dict()
        return repr(value), {k: v.numpy(force=True) for k, v in state.items()}
    return value


def _digest(value):
    try:
        return joblib.hash(value, hash_name="sha1", coerce_mmap=True)[:16]
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
