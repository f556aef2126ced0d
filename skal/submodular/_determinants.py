"""Log-determinants: members that explain little of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skal.functional._arrays import to_numpy
from skal.submodular._base import SetFunction, check_scale
from skal.submodular._log_det import (
    Beside,
    LazyLogDet,
    LogDet,
    Variances,
    is_lean,
    not_positive,
)
from skal.submodular._similarity import Similarity


class LogDeterminant(SetFunction):
    """Logarithm of the determinant of the similarities of members.

    ``f(A) = log det(S_A + lambda_ * I)``: members that are unlike each other. Odd rows
    are unlike all others, and come first. Needs a similarity that is a covariance.
    Greedy in O(n d) a member for features.

    Parameters
    ----------
    similarity : Similarity
    lambda_ : float, default=1.0
        Added to the diagonal; with 1 or more no gain is negative.

    References
    ----------
    .. [1] Kulesza & Taskar (2012). Determinantal Point Processes for Machine Learning.
    .. [2] Chen, Zhang & Zhou (2018). Fast Greedy MAP Inference for Determinantal Point
       Process to Improve Recommendation Diversity. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import LogDeterminant, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> round(LogDeterminant(Similarity.from_matrix(UU)).evaluate([0, 2]), 6)
    1.376244
    """

    def __init__(self, similarity: Similarity, lambda_: float = 1.0) -> None:
        super().__init__(similarity)
        self.lambda_ = check_scale("lambda_", lambda_, zero=False)

    def _scales(self) -> list[dict[str, float]]:
        """Return the sets that are conditioned on, above and below the fraction."""
        return [{}]

    def _all_beside(self) -> list[Beside]:
        return [Beside(self.similarity, s, self.lambda_) for s in self._scales()]

    def start(self) -> LogDet | LazyLogDet:
        """Return the state of the empty set."""
        similarity, besides = self.similarity, self._all_beside()
        scales = [scale for beside in besides for scale in beside.scales.values()]
        if self.submodular and is_lean(similarity) and max(scales, default=0) <= 1:
            return LazyLogDet(similarity, besides[0], self.lambda_)
        slack = 1e-4 if similarity.single else 1e-9
        return LogDet(Variances(similarity, besides, self.lambda_), slack)

    def evaluate(self, indices: Sequence[int]) -> float:
        """Return the value of a set of pool rows."""
        rows = self._rows(indices)
        if len(rows) == 0:
            return 0.0
        among = to_numpy(self.similarity.block("U", "U", rows, rows))
        among = among.astype(np.float64) + self.lambda_ * np.eye(len(rows))
        value = 0.0
        for number, beside in enumerate(self._all_beside()):
            known = beside.whitened(rows)
            try:
                factor = np.linalg.cholesky(among - known.T @ known)
            except np.linalg.LinAlgError:
                raise ValueError(not_positive("of the members")) from None
            logarithm = 2 * float(np.log(np.diagonal(factor)).sum())
            value += logarithm if number == 0 else -logarithm
        return value


class LogDetMI(LogDeterminant):
    """What members tell about the query set, as if similarities were covariances.

    ``log det(S_A + lambda_ I)`` less the same given the query set, to which
    similarities are multiplied by `eta`. Not submodular: naive greedy only.

    Parameters
    ----------
    similarity : Similarity
        With a query set.
    lambda_ : float, default=1.0
        Added to the diagonal.
    eta : float, default=1.0
        Weight of the queries. Much above 1 the matrix is no covariance, an error.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import LogDetMI, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = LogDetMI(Similarity.from_matrix(UU, UQ=[[0.9], [0.6], [0.1]], QQ=[[1.0]]))
    >>> round(f.evaluate([0, 1]), 6)
    0.248004
    """

    submodular = False
    needs = "Q"

    def __init__(
        self, similarity: Similarity, lambda_: float = 1.0, eta: float = 1.0
    ) -> None:
        super().__init__(similarity, lambda_)
        self.eta = check_scale("eta", eta)

    def _scales(self) -> list[dict[str, float]]:
        return [{}, {"Q": self.eta}]


class LogDetCG(LogDeterminant):
    """Logarithm of the determinant of members given the private set.

    Members that are unlike each other and unlike the private set, to which similarities
    are multiplied by `nu`.

    Parameters
    ----------
    similarity : Similarity
        With a private set.
    lambda_ : float, default=1.0
        Added to the diagonal.
    nu : float, default=1.0
        Weight of the private set. Much above 1 the matrix is no covariance, an error.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import LogDetCG, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = LogDetCG(Similarity.from_matrix(UU, UP=[[0.2], [0.7], [0.3]], PP=[[1.0]]))
    >>> round(f.evaluate([0, 2]), 6)
    1.345993
    """

    needs = "P"

    def __init__(
        self, similarity: Similarity, lambda_: float = 1.0, nu: float = 1.0
    ) -> None:
        super().__init__(similarity, lambda_)
        self.nu = check_scale("nu", nu)

    def _scales(self) -> list[dict[str, float]]:
        return [{"P": self.nu}]


class LogDetCMI(LogDeterminant):
    """What members tell about the query set that the private set does not.

    Both sets as in :class:`LogDetMI` and :class:`LogDetCG`; similarities between them
    are taken as they are. Not submodular: naive greedy only.

    Parameters
    ----------
    similarity : Similarity
        With a query set and a private set.
    lambda_ : float, default=1.0
        Added to the diagonal.
    eta, nu : float, default=1.0
        Weights of the sets. Much above 1 the matrix is no covariance, an error.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.submodular import LogDetCMI, Similarity
    >>> rng = np.random.default_rng(0)
    >>> X, query, private = rng.normal(size=(3, 5, 4))
    >>> similarity = Similarity.from_features(X, query=query, private=private)
    >>> LogDetCMI(similarity).evaluate([0, 1]) > 0
    True
    """

    submodular = False
    needs = "QP"

    def __init__(
        self,
        similarity: Similarity,
        lambda_: float = 1.0,
        eta: float = 1.0,
        nu: float = 1.0,
    ) -> None:
        super().__init__(similarity, lambda_)
        self.eta, self.nu = check_scale("eta", eta), check_scale("nu", nu)

    def _scales(self) -> list[dict[str, float]]:
        return [{"P": self.nu}, {"Q": self.eta, "P": self.nu}]
