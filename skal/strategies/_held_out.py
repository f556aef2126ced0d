"""Labeled rows held out of the pool, read with the model that is read for the pool."""

import numpy as np

from skal.containers import as_pool, n_rows
from skal.labels import as_labels, is_missing


def read_held_out(strategy, held_out, what, *, name="validation_set"):
    """Read held-out rows as the strategy reads its pool.

    Parameters
    ----------
    strategy : QueryStrategy
        One that has a pool.
    held_out : pair (X, y)
        Rows of the kind of the pool's, all labeled with classes of the pool.
    what : list of str
        Names of readings; ``logit_gradient`` is that of the true labels.
    name : str
        The parameter of the strategy that holds the pair, for messages.

    Returns
    -------
    dict of str to array
    """
    X, codes = _checked(held_out, strategy._pool.classes, name)
    reader = strategy._model().on(X)
    if missing := [reading for reading in what if not reader.knows(reading)]:
        raise ValueError(
            f"{name} is read with the model, and there is nothing to read its "
            f"`{missing[0]}` from: pass `fit` a fitted `estimator` (arrays given to "
            f"`fit` say nothing of other rows)."
        )
    return reader.read(what, np.arange(n_rows(X)), y=codes)


def _checked(held_out, classes, name):
    if not isinstance(held_out, (tuple, list)) or len(held_out) != 2:
        raise TypeError(
            f"{name} is of type {type(held_out).__name__}: give a pair (X, y) of "
            f"labeled rows, or None."
        )
    X, y = as_pool(held_out[0]), as_labels(held_out[1], missing_label=None)
    if n_rows(X) != len(y) or len(y) == 0:
        raise ValueError(
            f"{name} has {n_rows(X)} rows and {len(y)} labels: give at least one row, "
            f"and one label a row."
        )
    if is_missing(y, None).any():
        raise ValueError(f"{name} has missing labels: give the label of every row.")
    number = {label: code for code, label in enumerate(classes.tolist())}
    unknown = sorted({str(label) for label in y.tolist() if label not in number})
    if unknown:
        raise ValueError(
            f"{name} holds the labels {unknown[:5]}, which are not among the classes "
            f"{classes.tolist()[:10]} of the model and the pool: encode them as the "
            f"labels of the pool are, or leave those rows out."
        )
    return X, np.array([number[label] for label in y.tolist()], dtype=np.intp)
