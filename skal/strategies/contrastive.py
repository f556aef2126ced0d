"""Contrastive active learning: what differs from its neighbors."""

from numbers import Integral
from typing import Literal

import numpy as np

from skal.containers import as_index
from skal.functional import hit_divergence, nearest_rows, neighbor_divergence
from skal.strategies._checks import check_labeled, check_option
from skal.strategies.base import QueryStrategy

_OPTIONS = {
    "pooling": {"mean", "max", "median"},
    "neighborhood": {"unlabeled", "labeled"},
    "divergence": {"kl", "cross_entropy"},
}


class CAL(QueryStrategy):
    """Choose the rows whose predictions differ from those of similar labeled rows.

    Near in features and far apart in probabilities: the score is the mean divergence of
    a row's prediction from those for its nearest labeled rows. Where features say
    little about likeness, neither does the score. Scores one row at a time, so a batch
    may hold near-duplicates.

    Needs labeled rows. One pass over the model, labeled rows included, and
    O(n * n_labeled * d) in matrix products; memory O(n * n_neighbors + n_labeled * d).

    Parameters
    ----------
    n_neighbors : int, default=10
        How many neighbors; all labeled rows while there are fewer.
    normalize : bool, default=True
        Whether features are divided by their lengths before distances are measured.
    pooling : {"mean", "max", "median"}, default="mean"
        What is made of the divergences from the neighbors.
    neighborhood : {"unlabeled", "labeled"}, default="unlabeled"
        Who looks for neighbors: each row among the labeled ones, or each labeled row
        among the unlabeled ones. With the latter a row scores the mean over those that
        found it, and 0 where none did, as do labeled rows and only rows of the pool
        have a score.
    divergence : {"kl", "cross_entropy"}, default="kl"
        From the distributions predicted for the neighbors, or from their labels.
    opposite : bool, default=False
        Whether to choose the rows that differ least, to see what the score is worth.

    Notes
    -----
    The paper does not state the number of neighbors, nor that features are normalized:
    both defaults are those of the authors' code. Equally far: the neighbor that comes
    first in the pool. Probabilities below 1e-12 count as 1e-12.

    References
    ----------
    .. [1] Margatina, Vernikos, Barrault & Aletras (2021). Active Learning by Acquiring
       Contrastive Examples.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import CAL
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 0.1], [2.0, 0.1]])
    >>> proba = np.array([[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    >>> CAL(n_neighbors=1).fit(X, [0, 1, -1, -1], proba=proba).query(2)
    array([3, 2])
    """

    n_neighbors: int = 10
    normalize: bool = True
    pooling: Literal["mean", "max", "median"] = "mean"
    neighborhood: Literal["unlabeled", "labeled"] = "unlabeled"
    divergence: Literal["kl", "cross_entropy"] = "kl"
    opposite: bool = False

    def _score(self, proba, embedding, labeled_proba, labeled_embedding, labeled_y):
        self._check(labeled_y)
        neighbors = nearest_rows(
            embedding, labeled_embedding, self.n_neighbors, unit=self.normalize
        )
        targets = self._targets(labeled_proba, labeled_y)
        scores = neighbor_divergence(proba, targets, neighbors, pooling=self.pooling)
        return -scores if self.opposite else scores

    def _scores(self, positions, reader):
        if self.neighborhood != "labeled":
            return super()._scores(positions, reader)
        if reader is not self._model():
            raise ValueError(
                "neighborhood is 'labeled', which scores rows of the pool only: give "
                "'unlabeled' to score new rows."
            )
        around = self._surroundings(self._score_hook)
        self._check(around["labeled_y"])
        unlabeled = np.flatnonzero(self._pool.unlabeled)
        rows = reader.read(("proba", "embedding"), unlabeled)
        scores = np.zeros(len(self._pool.unlabeled), rows["proba"].dtype)
        scores[unlabeled] = self._score_found(**rows, **around)
        return (-scores if self.opposite else scores)[as_index(positions)]

    def _score_found(
        self, proba, embedding, labeled_proba, labeled_embedding, labeled_y
    ):
        """Score rows by the labeled rows that find them among their nearest."""
        found = nearest_rows(
            labeled_embedding, embedding, self.n_neighbors, unit=self.normalize
        )
        return hit_divergence(proba, self._targets(labeled_proba, labeled_y), found)

    def _targets(self, labeled_proba, labeled_y):
        if self.divergence == "kl":
            return labeled_proba
        return np.eye(labeled_proba.shape[1], dtype=labeled_proba.dtype)[labeled_y]

    def _check(self, labeled_y):
        for name, options in _OPTIONS.items():
            check_option(name, getattr(self, name), options)
        if not isinstance(self.n_neighbors, Integral) or self.n_neighbors < 1:
            raise ValueError(
                f"n_neighbors is {self.n_neighbors!r}: give an int of 1 or more."
            )
        if self.neighborhood == "labeled" and self.pooling != "mean":
            raise ValueError(
                f"pooling is {self.pooling!r}: give 'mean', the only one there is with "
                f"neighborhood='labeled'."
            )
        check_labeled(self, labeled_y)
