"""What a budget buys: the area under learning curves, and labels saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from skal.metrics._results import (
    Curve,
    Curves,
    is_table,
    learning_curves,
    mean_curve,
    shared_range,
)

if TYPE_CHECKING:
    import pandas as pd


def area_under_budget_curve(
    results: pd.DataFrame | ArrayLike,
    scores: ArrayLike | None = None,
    *,
    score: str | None = None,
    budget: str = "n_labeled",
    average: bool = True,
) -> float | pd.Series | pd.DataFrame:
    r"""Average a learning curve over its budget: one number for a whole run.

    The area under score against labels (trapezoids), divided by the range of labels:
    what a model has been worth on average on the way. It is the wrong tool where only
    the final model counts, or where early rounds would be thrown away.

    Takes :math:`O(n)` time in the number of rows.

    Parameters
    ----------
    results : DataFrame, or array-like of shape (n_rounds,)
        The table of :func:`skal.evaluation.compare_strategies`, or the budget of each
        round (labels bought), ascending.
    scores : array-like of shape (n_rounds,), default=None
        With an array of budgets: the score of each round.
    score : str or None, default=None
        Column of the table; None takes the only score that there is.
    budget : {"n_labeled", "cost"}, default="n_labeled"
        Column of the table.
    average : bool, default=True
        Whether areas of a table are averaged over the repeats, those that all
        strategies have where there are such.

    Returns
    -------
    area : float, Series of shape (n_strategies,) or DataFrame of shape \
(n_repeats, n_strategies)
        In the unit of the score. A table gives one area a strategy, best first; with
        ``average=False`` one a repeat and strategy, in the order of the table. All are
        taken over the range of budgets that every run of the table has, so that they
        compare.

    Raises
    ------
    ValueError
        If there are fewer than two budgets, they do not ascend, or a score is missing.

    Examples
    --------
    >>> from skal.metrics import area_under_budget_curve
    >>> round(area_under_budget_curve([100, 200, 400], [0.5, 0.7, 0.8]), 3)
    0.7
    """
    if not is_table(results):
        curve = _as_curve(results, scores)
        return _area(curve, float(curve.budget[0]), float(curve.budget[-1]))
    if scores is not None:
        raise ValueError(
            "scores goes with an array of budgets; of a table, name the column with "
            "score=."
        )
    curves = learning_curves(results, score, budget)
    areas = repeat_areas(curves)
    if not average:
        return areas
    shared = areas.dropna()
    return (areas if shared.empty else shared).mean().sort_values(ascending=False)


def repeat_areas(curves: Curves) -> pd.DataFrame:
    """Return the area of each run over the budgets that all have, repeats in rows."""
    import pandas as pd

    low, high = shared_range(curves)
    if not low < high:
        ranges = {k: shared_range({k: runs}) for k, runs in curves.items()}
        raise ValueError(
            f"results has no range of budgets that every run has, {ranges}: an area "
            f"needs two rounds or more of each, at budgets that overlap."
        )
    areas = {
        name: {repeat: _area(run, low, high) for repeat, run in runs.items()}
        for name, runs in curves.items()
    }
    return pd.DataFrame(areas).sort_index().rename_axis("repeat")


def _as_curve(budget: ArrayLike, scores: ArrayLike | None) -> Curve:
    curve = Curve(np.asarray(budget, dtype=float), np.asarray(scores, dtype=float))
    if curve.budget.ndim != 1 or curve.budget.shape != curve.score.shape:
        raise ValueError(
            f"scores has shape {curve.score.shape} for budgets of shape "
            f"{curve.budget.shape}; it needs one score a budget."
        )
    if not np.isfinite(curve).all():
        raise ValueError("scores or budgets hold NaN or infinity.")
    if len(curve.budget) < 2 or (np.diff(curve.budget) <= 0).any():
        raise ValueError("the budgets need two values or more, in ascending order.")
    return curve


def _area(curve: Curve, low: float, high: float) -> float:
    """Average a curve between two budgets within its range."""
    inside = curve.budget[(curve.budget > low) & (curve.budget < high)]
    points = np.concatenate([[low], inside, [high]])
    return float(np.trapezoid(np.interp(points, *curve), points) / (high - low))


def labels_saved(
    results: pd.DataFrame,
    baseline: str,
    level: float | str | None = None,
    *,
    score: str | None = None,
    budget: str = "n_labeled",
) -> pd.DataFrame:
    r"""Count the labels that a strategy saves over a baseline for the same score.

    The labels that the baseline needs to reach a score, less those that the strategy
    needs, both read off the curves averaged over the repeats, with straight lines
    between rounds. It is the wrong tool for curves that are flat where the level lies:
    there a small difference in score is a large one in labels.

    Takes :math:`O(n)` time in the number of rows.

    Parameters
    ----------
    results : DataFrame
        The table of :func:`skal.evaluation.compare_strategies`.
    baseline : str
        Name of the strategy to compare with.
    level : float, "shared" or None, default=None
        The score to reach. None is the strategy's own last score; ``"shared"`` the
        lower one of its last score and the baseline's, which both reach.
    score : str or None, default=None
        Column of the table; None takes the only score that there is.
    budget : {"n_labeled", "cost"}, default="n_labeled"
        Column of the table.

    Returns
    -------
    saved : DataFrame of shape (n_strategies - 1, 5), indexed by strategy
        ``level``; ``n_labeled``, what the strategy needs to reach it, and
        ``n_baseline``, what the baseline needs, over the repeats that both have;
        ``saved``, the difference, negative if the strategy needs more; ``bound``, empty
        where that is exact. A curve that ends
        below the level counts with its last budget: ``"at least"`` marks a number that
        is a lower bound because the baseline never reached the level, ``"at most"`` an
        upper bound because the strategy did not; a curve that begins above the level
        may have needed less, the other way round. Where both ways are open, ``saved``
        is NaN and ``bound`` ``"unknown"``.

    Raises
    ------
    ValueError
        If `baseline` is no strategy of the table, or `level` no number.

    Examples
    --------
    >>> import pandas as pd
    >>> from skal.metrics import labels_saved
    >>> results = pd.DataFrame({
    ...     "strategy": ["Margin"] * 3 + ["Random"] * 3, "repeat": 0,
    ...     "round": [0, 1, 2] * 2, "n_labeled": [50, 100, 150] * 2,
    ...     "accuracy": [0.6, 0.8, 0.9, 0.6, 0.7, 0.8]})
    >>> labels_saved(results, "Random", level=0.8)
              level  n_labeled  n_baseline  saved bound
    strategy
    Margin      0.8      100.0       150.0   50.0
    >>> labels_saved(results, "Random")["bound"].item()
    'at least'
    """
    import pandas as pd

    curves = learning_curves(results, score, budget)
    check_baseline(baseline, curves)
    rows = {
        name: _saving(*_paired_means(name, baseline, curves), level)
        for name in curves
        if name != baseline
    }
    columns = ["level", "n_labeled", "n_baseline", "saved", "bound"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("strategy")


def check_baseline(baseline: str, curves: Curves) -> None:
    """Refuse a baseline that no row of the table bears."""
    if baseline not in curves:
        raise ValueError(
            f"baseline is {baseline!r}, and results has the strategies {list(curves)}."
        )


def _paired_means(name: str, baseline: str, curves: Curves) -> tuple[Curve, Curve]:
    """Return the mean curves of two strategies over the repeats that both have."""
    both = curves[name].keys() & curves[baseline].keys()
    if not both:
        raise ValueError(f"results has no repeat of both {name!r} and {baseline!r}.")
    runs = (curves[name], curves[baseline])
    curve, other = (mean_curve({k: r[k] for k in r if k in both}) for r in runs)
    return curve, other


def _level(level: float | str | None, curve: Curve, baseline: Curve) -> float:
    if level is None:
        return float(curve.score[-1])
    if isinstance(level, str):
        if level != "shared":
            raise ValueError(f"level is {level!r}: give a score, 'shared' or None.")
        return float(min(curve.score[-1], baseline.score[-1]))
    return float(level)


def _saving(
    curve: Curve, baseline: Curve, asked: float | str | None
) -> tuple[float, float, float, float, str]:
    """Compare where two curves reach a level, and say which way that is open."""
    level = _level(asked, curve, baseline)
    needs, known = _budget_for(curve, level)
    baseline_needs, baseline_known = _budget_for(baseline, level)
    at_least = baseline_known > 0 or known < 0
    at_most = baseline_known < 0 or known > 0
    if at_least and at_most:
        return level, needs, baseline_needs, np.nan, "unknown"
    bound = "at least" if at_least else "at most" if at_most else ""
    return level, needs, baseline_needs, baseline_needs - needs, bound


def _budget_for(curve: Curve, level: float) -> tuple[float, int]:
    """Return where a curve reaches a level; 1 if it may need more, -1 if less."""
    above = np.flatnonzero(curve.score >= level)
    if len(above) == 0:
        return float(curve.budget[-1]), 1
    k = above[0]
    if k == 0:
        return float(curve.budget[0]), -1 if curve.score[0] > level else 0
    below, at = curve.score[k - 1 : k + 1]
    start, stop = curve.budget[k - 1 : k + 1]
    return float(start + (stop - start) * (level - below) / (at - below)), 0
