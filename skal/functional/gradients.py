"""Gradients of the last layer of a model, kept as the two factors they are made of.

The gradient of the cross-entropy by the weights of a linear layer is the outer product
of its gradient by the logits (C numbers a row) and the input of the layer (d numbers):
inner products and norms of gradients are products of those of the factors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, as_floating, namespace, to_numpy
from ._tables import as_table, cast, inner_products, squared_norms, working_dtype
from .ranking import round_to_grid


def gradient_norm(logit_gradient: Any, embedding: Any) -> Any:
    """Norm of each row's gradient of the loss by the weights of the last layer.

    How far one step on the row would move the layer. Under the predicted label it is
    small where the model is sure, and grows with the length of the features, which
    need not say anything: rows with small features look settled.

    O(n (C + d)) time and O(n) memory besides a cast of what is not floating.

    Parameters
    ----------
    logit_gradient : array-like or tensor of shape (n, C)
        Gradients of the loss by the logits.
    embedding : array-like, sparse matrix or tensor of shape (n, d)
        Inputs of the layer.

    Returns
    -------
    ndarray or tensor of shape (n,)
        ``|a_i| |h_i|``, the layer taken without a bias.

    Examples
    --------
    >>> from skal.functional import gradient_norm
    >>> gradient_norm([[-0.6, 0.6], [-0.3, 0.3]], [[1.0, 0.0], [0.0, 2.0]]).round(6)
    array([0.848528, 0.848528])
    """
    a, h = as_floating(logit_gradient), as_table(embedding, "embedding")
    h = cast(h, working_dtype(h))
    return namespace(h).sqrt(squared_norms(a)) * namespace(h).sqrt(squared_norms(h))


def glister_greedy(
    logit_gradient: Any,
    embedding: Any,
    n: int,
    *,
    validation_proba: Any,
    validation_logit_gradient: Any,
    validation_embedding: Any,
    labeled_logit_gradient: Any = None,
    labeled_embedding: Any = None,
    learning_rate: float = 0.01,
) -> tuple[Any, NDArray[np.float64]]:
    """Pick rows one by one, each the one whose gradient step helps validation most.

    The step is taken in the last layer (with its bias) alone, and what it does to the
    loss of the validation rows is its inner product with their mean gradient: one
    number a row. After each pick the validation logits take the step. Rows are worth
    what their hypothesized labels are: where the model is wrong with confidence, its
    guesses help nobody, and this is the wrong tool.

    O(n (rows + validation rows) C d) time in matrix products; O(rows + validation rows)
    times C memory.

    Parameters
    ----------
    logit_gradient : array-like or tensor of shape (rows, C)
        Gradients by the logits of the rows to choose from, under hypothesized labels.
    embedding : array-like, sparse matrix or tensor of shape (rows, d)
        Their features, the inputs of the last layer.
    n : int
        How many rows to pick; more than there are gives all of them.
    validation_proba, validation_logit_gradient : (v, C)
        Probabilities of the validation rows, and gradients under their labels.
    validation_embedding : (v, d)
        Their features.
    labeled_logit_gradient, labeled_embedding : (m, C) and (m, d), default=None
        The rows trained on, under their labels: the validation logits start after one
        step on all of them. None leaves that step out.
    learning_rate : float, default=0.01
        The length of a step.

    Returns
    -------
    positions : ndarray of intp or tensor of int64 of shape (min(n, rows),)
        Distinct positions, in the order of the picks. Equal gains, on the grid of
        `round_to_grid`: the lowest position first.
    gains : ndarray of shape (min(n, rows),)
        How fast the mean validation loss falls along the step of each pick, negative
        where it rises.

    Raises
    ------
    ValueError
        If ``n`` is negative, or there are no validation rows.

    Notes
    -----
    Logits are taken to be ``ln p``, which have the same softmax. A probability of zero
    counts as the smallest normal number.

    References
    ----------
    .. [1] K. Killamsetty, D. Sivasubramanian, G. Ramakrishnan and R. Iyer, "GLISTER:
       generalization based data subset selection for efficient and robust learning",
       AAAI 2021.

    Examples
    --------
    >>> from skal.functional import glister_greedy
    >>> positions, gains = glister_greedy(
    ...     [[-0.4, 0.4], [0.3, -0.3]],
    ...     [[1.0], [1.0]],
    ...     1,
    ...     validation_proba=[[0.5, 0.5]],
    ...     validation_logit_gradient=[[0.5, -0.5]],
    ...     validation_embedding=[[1.0]],
    ... )
    >>> positions, gains
    (array([1]), array([0.6]))
    """
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}.")
    rows = _Gradients(logit_gradient, embedding)
    held_out = _Validation(
        _Gradients(validation_logit_gradient, validation_embedding), validation_proba
    )
    if labeled_logit_gradient is not None and len(labeled_logit_gradient):
        labeled = _Gradients(labeled_logit_gradient, labeled_embedding)
        held_out.logits -= learning_rate * held_out.rows.step(*labeled.total(labeled.a))
    xp, picks, gains = rows.xp, list[int](), list[float]()
    for _ in range(min(n, len(rows.a))):
        gain = xp.sum(rows.a * rows.step(*held_out.mean_gradient()), axis=1)
        gain[picks] = -np.inf
        picks.append(int(xp.argmax(round_to_grid(gain))))
        gains.append(float(gain[picks[-1]]))
        a, h = rows.a[picks[-1:]], rows.h[picks[-1:]]
        held_out.logits -= learning_rate * (inner_products(held_out.rows.h, h) + 1) * a
    return as_array(np.array(picks, np.intp), xp, like=rows.a), np.array(gains)


class _Gradients:
    """Gradients of a layer with a bias, as factors a (n, C) and h (n, d)."""

    def __init__(self, logit_gradient: Any, embedding: Any) -> None:
        h = as_table(embedding, "embedding")
        self.xp, dtype = namespace(h), working_dtype(h)
        self.h = cast(h, dtype)
        self.a = cast(as_array(logit_gradient, self.xp, like=h), dtype)

    def total(self, a: Any) -> tuple[Any, Any]:
        """Sum of the gradients with other first factors: weights (d, C), bias (C,)."""
        return self.h.T @ a, self.xp.sum(a, axis=0)

    def step(self, weights: Any, bias: Any) -> Any:
        """How the logits (n, C) move where the layer moves so."""
        return self.h @ weights + bias


class _Validation:
    """Rows held out, and their logits as the steps move them."""

    def __init__(self, rows: _Gradients, proba: Any) -> None:
        if len(rows.a) == 0:
            raise ValueError("There are no validation rows: give at least one.")
        self.rows, xp = rows, rows.xp
        proba = cast(as_array(proba, xp, like=rows.a), rows.a.dtype)
        self.labels = proba - rows.a
        tiny = float(np.finfo(to_numpy(proba[:1]).dtype).tiny)
        self.logits = xp.log(xp.clip(proba, tiny, None))

    def mean_gradient(self) -> tuple[Any, Any]:
        """Gradient of their mean loss: weights (d, C) and bias (C,)."""
        xp = self.rows.xp
        proba = xp.exp(self.logits - xp.max(self.logits, axis=1, keepdims=True))
        proba /= xp.sum(proba, axis=1, keepdims=True)
        return self.rows.total((proba - self.labels) / len(proba))
