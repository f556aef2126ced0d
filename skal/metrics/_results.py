"""Learning curves out of a table of results: one row a strategy, repeat and round."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:  # loaded where a table is made, so that skal imports without it
    import pandas as pd

# Columns of a table of results that are no scores.
FACTS = (
    "strategy",
    "repeat",
    "round",
    "initial",
    "n_labeled",
    "cost",
    "fit_time",
    "query_time",
    "sampling_bias",
    "class_counts",
    "indices",
)


# Of the scores themselves: differences below are rounding.
_ROUNDING = 1e-12


class Curve(NamedTuple):
    """Score against budget, two arrays of shape (rounds,), budget ascending."""

    budget: np.ndarray
    score: np.ndarray


# By name of the strategy and by repeat.
Curves = Mapping[str, Mapping[Any, Curve]]


def is_table(results: Any) -> bool:
    """Tell whether this is a DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(results, pandas.DataFrame)


def score_column(results: pd.DataFrame, score: str | None) -> str:
    """Name the column that holds the score: the only one there is, or the one asked."""
    if not is_table(results):
        raise TypeError(
            f"results is a {type(results).__name__}; it needs the table of "
            f"compare_strategies, a DataFrame."
        )
    keys = ("strategy", "repeat", "round")
    lacking = [c for c in keys if c not in results]
    unnamed = not lacking and results[list(keys)].isna().to_numpy().any()
    if lacking or results.empty or unnamed:
        problem = (
            "has no rows" if results.empty else "has rows of no strategy or repeat"
        )
        problem = f"lacks the column {lacking[0]!r}" if lacking else problem
        raise ValueError(
            f"results {problem}; it needs one row a strategy, repeat and round, as "
            f"compare_strategies returns them."
        )
    if score is not None:
        if score not in results:
            raise ValueError(
                f"score is {score!r}, and results has the columns {list(results)}."
            )
        return score
    scores = [
        name for name in results.select_dtypes("number").columns if name not in FACTS
    ]
    if len(scores) == 1:
        return str(scores[0])
    raise ValueError(
        f"results has {len(scores)} columns that may be meant, {scores}: name one with "
        f"score=."
    )


def learning_curves(
    results: pd.DataFrame, score: str | None = None, budget: str = "n_labeled"
) -> dict[str, dict[Any, Curve]]:
    """Take the curves out of a table, strategies in the order of their appearance."""
    score = score_column(results, score)
    if budget not in results:
        raise ValueError(
            f"budget is {budget!r}, and results has the columns {list(results)}."
        )
    bad = ~np.isfinite(results[[budget, score]].to_numpy(dtype=float)).all(axis=1)
    if bad.any():
        row = results.iloc[int(bad.argmax())]
        raise ValueError(
            f"results has no finite {score!r} for {row['strategy']!r}, repeat "
            f"{row['repeat']}, round {row['round']} (and {bad.sum() - 1} other rows)."
        )
    curves: dict[str, dict[Any, Curve]] = {}
    first = {}
    keys, ordered = ["strategy", "repeat"], results.sort_values("round", kind="stable")
    for (name, repeat), rows in ordered.groupby(keys, sort=True, observed=True):
        rounds = rows["round"].to_numpy()
        known = first.setdefault(name, rounds)
        n = min(len(rounds), len(known))
        if (rounds[1:] == rounds[:-1]).any() or (rounds[:n] != known[:n]).any():
            raise ValueError(
                f"results has the rounds {rounds.tolist()} of {name!r}, repeat "
                f"{repeat}: each once, and as other repeats have them, is what a curve "
                f"is made of."
            )
        values = rows[[budget, score]].to_numpy(dtype=float)
        curves.setdefault(name, {})[repeat] = Curve(*values.T)
    return {name: curves[name] for name in results["strategy"].unique()}


def mean_curve(runs: Mapping[Any, Curve]) -> Curve:
    """Average the repeats of one strategy over the rounds that each of them has."""
    n = min(len(run.score) for run in runs.values())
    budgets = [run.budget[:n] for run in runs.values()]
    return Curve(
        np.mean(budgets, axis=0),
        np.mean([run.score[:n] for run in runs.values()], axis=0),
    )


def without_rounding(difference: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Set to zero what is rounding beside scores of this size."""
    return np.where(np.abs(difference) <= _ROUNDING * np.abs(scale), 0.0, difference)


def shared_range(curves: Curves) -> tuple[float, float]:
    """Return the range of budgets that every run has."""
    runs = [run for strategy in curves.values() for run in strategy.values()]
    low = max(float(run.budget[0]) for run in runs)
    return low, min(float(run.budget[-1]) for run in runs)


def paired_scores(
    a: Mapping[Any, Curve], b: Mapping[Any, Curve]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of two strategies at equal budgets, (repeats, points) each.

    Repeats are those that both have; the points are the rounds of the one that has
    fewer of them within the budgets of both, and the other is interpolated there.
    """
    pairs = [_at_equal_budgets(a[repeat], b[repeat]) for repeat in a if repeat in b]
    n = min((len(first) for first, _ in pairs), default=0)
    left = np.array([first[:n] for first, _ in pairs])
    right = np.array([second[:n] for _, second in pairs])
    return left, right


def _at_equal_budgets(a: Curve, b: Curve) -> tuple[np.ndarray, np.ndarray]:
    low = max(a.budget[0], b.budget[0])
    high = min(a.budget[-1], b.budget[-1])
    inside = [c.budget[(c.budget >= low) & (c.budget <= high)] for c in (a, b)]
    points = min(inside, key=len)
    return np.interp(points, *a), np.interp(points, *b)
