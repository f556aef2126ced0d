"""Five strategies on handwritten digits: who learns more from the same labels?

All start from the same random 50 labels and buy 20 more in each of ten rounds, five
times over with other random starts. Prints a table and saves the learning curves:

    python examples/quickstart.py --output quickstart.png
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MultipleLocator, PercentFormatter
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skal import ActiveLearner
from skal.strategies import (
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    RandomSampling,
)

STRATEGIES = {
    "Margin": MarginSampling(),
    "Least confidence": LeastConfidenceSampling(),
    "Entropy": EntropySampling(),
    "Core-set": CoreSet(),
    "Random": RandomSampling(),
}
# Okabe and Ito's colors; markers and dashes tell the lines apart without them.
LOOKS = [
    ("#0072B2", "o", "-"),
    ("#56B4E9", "s", (0, (6, 1.5))),
    ("#009E73", "^", (0, (4, 1.5, 1, 1.5))),
    ("#D55E00", "D", (0, (2, 1))),
    ("#222222", "x", (0, (1, 1.2))),
]


def simulate(n_repeats):
    """Return one row a strategy, repeat and round."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
    rows = []
    for name, strategy in STRATEGIES.items():
        for seed in range(n_repeats):
            learner = ActiveLearner(
                LogisticRegression(max_iter=500),
                strategy,
                n_initial=50,
                query_size=20,
                n_rounds=10,
                scoring="accuracy",
                random_state=seed,
            )
            learner.fit(X, y, X_val=X_test, y_val=y_test)
            rows += [{"strategy": name, "repeat": seed} | r for r in learner.history_]
    return pd.DataFrame(rows)


def table(results):
    """Average over the repeats at three budgets, and the bias of what was bought."""
    accuracy = results.pivot_table("accuracy", "strategy", "n_labeled")
    out = accuracy[[90, 150, 250]].add_prefix("accuracy at ")
    last = results[results["n_labeled"] == 250].groupby("strategy")
    out["sampling bias"] = last["sampling_bias"].mean()
    random = accuracy.loc["Random"]
    out["labels to reach random's last"] = [
        f"{np.interp(random.iloc[-1], np.maximum.accumulate(row), row.index):.0f}"
        if row.max() >= random.iloc[-1]
        else "> 250"
        for _, row in accuracy.iterrows()
    ]
    return out.sort_values("accuracy at 250", ascending=False)


def plot(results, path):
    """Draw mean accuracy and its standard error against the labels bought."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for (name, group), look in zip(
        sorted(results.groupby("strategy"), key=lambda g: [*STRATEGIES].index(g[0])),
        LOOKS,
        strict=True,
    ):
        color, marker, dashes = look
        curve = group.groupby("n_labeled")["accuracy"].agg(["mean", "sem"])
        x, mean, error = curve.index, curve["mean"], curve["sem"]
        axes.plot(
            x, mean, color=color, marker=marker, ms=5, ls=dashes, lw=1.8, label=name
        )
        axes.fill_between(x, mean - error, mean + error, color=color, alpha=0.12, lw=0)
    axes.set(
        xlabel="Labels bought",
        ylabel="Accuracy on held-out digits",
        title="What the same number of labels is worth",
        xticks=x[::2],
    )
    axes.yaxis.set_major_locator(MultipleLocator(0.04))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    n = results["repeat"].nunique()
    figure.legend(
        loc="outside right center",
        frameon=False,
        title=f"Mean of {n} runs,\nband: standard error",
        alignment="left",
    )
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="quickstart.png", help="where the PNG goes")
    parser.add_argument("--table", help="where a CSV of all rounds goes")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    results = simulate(arguments.repeats)
    print(table(results).to_string(float_format="{:.3f}".format))
    plot(results, arguments.output)
    print(f"\nLearning curves: {arguments.output}")
    if arguments.table:
        results.drop(columns="indices").to_csv(arguments.table, index=False)
