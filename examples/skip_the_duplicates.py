"""Copies in the pool: pay for each image once.

A pool as cameras and crawlers make it: of 500 different handwritten digits every fifth
stands ten times, 1,400 images in all. What a model doubts it doubts ten times, so that
margin sampling buys the same image again and again. SIMILAR asks for images that are
unlike the labeled ones and unlike each other; `lambda_` says how much of what a copy
could still tell is believed: 1 in the paper, less leaves out more copies.

SKAL_DATA names a folder with ``mnist.npz``:

    SKAL_DATA=data python examples/skip_the_duplicates.py
    SKAL_DATA=data python examples/skip_the_duplicates.py --quick
"""

import argparse
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from skal import ActiveLearner
from skal.datasets import load_images, make_redundant_pool
from skal.estimators import NetClassifier
from skal.strategies import BADGE, SIMILAR, MarginSampling, RandomSampling
from skal.submodular import LogDetCG

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH, SHOWN = 50, 16
STRICT = partial(LogDetCG, lambda_=0.1)
STRATEGIES = {
    "Random": RandomSampling(),
    "Margin": MarginSampling(),
    "BADGE": BADGE(),
    "SIMILAR": SIMILAR(scenario="redundancy"),
    "SIMILAR, lambda 0.1": SIMILAR(scenario="redundancy", function=STRICT),
}


def campaign(strategy, pool, data, n_rounds, epochs, seed):
    """Label by hand, fifty images a round; the answers come from the data set."""
    net = NetClassifier(max_epochs=epochs, device=DEVICE)
    learner = ActiveLearner(net, strategy, n_initial=2, random_state=seed)
    y = pool.y_masked.copy()
    rows, bought = [], []
    for number in range(n_rounds + 1):
        learner.teach(pool.X, y)
        rows.append(
            {
                "labels": number * BATCH,
                "different": len(np.unique(pool.source_indices[bought])),
                "accuracy": learner.score(data.X_test, data.y_test),
            }
        )
        if number < n_rounds:
            picked = learner.query(BATCH)
            y[picked] = pool.y[picked]
            bought.extend(picked)
    return pd.DataFrame(rows), np.array(bought)


def draw(results, pool, bought):
    """Draw the curves, and the first images that each strategy bought."""
    figure = plt.figure(figsize=(12, 7.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3, 2.3])
    titles = {"different": "Different images bought", "accuracy": "Accuracy (test)"}
    for ax, (name, title) in zip(above.subplots(1, 2), titles.items(), strict=True):
        for strategy, rows in results.groupby("strategy", sort=False):
            of = rows.groupby("labels")[name]
            mean, low, high = of.mean(), of.min(), of.max()
            [line] = ax.plot(mean.index, mean, marker="o", label=strategy)
            ax.fill_between(mean.index, low, high, color=line.get_color(), alpha=0.12)
        if name == "different":
            ax.axline((0, 0), slope=1, color="gray", linestyle=":")
        ax.set(title=title, xlabel="Labels paid for")
        ax.grid(alpha=0.3)
    above.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    axes = below.subplots(len(bought), SHOWN + 2, gridspec_kw={"wspace": 0.05})
    for row, (name, picked) in zip(axes, bought.items(), strict=True):
        row[1].text(1, 0.5, name, ha="right", va="center", transform=row[1].transAxes)
        sources = pool.source_indices[picked].tolist()
        for number, ax in enumerate(row[2:]):
            ax.imshow(pool.X[picked[number]], cmap="gray_r")
            if sources[number] in sources[:number]:
                ax.plot([0, 27], [0, 27], color="tab:red")
                ax.plot([0, 27], [27, 0], color="tab:red")
        for ax in row:
            ax.axis("off")
    below.suptitle(f"The first {SHOWN} labels paid for; crossed out: paid for before")
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="duplicates.png")
    parser.add_argument("--table", help="where a CSV of the results goes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="half a minute")
    arguments = parser.parse_args()
    n_rounds, epochs, repeats = 5, 20, arguments.repeats
    if arguments.quick:
        n_rounds, repeats = 2, 1
    data, tables = load_images("mnist"), []
    for seed in tqdm(range(repeats), desc="Repeats"):
        pool = make_redundant_pool(
            data.X_train, data.y_train, preset="mnist", random_state=seed
        )
        bought = {}
        for name, strategy in tqdm(STRATEGIES.items(), leave=False):
            rows, bought[name] = campaign(strategy, pool, data, n_rounds, epochs, seed)
            tables.append(rows.assign(strategy=name, repeat=seed))
    results = pd.concat(tables, ignore_index=True)
    last = results[results["labels"] == n_rounds * BATCH]
    means = last.groupby("strategy", sort=False)[["different", "accuracy"]].mean()
    print(f"\nAfter {n_rounds * BATCH} labels, means of {repeats} repeats:")
    print(means.round(3).to_string())
    draw(results, pool, bought).savefig(arguments.output, dpi=130)
    if arguments.table:
        results.to_csv(arguments.table, index=False)
