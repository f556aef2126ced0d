"""Functions that value sets of rows by their similarities."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skal.functional._arrays import to_numpy
from skal.submodular._log_det import (
    Beside,
    LazyLogDet,
    LogDet,
    Variances,
    is_lean,
    not_positive,
)
from skal.submodular._points import chunks
from skal.submodular._similarity import Similarity
from skal.submodular._states import Coverage, Dispersed, Quadratic, State

_SET = {"Q": ("query", "n_query"), "P": ("private", "n_private")}


class SetFunction:
    """Base of functions of sets of pool rows.

    Attributes
    ----------
    similarity : Similarity
    submodular : bool
        Whether gains never grow with the set, so that lazy greedy is exact.
    needs : str
        Which sets beside the pool it needs, of "Q" and "P".
    """

    submodular: ClassVar[bool] = True
    needs: ClassVar[str] = ""

    def __init__(self, similarity: Similarity) -> None:
        if not isinstance(similarity, Similarity):
            raise TypeError(
                f"similarity is {type(similarity).__name__}: make one by "
                f"Similarity.from_features, from_gradients or from_matrix."
            )
        for letter in self.needs:
            name, attribute = _SET[letter]
            size = getattr(similarity, attribute)
            if size is None or (letter == "Q" and size == 0):
                raise ValueError(
                    f"{type(self).__name__} needs a {name} set, and the similarity has "
                    f"{'none' if size is None else 'an empty one'}: pass `{name}` to "
                    f"Similarity.from_features (matrices: U{letter})."
                )
        self.similarity = similarity

    def evaluate(self, indices: Sequence[int]) -> float:
        """Return the value of a set of pool rows.

        Parameters
        ----------
        indices : array-like of distinct int
            Positions in the pool.

        Returns
        -------
        value : float
        """
        raise NotImplementedError

    def start(self) -> State:
        """Return the state of the empty set."""
        raise NotImplementedError

    def _rows(self, indices: Sequence[int]) -> NDArray[np.intp]:
        given = np.asarray(indices).reshape(-1)
        if len(given) and given.dtype.kind not in "iu":
            raise ValueError(f"indices must be integers, got {given.tolist()[:10]}.")
        rows, n = given.astype(np.intp), self.similarity.n
        if len(rows) and (rows.min() < 0 or rows.max() >= n):
            raise ValueError(f"indices must be 0 to {n - 1}, got {rows.tolist()[:10]}.")
        if len(np.unique(rows)) < len(rows):
            raise ValueError(f"indices holds a row twice: {rows.tolist()[:10]}.")
        return rows

    def _nearest(self, letter: str) -> Any:
        """Return the similarity of each pool row to the most similar row of a set.

        None for a set without rows.
        """
        similarity = self.similarity
        width = getattr(similarity, _SET[letter][1])
        if not width:
            return None
        parts = [
            similarity.xp.max(
                similarity.columns(letter, np.arange(part.start, part.stop)), axis=1
            )
            for part in chunks(similarity.n, width)
        ]
        return similarity.xp.concat(parts)


class _FacilityLocation(SetFunction):
    """Base of facility locations with transformed similarities.

    Similarities below 0 count as 0, to a member and to the other sets alike.
    """

    served: ClassVar[str] = "U"

    def _parts(self) -> dict[str, Any]:
        """Return the cap, the floor and the like of :class:`Coverage`."""
        return {}

    def start(self) -> Coverage:
        """Return the state of the empty set."""
        return Coverage(self.similarity, self.served, **self._parts())

    def evaluate(self, indices: Sequence[int]) -> float:
        """Return the value of a set of pool rows."""
        rows, state = self._rows(indices), self.start()
        for part in chunks(len(rows), len(state.best)):
            block = state.make(rows[part])
            state.best = state.xp.maximum(state.best, state.xp.max(block, axis=0))
        total = state.xp.sum(state.best, dtype=state.xp.float64)
        return float(total) + float(state.own[rows].sum())


class FacilityLocation(_FacilityLocation):
    """Sum over the pool of the similarity to the most similar member.

    ``f(A) = sum_i max(0, max_{j in A} s_ij)``: a set that stands for the pool. Blind to
    single odd rows, and worth its O(n**2 d) only while n is some ten thousand: beyond,
    use :class:`skal.strategies.Partitioned`.

    Parameters
    ----------
    similarity : Similarity

    References
    ----------
    .. [1] Kaushal et al. (2019). Learning from Less Data: A Unified Data Subset
       Selection and Active Learning Framework for Computer Vision. WACV.

    Examples
    --------
    >>> from skal.submodular import FacilityLocation, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = FacilityLocation(Similarity.from_matrix(UU))
    >>> round(f.evaluate([0, 2]), 6)
    2.8
    """


class FLVMI(_FacilityLocation):
    """Facility location that counts a pool row by its similarity to the query set.

    ``f(A) = sum_i min(max_{j in A} s_ij, eta * max_{q in Q} s_iq)``. Once the part of
    the pool that is like the queries is covered no row adds anything, and the most
    similar to them fill up.

    Parameters
    ----------
    similarity : Similarity
        With a query set.
    eta : float, default=1.0
        Weight of the queries: the larger, the more of what is like them counts.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import FLVMI, Similarity, maximize
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = FLVMI(Similarity.from_matrix(UU, UQ=[[0.9], [0.6], [0.1]]))
    >>> maximize(f, 1)[0]
    array([0])
    """

    needs = "Q"

    def __init__(self, similarity: Similarity, eta: float = 1.0) -> None:
        super().__init__(similarity)
        self.eta = check_scale("eta", eta)

    def _parts(self) -> dict[str, Any]:
        nearest = self._nearest("Q")
        return {"cap": self.eta * nearest, "relevance": nearest}


class FLQMI(_FacilityLocation):
    """Sum over the queries of the most similar member, and of members to them.

    ``f(A) = sum_q max_{j in A} s_qj + eta * sum_{j in A} max_q s_jq``. Needs no
    similarities among the pool: O(n q d), the way to look for rows like a few examples
    in a large pool. It knows nothing of members that are alike.

    Parameters
    ----------
    similarity : Similarity
        With a query set.
    eta : float, default=1.0
        Weight of each member's own similarity to the queries.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import FLQMI, Similarity
    >>> f = FLQMI(Similarity.from_matrix(UQ=[[0.9], [0.6], [0.1]]))
    >>> round(f.evaluate([0, 1]), 6)
    2.4
    """

    needs = "Q"
    served = "Q"

    def __init__(self, similarity: Similarity, eta: float = 1.0) -> None:
        super().__init__(similarity)
        self.eta = check_scale("eta", eta)

    def _parts(self) -> dict[str, Any]:
        nearest = self._nearest("Q")
        own = self.eta * np.maximum(to_numpy(nearest), 0)
        return {"own": own, "relevance": nearest}


class FLCG(_FacilityLocation):
    """Facility location less what the private set covers already.

    ``f(A) = sum_i max(max_{j in A} s_ij - nu * max_{p in P} s_ip, 0)``: rows that stand
    for what is unlike the private set, as the labeled rows.

    Parameters
    ----------
    similarity : Similarity
        With a private set.
    nu : float, default=1.0
        How much of what the private set covers is taken off.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import FLCG, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> f = FLCG(Similarity.from_matrix(UU, UP=[[0.2], [0.7], [0.3]]))
    >>> round(f.evaluate([0, 2]), 6)
    1.6
    """

    needs = "P"

    def __init__(self, similarity: Similarity, nu: float = 1.0) -> None:
        super().__init__(similarity)
        self.nu = check_scale("nu", nu)

    def _parts(self) -> dict[str, Any]:
        nearest = self._nearest("P")
        if nearest is None:
            return {}
        floor = self.nu * self.similarity.xp.clip(nearest, 0, None)
        return {"floor": floor, "relevance": -nearest}


class FLCMI(_FacilityLocation):
    """Facility location by similarity to the query set, less what the private covers.

    ``f(A) = sum_i max(min(max_{j in A} s_ij, eta * max_q s_iq) - nu * max_p s_ip, 0)``.

    Parameters
    ----------
    similarity : Similarity
        With a query set and a private set.
    eta, nu : float, default=1.0
        As in :class:`FLVMI` and :class:`FLCG`.

    References
    ----------
    .. [1] Kothawade, Beck, Killamsetty & Iyer (2021). SIMILAR: Submodular Information
       Measures Based Active Learning in Realistic Scenarios. NeurIPS.

    Examples
    --------
    >>> from skal.submodular import FLCMI, Similarity
    >>> UU = [[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]
    >>> UQ, UP = [[0.9], [0.6], [0.1]], [[0.2], [0.7], [0.3]]
    >>> f = FLCMI(Similarity.from_matrix(UU, UQ=UQ, UP=UP))
    >>> round(f.evaluate([0]), 6)
    0.7
    """

    needs = "QP"

    def __init__(
        self, similarity: Similarity, eta: float = 1.0, nu: float = 1.0
    ) -> None:
        super().__init__(similarity)
        self.eta, self.nu = check_scale("eta", eta), check_scale("nu", nu)

    def _parts(self) -> dict[str, Any]:
        to_query, to_private = self._nearest("Q"), self._nearest("P")
        parts = {"cap": self.eta * to_query, "relevance": to_query}
        if to_private is not None:
            floor = self.nu * self.similarity.xp.clip(to_private, 0, None)
            parts["floor"] = floor
            parts["relevance"] = to_query - self.nu * to_private
        return parts


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


def check_scale(name: str, value: float, *, zero: bool = True) -> float:
    """Return a finite number of 0 or more as a float."""
    fits = isinstance(value, Real) and np.isfinite(value)
    if not (fits and (value > 0 or (zero and value == 0))):
        least = "of 0 or more" if zero else "above 0"
        raise ValueError(f"{name} is {value!r}: give a number {least}.")
    return float(value)
