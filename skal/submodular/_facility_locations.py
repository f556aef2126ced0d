"""Facility locations: every row is served by the member most similar to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from skal.functional._arrays import to_numpy
from skal.submodular._base import SetFunction, check_scale
from skal.submodular._points import chunks
from skal.submodular._similarity import Similarity
from skal.submodular._states import Coverage


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
