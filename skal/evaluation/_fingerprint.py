"""Texts that tell data and parameters apart: the same in every process."""

import functools
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
_LONGEST = 300
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
_NAMED = (type, types.BuiltinFunctionType, types.ModuleType, np.ufunc)


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
    try:
        text = _describe(value, ())
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(
            f"path tells runs apart by what {name} holds, and it cannot be looked "
            f"through ({error}): pass path=None, or {name} as an array or an object "
            f"that pickles."
        ) from error
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}... {_digest_of_text(text)}"


def _describe(value, around):
    """Describe a value; `around` are the objects that it is a part of."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, np.generic) and value.dtype.kind != "V":
        return repr(value.item())
    if isinstance(value, _NAMED):
        return _name(value)
    if any(value is other for other in around):
        return "..."
    if is_dataset(value):
        raise TypeError("it is a torch Dataset, whose rows come one by one")
    parts = functools.partial(_describe, around=(*around, value))
    return _of_code(value, parts) or _of_data(value, parts) or _of_object(value, parts)


def _name(kind):
    return f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', kind)}"


def _of_code(value, parts):
    """Describe functions by what they do, and by what they refer to."""
    if isinstance(value, types.CodeType):
        inner = (value.co_consts, value.co_names, value.co_varnames)
        return f"code {_digest_of_text(value.co_code.hex() + parts(inner))}"
    if isinstance(value, types.FunctionType):
        inner = [value.__code__]
        if not _is_found_by_name(value):  # what it was made with counts as well
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            inner += [value.__defaults__, value.__kwdefaults__, cells]
        return f"{_name(value)} {_digest_of_text(parts(inner))}"
    if isinstance(value, types.MethodType):
        return f"{parts(value.__func__)} of {parts(value.__self__)}"
    if isinstance(value, functools.partial):
        return f"partial({parts((value.func, value.args, value.keywords))})"
    return None


def _is_found_by_name(function):
    module = sys.modules.get(function.__module__)
    return getattr(module, function.__qualname__, None) is function


def _of_data(value, parts):
    """Describe collections, arrays and tables by what they hold."""
    kind = type(value).__name__
    if isinstance(value, Mapping):
        pairs = sorted(f"{parts(k)}: {parts(v)}" for k, v in value.items())
        return f"{kind}({', '.join(pairs)})"
    if isinstance(value, (set, frozenset)):
        return f"{kind}({', '.join(sorted(map(parts, value)))})"
    if isinstance(value, (list, tuple)):
        text = ", ".join(map(parts, value))
        if len(text) > _LONGEST:
            text = f"{len(value)} values, {_digest_of_text(text)}"
        return f"{kind}({text})"
    if isinstance(value, np.ndarray):
        inner = value.ravel().tolist() if value.dtype.kind == "O" else None
        digest = _digest(value) if inner is None else _digest_of_text(parts(inner))
        return f"ndarray {value.shape} {value.dtype} {digest}"
    if sp.issparse(value):
        rows = value.tocsr()
        inner = (rows.data, rows.indices, rows.indptr)
        return f"{kind} {value.shape} {_digest_of_text(parts(inner))}"
    if hasattr(value, "iloc") and hasattr(value, "to_numpy"):
        columns = [value] if value.ndim == 1 else [value[c] for c in value.columns]
        inner = [(c.name, str(c.dtype), c.to_numpy()) for c in columns]
        return f"{kind} {value.shape} {_digest_of_text(parts(inner))}"
    return None


def _of_object(value, parts):
    """Describe objects by their class and parameters, or whatever makes them up."""
    kind = _name(type(value))
    if hasattr(value, "get_params"):
        params = sorted(value.get_params(deep=False).items())
        return f"{kind}({', '.join(f'{k}={parts(v)}' for k, v in params)})"
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return f"{kind} {parts(value.float().numpy(force=True))} {value.dtype}"
    if torch is not None and isinstance(value, torch.nn.Module):
        return f"{kind} {_digest_of_text(repr(value) + parts(value.state_dict()))}"
    if isinstance(value, np.random.Generator):
        return f"{kind} {parts(value.bit_generator.state)}"
    if isinstance(value, np.random.RandomState):
        return f"{kind} {parts(value.get_state(legacy=False))}"
    if vars(value) if hasattr(value, "__dict__") else False:
        return f"{kind} {parts(vars(value))}"
    return f"{kind} {_digest(value)}"


def _digest_of_text(text):
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:16]


def _digest(value):
    if isinstance(value, np.ndarray):
        value = np.ascontiguousarray(value)  # a memmap too is what it holds
    return joblib.hash(value, hash_name="sha1", coerce_mmap=True)[:16]
