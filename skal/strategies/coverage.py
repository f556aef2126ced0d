"""Strategies that cover the pool in the space of features."""

from typing import Literal

from skal.functional import distance_to_nearest, k_center_greedy
from skal.strategies.base import QueryStrategy


class CoreSet(QueryStrategy):
    """Choose rows so that no row of the pool is far from a labeled one.

    Greedy k-center: the row farthest from all labeled rows and earlier picks comes
    next, which is within twice the best possible radius. Looks at features alone, so it
    goes for outliers where there are some, and means little where distances do.

    O(n * (n_labeled + query_size) * d) in matrix products, memory O(n * d).

    Parameters
    ----------
    first : {"position", "random"}, default="position"
        The first pick while nothing is labeled: the first candidate, or a random one.

    References
    ----------
    .. [1] Sener & Savarese (2018). Active Learning for Convolutional Neural Networks: A
       Core-Set Approach.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import CoreSet
    >>> X = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
    >>> CoreSet().fit(X, [1, -1, -1, -1, -1]).query(3)
    array([4, 3, 2])
    """

    first: Literal["position", "random"] = "position"

    def _select(self, query_size, rng, embedding, labeled_embedding):
        if self.first not in ("position", "random"):
            raise ValueError(f"first is {self.first!r}: give 'position' or 'random'.")
        start = int(rng.integers(embedding.shape[0])) if self.first == "random" else 0
        return k_center_greedy(embedding, query_size, labeled_embedding, first=start)

    def _score(self, embedding, labeled_embedding):
        return distance_to_nearest(embedding, labeled_embedding)
