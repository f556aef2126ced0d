"""Five examples of the rare class find more of it.

Chest X-rays of children; one in twenty shows pneumonia. Five such images are at
hand, and every label costs a doctor's time: which images should be looked at next?
SIMILAR takes the five as its query set and asks for what is like them; the figure shows
how many of the rare images each strategy finds, and what the model makes of them.

SKAL_DATA names a folder with ``pneumoniamnist.npz``:

    SKAL_DATA=data python examples/find_the_rare_class.py
    SKAL_DATA=data python examples/find_the_rare_class.py --quick
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import recall_score
from tqdm import tqdm

from skal import ActiveLearner
from skal.datasets import load_images, make_imbalanced_pool
from skal.estimators import NetClassifier
from skal.strategies import SIMILAR, EntropySampling, RandomSampling

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PNEUMONIA = 1
BATCH = 10


def strategies(pool):
    """Two that are told nothing, and two that are shown what to look for."""
    examples = (pool.X_query, pool.y_query)
    similar = {"scenario": "rare", "query_set": examples}
    return {
        "Random": RandomSampling(),
        "Entropy": EntropySampling(),
        "SIMILAR": SIMILAR(**similar),  # FLQMI
        "SIMILAR, LogDetMI": SIMILAR(**similar, function="LogDetMI"),
    }


def campaign(strategy, pool, data, n_rounds, epochs, seed):
    """Label by hand, ten images a round; the answers come from the data set."""
    net = NetClassifier(max_epochs=epochs, device=DEVICE)
    learner = ActiveLearner(net, strategy, n_initial=2, random_state=seed)
    y = pool.y_masked.copy()
    at_hand = (y == PNEUMONIA).sum()
    rows, bought = [], []
    for number in range(n_rounds + 1):
        learner.teach(pool.X, y)
        predicted = learner.predict(data.X_test)
        rows.append(
            {
                "labels": number * BATCH,
                "found": (y == PNEUMONIA).sum() - at_hand,
                "sensitivity": recall_score(data.y_test, predicted),
                "specificity": recall_score(data.y_test, predicted, pos_label=0),
            }
        )
        if number < n_rounds:
            picked = learner.query(BATCH)
            y[picked] = pool.y[picked]  # the doctor
            bought.extend(picked)
    return pd.DataFrame(rows), np.array(bought)


def draw(results, pool, first_bought):
    """Draw the curves, and the first images that each strategy asks for."""
    figure = plt.figure(figsize=(12, 7.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3, 2.4])
    titles = {
        "found": f"Pneumonia found, of {(pool.y[pool.y_masked < 0] == 1).sum()}",
        "sensitivity": "Sensitivity of the model (test)",
        "specificity": "Specificity of the model (test)",
    }
    for ax, (name, title) in zip(above.subplots(1, 3), titles.items(), strict=True):
        for strategy, rows in results.groupby("strategy", sort=False):
            of = rows.groupby("labels")[name]
            mean, low, high = of.mean(), of.min(), of.max()
            [line] = ax.plot(mean.index, mean, marker="o", label=strategy)
            ax.fill_between(mean.index, low, high, color=line.get_color(), alpha=0.12)
        ax.set(title=title, xlabel="Labels bought")
        ax.grid(alpha=0.3)
    above.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    shown = {"At hand": pool.X_query}
    shown |= {name: pool.X[rows[:BATCH]] for name, rows in first_bought.items()}
    axes = below.subplots(len(shown), BATCH + 1, gridspec_kw={"wspace": 0.05})
    for row, (name, images) in zip(axes, shown.items(), strict=True):
        row[0].text(1, 0.5, name, ha="right", va="center", transform=row[0].transAxes)
        rare = [True] * len(images)
        if name != "At hand":
            rare = pool.y[first_bought[name][:BATCH]] == PNEUMONIA
        for ax, image, hit in zip(row[1:], images, rare, strict=False):
            ax.imshow(image, cmap="gray")
            if hit:
                frame = plt.Rectangle((0, 0), 1, 1, transform=ax.transAxes)
                frame.set(fill=False, edgecolor="tab:red", linewidth=4)
                ax.add_patch(frame)
        for ax in row:
            ax.axis("off")
    below.suptitle("The first ten images that each asks for; pneumonia framed")
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="rare_class.png")
    parser.add_argument("--table", help="where a CSV of the results goes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="half a minute")
    arguments = parser.parse_args()
    n_rounds, epochs, repeats = 5, 30, arguments.repeats
    if arguments.quick:
        n_rounds, repeats = 2, 1
    data, tables = load_images("pneumoniamnist"), []
    for seed in tqdm(range(repeats), desc="Repeats"):
        pool = make_imbalanced_pool(
            data.X_train, data.y_train, preset="pneumonia", random_state=seed
        )
        bought = {}
        for name, strategy in tqdm(strategies(pool).items(), leave=False):
            rows, bought[name] = campaign(strategy, pool, data, n_rounds, epochs, seed)
            tables.append(rows.assign(strategy=name, repeat=seed))
    results = pd.concat(tables, ignore_index=True)
    last = results[results["labels"] == n_rounds * BATCH]
    means = last.groupby("strategy", sort=False).mean().drop(columns="repeat")
    print(f"\nAfter {n_rounds * BATCH} labels, means of {repeats} repeats:")
    print(means.drop(columns="labels").round(2).to_string())
    draw(results, pool, bought).savefig(arguments.output, dpi=130)
    if arguments.table:
        results.to_csv(arguments.table, index=False)
