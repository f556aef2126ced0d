"""The base of functions that value sets of rows by their similarities."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skal.submodular._points import chunks
from skal.submodular._similarity import Similarity
from skal.submodular._states import State

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


def check_scale(name: str, value: float, *, zero: bool = True) -> float:
    """Return a finite number of 0 or more as a float."""
    fits = isinstance(value, Real) and np.isfinite(value)
    if not (fits and (value > 0 or (zero and value == 0))):
        least = "of 0 or more" if zero else "above 0"
        raise ValueError(f"{name} is {value!r}: give a number {least}.")
    return float(value)
