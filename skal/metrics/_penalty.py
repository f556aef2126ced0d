"""The penalty matrix: which strategy is significantly better than which, how often."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from skal.metrics._results import (
    Curve,
    Curves,
    is_table,
    learning_curves,
    paired_scores,
    without_rounding,
)

if TYPE_CHECKING:
    import pandas as pd


def penalty_matrix(
    curves: Mapping[str, ArrayLike] | pd.DataFrame,
    *,
    score: str | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    r"""Count in how many rounds each strategy is significantly better than each other.

    In each round, and for each pair of strategies, a two-sided paired t-test over the
    repeats asks whether the one is better; if so, the cell of its row and the other's
    column grows by one over the number of rounds. A row's mean says how often a
    strategy beats the others, a column's how often it is beaten. Matrices of several
    data sets may be added up.

    It is the wrong tool for a claim about one pair: rounds are tested one by one, each
    at the level `alpha`, and those of one run depend on each other. Use
    :func:`skal.evaluation.compare_with_baseline` for that.

    Takes :math:`O(S^2 \cdot R \cdot T)` time for S strategies, R repeats and T rounds.

    Parameters
    ----------
    curves : mapping of str to array-like of shape (n_repeats, n_rounds), or DataFrame
        Scores of each strategy, higher is better, or the table of
        :func:`skal.evaluation.compare_strategies`. Repeat i of one strategy is paired
        with repeat i of another; repeats and rounds that only one has are left out. In
        a table, strategies are compared at equal numbers of labels: where their rounds
        differ in size, the longer curve is interpolated.
    score : str or None, default=None
        Column of the table; None takes the only one that there is.
    alpha : float, default=0.05
        Level of each test.

    Returns
    -------
    penalty : DataFrame of shape (n_strategies, n_strategies)
        Shares of rounds, between 0 and 1: the row beats the column. 0 on the diagonal.

    Raises
    ------
    ValueError
        If two strategies have fewer than two repeats or no round in common, an array
        has no two dimensions or holds NaN, or `alpha` is not between 0 and 1.

    Notes
    -----
    Differences that are the same in every repeat have no spread to be measured by: they
    count as significant if they are not zero.

    References
    ----------
    .. [1] J. T. Ash, C. Zhang, A. Krishnamurthy, J. Langford, A. Agarwal (2020). Deep
       Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds. ICLR.
    .. [2] S. Kothawade, N. Beck, K. Killamsetty, R. Iyer (2021). SIMILAR: Submodular
       Information Measures Based Active Learning in Realistic Scenarios. App. B.3.

    Examples
    --------
    >>> from skal.metrics import penalty_matrix
    >>> penalty_matrix({"A": [[0.50, 0.6, 0.70], [0.52, 0.6, 0.71], [0.54, 0.6, 0.72]],
    ...                 "B": [[0.40, 0.55, 0.71], [0.41, 0.65, 0.73],
    ...                       [0.45, 0.60, 0.74]]}).round(3)
           A      B
    A  0.000  0.333
    B  0.333  0.000
    """
    import pandas as pd

    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}: give a level between 0 and 1.")
    if is_table(curves):
        runs: Curves = learning_curves(curves, score)
    else:
        runs = {name: _by_round(scores, name) for name, scores in curves.items()}
    penalty = pd.DataFrame(0.0, index=list(runs), columns=list(runs))
    for a, b in combinations(runs, 2):
        better, worse = _significant(*_paired(runs, a, b), alpha)
        penalty.loc[a, b] = better.mean()
        penalty.loc[b, a] = worse.mean()
    return penalty


def _by_round(scores: ArrayLike, name: str) -> dict[Any, Curve]:
    array = np.asarray(scores, dtype=float)
    if array.ndim != 2 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(
            f"curves[{name!r}] has shape {array.shape}; it needs finite scores, "
            f"(n_repeats, n_rounds)."
        )
    rounds = np.arange(array.shape[1], dtype=float)
    return {repeat: Curve(rounds, row) for repeat, row in enumerate(array)}


def _paired(runs: Curves, a: str, b: str) -> tuple[np.ndarray, np.ndarray]:
    left, right = paired_scores(runs[a], runs[b])
    if len(left) < 2:
        raise ValueError(
            f"curves has {len(left)} repeats that {a!r} and {b!r} have in common, and "
            f"a paired test needs two or more: raise n_repeats."
        )
    if left.shape[1] == 0:
        raise ValueError(
            f"curves has no budget at which both {a!r} and {b!r} are known."
        )
    return left, right


def _significant(
    left: np.ndarray, right: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Tell for each column whether `left` is better, and whether `right` is."""
    difference = left - right
    n = len(difference)
    scale = np.maximum(np.abs(left), np.abs(right)).max(axis=0)
    mean = without_rounding(difference.mean(axis=0), scale)
    error = difference.std(axis=0, ddof=1) / np.sqrt(n)
    critical = stats.t.ppf(1 - alpha / 2, n - 1) * error
    return mean > critical, -mean > critical
