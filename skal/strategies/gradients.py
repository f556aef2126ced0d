"""Strategies over the gradients that rows would have, kept in their two factors."""

from typing import Literal

import numpy as np

from skal.functional import d2_sampling, gradient_norm, round_to_grid
from skal.strategies.base import QueryStrategy


class BADGE(QueryStrategy):
    """Choose rows whose gradients are long and point in different directions.

    The gradient is that of the last layer under the predicted label: long where the
    model is unsure. The first pick has the longest; the others are drawn one by one, by
    squared distance to the nearest gradient before, so that a batch is both unsure and
    diverse. Where predicted labels say little, as after few labels, so do the
    gradients, and a choice by features alone is the better tool.

    At most O(n * query_size * (n_classes + d)) in matrix products and often far less;
    the gradients, (n, n_classes * d), are never formed.

    Parameters
    ----------
    first : {"max_norm", "random"}, default="max_norm"
        The first pick: the longest gradient, the first candidate among equals, or any.
    normalize : bool, default=False
        Whether gradients are scaled to length one, which leaves diversity and takes
        how sure the model is out of it. With ``first="random"`` this is the BADGE that
        [2]_ compares with.

    Notes
    -----
    The authors' code has the longest gradient first, their paper does not say so. The
    layer is taken without its bias.

    References
    ----------
    .. [1] Ash, Zhang, Krishnamurthy, Langford & Agarwal (2020). Deep Batch Active
       Learning by Diverse, Uncertain Gradient Lower Bounds.
    .. [2] Margatina, Vernikos, Barrault & Aletras (2021). Active Learning by Acquiring
       Contrastive Examples.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import BADGE
    >>> proba = np.array([[0.6, 0.4], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
    >>> X = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> BADGE(random_state=0).fit(X, proba=proba).query(2)
    array([1, 2])
    """

    first: Literal["max_norm", "random"] = "max_norm"
    normalize: bool = False

    def _select(self, query_size, rng, embedding, logit_gradient):
        first = self.first
        if first not in ("max_norm", "random"):
            raise ValueError(f"first is {first!r}: give 'max_norm' or 'random'.")
        if self.normalize:
            norm = gradient_norm(logit_gradient, embedding)
            if first == "max_norm":
                first = int(round_to_grid(norm).argmax())
            logit_gradient = logit_gradient / np.where(norm > 0, norm, 1)[:, None]
        return d2_sampling(
            embedding, query_size, rng, logit_gradient=logit_gradient, first=first
        )
