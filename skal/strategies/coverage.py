"""Strategies that cover the pool in the space of features."""

from typing import Literal

from skal.functional import active_ft, distance_to_nearest, k_center_greedy
from skal.strategies._checks import check_dense, check_number, check_option
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


class ActiveFT(QueryStrategy):
    """Choose rows that are spread like the pool, and unlike each other.

    As many centroids as rows to choose move over the sphere of feature directions, near
    to rows and away from each other and from labeled rows; the row nearest to each is
    chosen. Made to choose once, the rows by which a pretrained net is tuned: its
    features are the better the more the pretraining knows. No model has a say, so with
    many labels strategies that look for doubt are better.

    O(n_iterations * n * query_size * d) in matrix products, which for thousands of rows
    to choose is minutes; memory O(n * d).

    Parameters
    ----------
    temperature : float, default=0.07
        By which similarities are divided: the lower, the more the nearest counts.
    n_iterations : int, default=300
        How many steps the centroids take.
    learning_rate : float, default=0.001
        About how far a coordinate moves in a step.
    init : {"k-means++", "random"}, default="k-means++"
        The first centroids: rows far from each other and from labeled ones, or any.
    include_self : bool, default=True
        Whether the centroids that one keeps away from include itself, as in the
        authors' code.

    Notes
    -----
    The authors choose once and begin at random rows, with ``init="random"``; labeled
    rows as centroids that do not move make it a strategy of rounds.

    References
    ----------
    .. [1] Xie, Lu, Yan, Yang, Tomizuka & Zhan (2023). Active Finetuning: Exploiting
       Annotation Budget in the Pretraining-Finetuning Paradigm. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import ActiveFT
    >>> X = np.array([[1.0, 0.0], [1.0, 0.1], [0.9, 0.0], [0.0, 1.0], [0.1, 1.0]])
    >>> sorted(ActiveFT(random_state=0).fit(X).query(2) // 3)
    [np.int64(0), np.int64(1)]
    """

    needs_dense_features = True
    temperature: float = 0.07
    n_iterations: int = 300
    learning_rate: float = 1e-3
    init: Literal["k-means++", "random"] = "k-means++"
    include_self: bool = True

    def _select(self, query_size, rng, embedding, labeled_embedding):
        check_dense(self, embedding)
        check_number(self, "temperature", "learning_rate")
        check_number(self, "n_iterations", whole=True, zero=True)
        check_option("init", self.init, ("k-means++", "random"))
        return active_ft(
            embedding,
            query_size,
            rng,
            labeled=labeled_embedding,
            temperature=self.temperature,
            learning_rate=self.learning_rate,
            n_iterations=self.n_iterations,
            init=self.init,
            include_self=self.include_self,
        )
