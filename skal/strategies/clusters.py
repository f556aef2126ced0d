"""Strategies that choose what stands for clusters or dense regions of the pool.

They need no labels and no model, so they can make the first choice.
"""

from numbers import Integral, Real
from typing import Literal

from skal.functional import (
    k_means,
    most_typical,
    nearest_to_centers,
    prob_cover,
    purity_radius,
)
from skal.functional._frame import stacked
from skal.functional._tables import as_table, cast, unit_rows, working_dtype
from skal.strategies._checks import check_option
from skal.strategies.base import QueryStrategy

_MAX_CLUSTERS = 500
_BALLS_LOOKED_AT = 1000


class KMeansSampling(QueryStrategy):
    """Choose the rows nearest to the centers of as many clusters as rows are asked for.

    k-means on the candidates alone: the batch is spread as the pool is, dense regions
    more. It sees neither labels nor doubt, and chooses next to what is labeled as
    readily as anywhere. On the features of a fine-tuned language model this is
    FT-BERT-KM, on those of a pretrained one BERT-KM.

    O(n * query_size * d) a pass of k-means, in matrix products, some 5 to 10 passes.

    Parameters
    ----------
    normalize : bool, default=True
        Divide each row by its length first.
    medoid : {"any", "member"}, default="any"
        Whether the row nearest to a center may be any candidate, or only a member of
        its cluster. A row that is nearest to two centers is chosen once, and a random
        one besides; a member is so only for a cluster that is empty.

    Notes
    -----
    Random rows are drawn without replacement; the code of CAL and ALPS draws with.

    References
    ----------
    .. [1] Yuan, Lin & Boyd-Graber (2020). Cold-start Active Learning through
       Self-supervised Language Modeling.
    .. [2] Margatina, Vernikos, Barrault & Aletras (2021). Active Learning by Acquiring
       Contrastive Examples.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import KMeansSampling
    >>> X = np.array([[1.0, 0.0], [2.0, 0.1], [3.0, 0.0], [0.0, 1.0], [0.1, 2.0]])
    >>> picked = KMeansSampling(random_state=0).fit(X).query(2)
    >>> sorted(X[picked].argmax(axis=1).tolist())
    [0, 1]
    """

    normalize: bool = True
    medoid: Literal["any", "member"] = "any"

    def _select(self, query_size, rng, embedding):
        check_option("medoid", self.medoid, ("any", "member"))
        X = _unit(embedding) if self.normalize else embedding
        centers, labels = k_means(X, query_size, rng)
        members = labels if self.medoid == "member" else None
        return nearest_to_centers(X, centers, rng, labels=members)


class TypiClust(QueryStrategy):
    """Choose the most typical row of each cluster that has no label yet.

    As many clusters as labels there will be, at most 500, by k-means on candidates and
    labeled rows. Those with the fewest labels come first, the largest of them first,
    and each gives the row with the nearest neighbors. Made for the first labels, a few
    for each class; with many labels, what is typical is known already, and strategies
    that look for doubt are better. Small clusters, of five rows or fewer, come last.

    O(n * n_clusters * d) a pass of k-means, some 5 to 10 passes, and O(s^2 * d) for a
    cluster of s rows, all in matrix products.

    Parameters
    ----------
    normalize : bool, default=False
        Divide each row by its length first, as in the paper.
    distance : {"euclidean", "squared"}, default="euclidean"
        What typicality averages over the neighbors: the paper's distances, or the
        squared ones of the authors' code.

    References
    ----------
    .. [1] Hacohen, Dekel & Weinshall (2022). Active Learning on a Budget: Opposite
       Strategies Suit High and Low Budgets.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import TypiClust
    >>> X = np.array([[0.0], [1.0], [2.0], [9.0], [50.0], [51.0], [54.0]])
    >>> TypiClust(random_state=0).fit(X).query(2)
    array([1, 4])
    """

    normalize: bool = False
    distance: Literal["euclidean", "squared"] = "euclidean"

    def _select(self, query_size, rng, embedding, labeled_embedding):
        check_option("distance", self.distance, ("euclidean", "squared"))
        X, n = stacked(embedding, labeled_embedding), embedding.shape[0]
        X = _unit(X) if self.normalize else X
        n_labels = labeled_embedding.shape[0] + query_size
        clusters = k_means(X, min(n_labels, _MAX_CLUSTERS), rng)[1]
        return most_typical(
            X[:n],
            clusters[:n],
            query_size,
            labeled_clusters=clusters[n:],
            squared=self.distance == "squared",
        )


class ProbCover(QueryStrategy):
    """Choose rows whose balls cover as much as possible of what is not covered yet.

    A row covers all rows closer than a radius; the one that covers the most comes next.
    Labeled rows cover theirs. Dense regions come first, so with few labels it beats
    :class:`CoreSet`, which covers everything and so starts at the rim. All depends on
    the radius; once all is covered, the farthest row comes next.

    O(n^2 * d) in matrix products, memory O(n * d) and some 8 million pairs of
    neighbors.

    Parameters
    ----------
    radius : "auto" or float, default="auto"
        Radius of the balls. "auto": the largest at which 95 % of balls hold rows of one
        cluster only, with clusters in place of classes; of a thousand random balls.
    normalize : bool, default=False
        Divide each row by its length first, as in the paper.
    n_clusters : int or None, default=None
        For the "auto" radius. None: the number of classes; while fewer than two are
        known, as many as labels there will be, at most 500. With more clusters than
        classes the balls are too small, and only dense regions are covered.

    Attributes
    ----------
    radius_ : float
        The radius of the last query.

    References
    ----------
    .. [1] Yehuda, Dekel, Hacohen & Weinshall (2022). Active Learning Through a Covering
       Lens.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import ProbCover
    >>> X = np.array([[0.0], [0.5], [1.0], [3.0], [3.4], [9.0]])
    >>> ProbCover(radius=0.6).fit(X).query(3)
    array([1, 3, 5])
    """

    radius: Literal["auto"] | float = "auto"
    normalize: bool = False
    n_clusters: int | None = None

    def _select(self, query_size, rng, embedding, labeled_embedding, n_classes):
        self._check()
        if self.normalize:
            embedding, labeled_embedding = _unit(embedding), _unit(labeled_embedding)
        radius = self.radius
        if radius == "auto":
            n_labels = labeled_embedding.shape[0] + query_size
            known = n_classes if n_classes > 1 else min(n_labels, _MAX_CLUSTERS)
            n_clusters = self.n_clusters or max(2, known)
            clusters = k_means(embedding, n_clusters, rng)[1]
            rows = rng.permutation(len(clusters))[:_BALLS_LOOKED_AT]
            radius = purity_radius(embedding, clusters, rows=rows)
        picks = prob_cover(embedding, query_size, radius, labeled_embedding)
        self.radius_ = float(radius)
        return picks

    def _check(self):
        radius, n_clusters = self.radius, self.n_clusters
        if radius != "auto" and not (isinstance(radius, Real) and radius > 0):
            raise ValueError(f"radius is {radius!r}: give 'auto' or a number > 0.")
        counts = isinstance(n_clusters, Integral) and n_clusters >= 1
        if n_clusters is not None and not counts:
            raise ValueError(
                f"n_clusters is {n_clusters!r}: give an int >= 1, or None."
            )


def _unit(embedding):
    table = as_table(embedding, "embedding")
    return unit_rows(cast(table, working_dtype(table)))
