"""Tests of strategies against a baseline."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from skal.metrics._budget import check_baseline, repeat_areas
from skal.metrics._results import learning_curves, without_rounding


def compare_with_baseline(
    results: pd.DataFrame,
    baseline: str | None = None,
    *,
    score: str | None = None,
    budget: str = "n_labeled",
    alpha: float = 0.05,
) -> pd.DataFrame:
    r"""Test each strategy against a baseline, over the repeats.

    A repeat counts once, by the area under its learning curve
    (:func:`skal.metrics.area_under_budget_curve`): the areas of a strategy and of the
    baseline in the same repeat are a pair, and Wilcoxon's two-sided signed-rank test
    asks whether the pairs differ. Holm's correction keeps the chance of one false
    verdict or more, over all strategies of the table, at `alpha`.

    It is the wrong tool for few repeats: with five, no difference, however large, has
    a p-value below 0.0625. ``n_needed`` says how many it takes.

    Takes :math:`O(n)` time in the number of rows.

    Parameters
    ----------
    results : DataFrame
        The table of :func:`compare_strategies`.
    baseline : str or None, default=None
        Name of the strategy to compare with; None is the one named "random", in upper
        or lower case.
    score : str or None, default=None
        Column of the table, higher is better; None takes the only one that there is.
    budget : {"n_labeled", "cost"}, default="n_labeled"
        Column of the table.
    alpha : float, default=0.05
        Chance of a false verdict.

    Returns
    -------
    tests : DataFrame of shape (n_strategies - 1, 8), indexed by strategy
        ``area`` and ``difference``, mean over the repeats, in the unit of the score;
        ``ahead`` and ``n_repeats``, in how many of the repeats it is better;
        ``p_value`` and ``p_holm``, before and after the correction; ``verdict``:
        ``"better"``, ``"worse"``, ``"not certain"`` or ``"equal"`` (no difference in
        any repeat); ``n_needed``, the repeats from which on the test can be certain.

    Raises
    ------
    ValueError
        If `baseline` is no strategy of the table, or a strategy has no repeat in common
        with it.

    References
    ----------
    .. [1] F. Wilcoxon (1945). Individual Comparisons by Ranking Methods.
    .. [2] S. Holm (1979). A Simple Sequentially Rejective Multiple Test Procedure.
    .. [3] J. Demsar (2006). Statistical Comparisons of Classifiers over Multiple Data
       Sets. JMLR.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skal.evaluation import compare_with_baseline
    >>> final = {"Margin": 0.9 + np.arange(6) / 100, "Random": np.full(6, 0.8)}
    >>> results = pd.DataFrame([
    ...     {"strategy": name, "repeat": i, "round": r, "n_labeled": 50 + 50 * r,
    ...      "accuracy": 0.6 if r == 0 else last[i]}
    ...     for name, last in final.items() for i in range(6) for r in range(2)])
    >>> compare_with_baseline(results)[["ahead", "p_holm", "verdict"]]
              ahead   p_holm verdict
    strategy
    Margin        6  0.03125  better
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}: give a level between 0 and 1.")
    curves = learning_curves(results, score, budget)
    baseline = find_baseline(baseline, curves)
    areas = repeat_areas(curves)
    differences = _paired_differences(areas, baseline)
    tests = pd.DataFrame(
        {
            "area": [areas[k][areas[baseline].notna()].mean() for k in differences],
            "difference": [d.mean() for d in differences.values()],
            "ahead": [int((d > 0).sum()) for d in differences.values()],
            "n_repeats": [len(d) for d in differences.values()],
            "p_value": [_wilcoxon(d) for d in differences.values()],
        },
        index=list(differences),
    ).rename_axis("strategy")
    tests["p_holm"] = _holm(tests["p_value"].to_numpy(dtype=float))
    tests["verdict"] = [
        _verdict(d, tests.loc[name, "p_holm"], alpha) for name, d in differences.items()
    ]
    # The smallest p-value that n pairs can have is 2 ** (1 - n).
    n_needed = math.ceil(1 + math.log2(max(1, len(tests)) / alpha))
    return tests.assign(n_needed=max(2, n_needed))


def _paired_differences(areas, baseline):
    """Return what each strategy is ahead of the baseline, in the repeats of both."""
    differences = {}
    for name in areas.columns.drop(baseline):
        difference = (areas[name] - areas[baseline]).dropna().to_numpy()
        differences[name] = without_rounding(difference, areas[baseline].abs().max())
        if len(differences[name]) == 0:
            raise ValueError(
                f"results has no repeat of both {name!r} and {baseline!r}: nothing can "
                f"be paired."
            )
    return differences


def find_baseline(baseline, curves):
    """Return the name of the baseline: as given, or the one that is called random."""
    if baseline is None:
        named = [name for name in curves if name.casefold() == "random"]
        if len(named) != 1:
            raise ValueError(
                f"baseline is None, and of the strategies {list(curves)} not exactly "
                f"one is named 'random': name the one to compare with."
            )
        return named[0]
    check_baseline(baseline, curves)
    return baseline


def _wilcoxon(difference):
    """Two-sided p-value of paired differences; 1 where all of them are zero."""
    if not difference.any():
        return 1.0
    return float(stats.wilcoxon(difference).pvalue)


def _holm(p_values):
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(p_values[order] * factors)
    return np.minimum(adjusted, 1.0)


def _verdict(difference, p_value, alpha):
    if not difference.any():
        return "equal"
    if p_value > alpha:
        return "not certain"
    signed_ranks = np.sign(difference) * stats.rankdata(np.abs(difference))
    return "better" if signed_ranks.sum() > 0 else "worse"
