"""Graph cuts: sums over members, and over pairs of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skal.functional._arrays import to_numpy
from skal.submodular._base import SetFunction, check_scale
from skal.submodular._similarity import Similarity
from skal.submodular._states import Dispersed, Quadratic


class _Quadratic(SetFunction):
    """Base of functions of single rows and pairs."""

    def _linear(self) -> Any:
        raise NotImplementedError

    def _weight(self) -> float:
        return 0.0

    def start(self) -> Quadratic:
        """Return the state of the empty set."""
        return Quadratic(self.similarity, to_numpy(self._linear()), self._weight())

    def evaluate(self, indices: Sequence[int]) -> float:
        """Return the value of a set of pool rows."""
        rows, value = self._rows(indices), 0.0
        value += float(to_numpy(self._linear())[rows].sum(dtype=np.float64))
        if self._weight() and len(rows):
            among = to_numpy(self.similarity.block("U", "U", rows, rows))
            pairs = among.sum(dtype=np.float64) - np.trace(among)
            value -= self._weight() * float(pairs)
        return value


class GraphCut(_Quadratic):
    """Similarity of members to the pool, less that among themselves.

    ``f(A) = sum_{i in U, j in A} s_ij - lambda_ * sum_{i, j in A} s_ij``. Submodular
    for similarities of 0 or more, and monotone for `lambda_` up to 0.5; above, gains
    become negative.

    Parameters
    ----------
    similarity : Similarity
    lambda_ : float, default=0.5
        Weight of the similarity among members: the larger, the more diverse.

    References
    ----------
    .. [1] Kaushal et al. (2019). Learning from Less Data: A Unified Data Subset
       Selection and Active Learning Framework for Computer Vision. WACV.

    Examples
    --------
    >>> from skal.submodular import GraphCut, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> round(GraphCut(Similarity.from_matrix(UU)).evaluate([0, 1]), 6)
    2.4
    """

    def __init__(self, similarity: Similarity, lambda_: float = 0.5) -> None:
        super().__init__(similarity)
        self.lambda_ = check_scale("lambda_", lambda_)

    def _linear(self) -> Any:
        itself = self.lambda_ * self.similarity.diagonal()
        return self.similarity.totals("U") - itself

    def _weight(self) -> float:
        return self.lambda_


class GCMI(_Quadratic):
    """Similarity of members to the query set.

    ``f(A) = sum_{j in A, q in Q} s_jq``, up to a factor that changes no choice. The
    members are chosen one by one: the most similar rows, however alike. O(n d).

    Parameters
    ----------
    similarity : Similarity
        With a query set.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import GCMI, Similarity
    >>> GCMI(Similarity.from_matrix(UQ=[[0.9], [0.6], [0.1]])).evaluate([0, 1])
    1.5
    """

    needs = "Q"

    def _linear(self) -> Any:
        return self.similarity.totals("Q")


class DivGCMI(GCMI):
    """Similarity of members to the query set, and dissimilarity among them.

    ``f(A) = sum_{j in A, q in Q} s_jq + gamma * sum_{i < j in A} (1 - s_ij)``. Not
    submodular: the more members, the more the second part grows.

    Parameters
    ----------
    similarity : Similarity
        With a query set.
    gamma : float, default=1.0
        Weight of the dissimilarity.

    Notes
    -----
    The paper names a mixture with "some diversity term", and its code is not public.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import DivGCMI, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = DivGCMI(Similarity.from_matrix(UU, UQ=[[0.9], [0.6], [0.1]]))
    >>> round(f.evaluate([0, 1]), 6)
    1.7
    """

    submodular = False

    def __init__(self, similarity: Similarity, gamma: float = 1.0) -> None:
        super().__init__(similarity)
        self.gamma = check_scale("gamma", gamma)

    def start(self) -> Dispersed:
        """Return the state of the empty set."""
        return Dispersed(self.similarity, to_numpy(self._linear()), self.gamma)

    def evaluate(self, indices: Sequence[int]) -> float:
        """Return the value of a set of pool rows."""
        rows = self._rows(indices)
        value = super().evaluate(rows)
        if len(rows) == 0:
            return value
        unlike = 1 - to_numpy(self.similarity.block("U", "U", rows, rows))
        pairs = unlike.sum(dtype=np.float64) - np.trace(unlike)
        return value + self.gamma * float(pairs) / 2


class GCCG(GraphCut):
    """Graph cut less the similarity of members to the private set.

    ``GC(A) - 2 * lambda_ * nu * sum_{j in A, p in P} s_jp``.

    Parameters
    ----------
    similarity : Similarity
        With a private set.
    lambda_ : float, default=0.5
        As in :class:`GraphCut`.
    nu : float, default=1.0
        Weight of the private set.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import GCCG, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = GCCG(Similarity.from_matrix(UU, UP=[[0.2], [0.7], [0.3]]))
    >>> round(f.evaluate([0, 2]), 6)
    1.9
    """

    needs = "P"

    def __init__(
        self, similarity: Similarity, lambda_: float = 0.5, nu: float = 1.0
    ) -> None:
        super().__init__(similarity, lambda_)
        self.nu = check_scale("nu", nu)

    def _linear(self) -> Any:
        if not self.similarity.n_private:
            return super()._linear()
        private = 2 * self.lambda_ * self.nu * self.similarity.totals("P")
        return super()._linear() - private
