"""A pool in two dimensions."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.utils import check_array

from skal._seeding import seed_params
from skal.containers import as_pool, n_rows
from skal.readout import read_only

_SEED = 0
_HINT = (
    "Pass a transformer that makes two columns of X; for texts, "
    "make_pipeline(TfidfVectorizer(), TruncatedSVD(2))."
)


def project(X, transformer=None):
    """Return X in two dimensions, (n, 2), and the names of the dimensions.

    A transformer that was left at ``random_state=None`` is seeded with a constant.
    """
    if transformer is None:
        table = _as_table(X)
        if table.shape[1] == 2:
            names = getattr(X, "columns", ("Feature 1", "Feature 2"))
            return _dense(table), tuple(map(str, names))
        kind = TruncatedSVD if sp.issparse(table) else PCA
        X, transformer = table, kind(2, random_state=_SEED)
    elif isinstance(transformer, type) or not hasattr(transformer, "fit_transform"):
        raise TypeError(
            f"transformer is {transformer!r}: give an instance of a transformer with "
            f"fit_transform, such as PCA(2) or TSNE()."
        )
    transformer = seed_params(clone(transformer, safe=False), _SEED)
    points = _dense(transformer.fit_transform(read_only(X)))
    if points.shape != (n_rows(X), 2) or not np.isfinite(points).all():
        raise ValueError(
            f"transformer={transformer!r} made an array of the shape {points.shape} of "
            f"X; it needs two finite numbers a row, ({n_rows(X)}, 2)."
        )
    name = type(getattr(transformer, "steps", [(None, transformer)])[-1][1]).__name__
    return points, (f"{name} 1", f"{name} 2")


def _as_table(X):
    """Return X as a table of numbers, dense or CSR; images flat."""
    try:
        table = check_array(
            as_pool(X), accept_sparse="csr", ensure_2d=False, allow_nd=True
        )
    except (TypeError, ValueError) as error:
        raise TypeError(f"X cannot be drawn as it is: {error} {_HINT}") from error
    if table.ndim > 2:
        table = table.reshape(len(table), -1)
    if table.ndim < 2 or table.shape[1] < 2:
        raise ValueError(
            f"X has the shape {table.shape} and a map has two dimensions. {_HINT}"
        )
    return table


def _dense(values):
    return values.toarray() if sp.issparse(values) else np.asarray(values)
