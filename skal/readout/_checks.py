"""What a model says, checked once and brought into shape."""

import copy

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, gen_even_slices

from skal.containers import n_rows

_ROW_SUM_TOLERANCE = 1e-3
_BLOCK_CELLS = 2**19  # stays in the cache between two passes


def check_proba(proba, positions=None):
    """Return probabilities (rows, classes) as floats, or name the first bad row."""
    proba = as_float(np.asarray(proba), "proba")
    if proba.ndim != 2 or proba.shape[1] == 0:
        raise ValueError(
            f"proba has {proba.ndim} dimension(s) and the shape {proba.shape}: give "
            f"one row a row of X and one column a class."
        )
    if len(proba) == 0:
        return proba
    for rows in gen_even_slices(len(proba), 1 + proba.size // _BLOCK_CELLS):
        if not _are_probabilities(block := proba[rows]):
            good = [_are_probabilities(row[None]) for row in block]
            row = rows.start + int(np.argmin(good))
            raise ValueError(_bad_row(proba, row, positions))
    return proba


def _are_probabilities(block):
    sums = block @ np.ones(block.shape[1], dtype=block.dtype)
    low, high = 1 - _ROW_SUM_TOLERANCE, 1 + _ROW_SUM_TOLERANCE
    # NaN and infinity fail the comparisons
    return low <= sums.min() and sums.max() <= high and block.min() >= 0


def _bad_row(proba, row, positions):
    values = proba[row]
    where = row if positions is None else int(positions[row])
    if not np.isfinite(values).all():
        wrong = "holds NaN or infinity"
    elif (values < 0).any():
        wrong = "holds a negative value"
    else:
        wrong = f"sums to {values.sum():.6g} and not to 1"
    return (
        f"proba {wrong} in row {where}: {values[:10]}. Each row must hold the "
        f"probabilities of the classes."
    )


def check_finite(values, positions, name):
    """Return numbers (rows, ...) as floats, or name the first row that holds others."""
    values = as_float(np.asarray(values), name)
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{name} holds NaN or infinity in row "
            f"{int(positions[np.argmin(finite)])}: the training diverged; lower `lr`."
        )
    return values


def as_features(values, positions=None):
    """Return features (rows, d), dense or CSR, as floats, or name the first bad row."""
    if sp.issparse(values):
        values = values.tocsr()
        if values.dtype.kind != "f" or values.dtype == np.float16:
            values = values.astype(np.float64)
    elif not isinstance(values, np.ndarray):
        values = check_array(values, ensure_all_finite=False)
    values = values if sp.issparse(values) else as_float(values, "embedding")
    if values.ndim != 2:
        raise ValueError(
            f"embedding has {values.ndim} dimension(s) and the shape {values.shape}: "
            f"give one row of features a row of X, or the strategy a `representation`."
        )
    data = values.data if sp.issparse(values) else values
    with np.errstate(over="ignore", invalid="ignore"):  # a matrix product is fastest
        sums = data @ np.ones(data.shape[-1], dtype=data.dtype)
    if not np.isfinite(sums).all() and not np.isfinite(data).all():
        row = _first_infinite_row(values)
        where = row if positions is None else int(positions[row])
        raise ValueError(
            f"embedding holds NaN or infinity in row {where}. Impute or drop such "
            f"values, or give the strategy a `representation` that does."
        )
    return values


def _first_infinite_row(values):
    if sp.issparse(values):
        first = int(np.argmin(np.isfinite(values.data)))
        return int(np.searchsorted(values.indptr, first, side="right")) - 1
    return int(np.argmin(np.isfinite(values).all(axis=1)))


def as_float(values, name):
    """Return an ndarray as float32 or float64, itself where it is that already."""
    if values.dtype in (np.float32, np.float64):
        return values
    if values.dtype == np.float16:
        return values.astype(np.float32)
    if values.dtype.kind not in "biufO":
        raise TypeError(f"{name} is of dtype {values.dtype}, which holds no numbers.")
    try:
        return values.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise TypeError(
            f"{name} holds what is no number: {error}. Give the strategy a "
            f"`representation`, a transformer that makes a table of numbers of X."
        ) from error


def read_only(values):
    """Return an array, dense or CSR, as a view whose values cannot be written to."""
    if sp.issparse(values) and values.format == "csr":
        view = copy.copy(values)
        view.data = read_only(values.data)
        return view
    if not isinstance(values, np.ndarray):
        return values
    values = values.view()
    values.flags.writeable = False
    return values


def is_table(X):
    """Tell whether X is a table of numbers, so that it can be its own features."""
    if isinstance(X, (list, tuple)):
        return len(X) > 0 and np.ndim(X[0]) == 1 and _is_numeric(np.asarray(X[0]))
    if getattr(X, "ndim", 2 if hasattr(X, "iloc") else 0) != 2:
        return False
    if hasattr(X, "iloc"):
        return all(getattr(dtype, "kind", "O") in "biuf" for dtype in X.dtypes)
    return _is_numeric(X)


def _is_numeric(X):
    return getattr(X.dtype, "kind", "f") in "biuf"  # torch's dtypes have no kind


def align_columns(values, names, classes, fill=0.0):
    """Give an array (rows, len(names)) one column for each of `classes`.

    Classes that the model does not know get `fill`. Columns that are no class are
    dropped, and probabilities (``fill=0``) sum to 1 again without them; a row that had
    all its mass there says nothing about the classes, and each is as probable.
    """
    if values.ndim == 1:  # decision function of two classes
        values = np.column_stack([-values, values])
    names, classes = np.asarray(names).tolist(), np.asarray(classes).tolist()
    if len(names) != values.shape[1]:
        raise ValueError(
            f"The model has {values.shape[1]} columns and names {len(names)} classes: "
            f"{names[:10]}. Give it as many outputs as it knows classes."
        )
    if names == classes:
        return values
    column = {name: number for number, name in enumerate(classes)}
    kept = [number for number, name in enumerate(names) if name in column]
    if not kept:
        raise ValueError(
            f"The model knows the classes {names[:10]}, none of them among the classes "
            f"{classes[:10]}."
        )
    out = np.full((n_rows(values), len(classes)), fill, dtype=values.dtype)
    out[:, [column[names[number]] for number in kept]] = values[:, kept]
    if fill == 0 and len(kept) < len(names):
        total = out.sum(axis=1, keepdims=True)
        out[total[:, 0] == 0] = 1
        out /= np.where(total > 0, total, len(classes))
    return out
