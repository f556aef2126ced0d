"""Pools of what is wanted, what is between classes, and what is something else."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from skal._seeding import draw_seed, generator
from skal.containers import as_pool, n_rows
from skal.datasets._drawing import as_bunch, open_labels
from skal.datasets._pools import new_label

_SOURCES = ("id", "ambiguous", "ood")


def make_mixed_pool(
    in_distribution: tuple[Any, Any],
    *,
    ambiguous: Any = None,
    ood: Any = None,
    random_state: Any = None,
) -> Bunch:
    """Mix rows of known classes with ambiguous ones and some from elsewhere.

    An open-set pool, as it comes from the field: an annotator who is asked for an
    ambiguous or foreign row says that it belongs to no class, and is paid all the same.
    In the paper's benchmarks the three parts are about 4 : 1 : 1. It is the wrong tool
    where whole classes of one data set are foreign: :func:`make_ood_pool`. All rows are
    copied.

    Parameters
    ----------
    in_distribution : pair (X, y)
        Rows of the classes that are wanted, and their labels, all known.
    ambiguous, ood : containers of rows of the kind of X, default=None
        Rows between the classes, and rows of something else.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the order.

    Returns
    -------
    pool : Bunch
        ``X``, all rows in a random order; ``y``, their labels, `ood_label` for what is
        ambiguous or foreign; ``y_masked``, where all labels are hidden (-1, or None
        where -1 is a class); ``source``, of each row ``"id"``, ``"ambiguous"`` or
        ``"ood"``; ``source_indices``, its position in that part; ``ood_label``, "ood"
        among strings, else -2, or less where that is a class.

    Raises
    ------
    TypeError
        If `in_distribution` is no pair.
    ValueError
        If y has missing labels, or rows of the parts do not fit each other.

    References
    ----------
    .. [1] Kim, Kim & Hwang (2023). Deep Active Learning with Contrastive Learning Under
       Realistic Data Pool Assumptions.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.datasets import make_mixed_pool
    >>> X, y = np.arange(4.0)[:, None], np.array([0, 0, 1, 1])
    >>> pool = make_mixed_pool((X, y), ambiguous=[[1.5]], ood=[[9.0]], random_state=0)
    >>> pool.X.ravel().tolist(), pool.y.tolist()
    ([1.5, 0.0, 2.0, 1.0, 9.0, 3.0], [-2, 0, 1, 0, -2, 1])
    """
    if not isinstance(in_distribution, (tuple, list)) or len(in_distribution) != 2:
        raise TypeError(
            f"in_distribution is of type {type(in_distribution).__name__}: give a pair "
            f"(X, y)."
        )
    X, y, classes, _ = open_labels(*in_distribution)
    parts = [X, *(None if part is None else as_pool(part) for part in (ambiguous, ood))]
    sizes = [0 if part is None else n_rows(part) for part in parts]
    label = new_label(classes)
    labels = np.concatenate([y, np.full(sum(sizes[1:]), label, dtype=y.dtype)])
    order = generator(draw_seed(random_state)).permutation(len(labels))
    pool = as_bunch(
        _joined([part for part in parts if part is not None]),
        labels,
        order,
        np.ones(len(order), dtype=bool),
        ood_label=label,
        source=np.repeat(np.array(_SOURCES), sizes)[order],
    )
    pool.source_indices = np.concatenate([np.arange(n) for n in sizes])[order]
    return pool


def _joined(parts: list[Any]) -> Any:
    """Put rows of one kind of container together."""
    if hasattr(parts[0], "iloc"):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    if sparse.issparse(parts[0]):
        return sparse.csr_array(sparse.vstack(parts))
    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    arrays = [np.asarray(part) for part in parts]
    shapes = [array.shape[1:] for array in arrays]
    if len(set(shapes)) > 1:
        raise ValueError(
            f"Rows have the shapes {shapes}: bring ambiguous and ood to that of X."
        )
    return np.concatenate(arrays)
