"""What a table of results says, in words."""

import numpy as np
import pandas as pd

from skal.evaluation._statistics import compare_with_baseline, find_baseline
from skal.metrics import labels_saved
from skal.metrics._results import learning_curves, mean_curve, score_column


def summary(
    results: pd.DataFrame,
    baseline: str | None = None,
    *,
    score: str | None = None,
    budget: str = "n_labeled",
    alpha: float = 0.05,
) -> str:
    """Say of each strategy whether it beats the baseline, by how much, how surely.

    One sentence a strategy, the best first: the verdict of
    :func:`compare_with_baseline`, and the labels that the strategy and the baseline
    need for the lower one of their last scores (:func:`skal.metrics.labels_saved`).

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
        Chance of one false verdict or more.

    Returns
    -------
    text : str
        To print.

    Raises
    ------
    ValueError
        As :func:`compare_with_baseline` does.

    Examples
    --------
    >>> import pandas as pd
    >>> from skal.evaluation import summary
    >>> results = pd.DataFrame([
    ...     {"strategy": name, "repeat": i, "round": r, "n_labeled": 50 * r + 50,
    ...      "accuracy": last - 0.1 * (2 - r) + i / 1000}
    ...     for name, last in [("Margin", 0.9), ("Random", 0.8)]
    ...     for i in range(6) for r in range(3)])
    >>> print(summary(results))
    Random, the baseline: accuracy 0.802 with 150 labels (6 repeats; p by Wilcoxon's \
test).
    Margin beats Random (p = 0.031): accuracy 0.802 takes it 100 labels, Random 150 \
(50 saved).
    """
    curves = learning_curves(results, score, budget)
    score = score_column(results, score)
    baseline = find_baseline(baseline, curves)
    options = {"score": score, "budget": budget}
    tests = compare_with_baseline(results, baseline, alpha=alpha, **options)
    saved = labels_saved(results, baseline, "shared", **options)
    last = mean_curve(curves[baseline])
    holm = ", Holm's correction" if len(tests) > 1 else ""
    lines = [
        f"{baseline}, the baseline: {score} {last.score[-1]:.3g} with "
        f"{last.budget[-1]:.0f} labels ({_repeats(len(curves[baseline]))}; p by "
        f"Wilcoxon's test{holm})."
    ]
    for name, test in tests.sort_values("area", ascending=False).iterrows():
        words = f"{name} {_verdict(test, baseline)}"
        if test.verdict != "equal":
            words += f": {score} {_labels(saved.loc[name], baseline, test.verdict)}"
        lines.append(f"{words}.")
    return "\n".join(lines)


def _verdict(test, baseline):
    if test.verdict == "equal":
        return f"is equal to {baseline} in each repeat"
    p = f"p = {test.p_holm:.2g}" if test.p_holm >= 0.001 else "p < 0.001"
    if test.verdict != "not certain":
        return f"{'beats' if test.verdict == 'better' else 'loses to'} {baseline} ({p})"
    few = test.n_repeats < test.n_needed
    remedy = f"; with {test.n_needed} repeats it may be" if few else ""
    return (
        f"is not certain to differ from {baseline} (ahead in {test.ahead} of "
        f"{_repeats(test.n_repeats)}, {p}{remedy})"
    )


def _labels(saved, baseline, verdict):
    words = (
        f"{saved.level:.3g} takes it {saved.n_labeled:.0f} labels, {baseline} "
        f"{saved.n_baseline:.0f}"
    )
    if verdict == "not certain" or not saved.saved or np.isnan(saved.saved):
        return words
    return f"{words} ({abs(saved.saved):.0f} {'saved' if saved.saved > 0 else 'more'})"


def _repeats(n):
    return f"{n} repeat{'s' if n > 1 else ''}"
