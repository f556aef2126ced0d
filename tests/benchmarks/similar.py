"""SIMILAR and its baselines on real pools with rare classes, copies or strangers.

    SKAL_DATA=data python tests/benchmarks/similar.py mnist rare OUTPUT

Data are ``mnist`` (LeNet) or ``cifar10_subset`` (small_cnn), scenarios ``rare``,
``redundancy`` and ``ood``. Writes ``<data>-<scenario>.csv``, ``.txt`` and ``.png``, and
the penalty matrix, into the folder OUTPUT; runs that are finished are kept in
``OUTPUT/runs``, so that a second call goes on with them. In each repeat the pool is
drawn anew. A batch has the same number of bought labels for all, out-of-distribution
ones included, as the paper has it. All train in mixed precision (bfloat16).

The paper's size is ``--module resnet18 --epochs 150`` over all images of CIFAR-10; with
2,000 images a class it is scaled down (`SETTINGS`).
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from curves import publish  # beside this script
from joblib import Parallel, delayed
from tqdm import tqdm

from skal import ActiveLearner, datasets, estimators
from skal.datasets import load_images
from skal.estimators import NetClassifier
from skal.metrics import penalty_matrix
from skal.plotting import PenaltyMatrixDisplay
from skal.strategies import (
    BADGE,
    FISHER,
    GLISTER,
    SIMILAR,
    CoreSet,
    EntropySampling,
    MarginSampling,
    RandomSampling,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MAKERS = {
    "rare": datasets.make_imbalanced_pool,
    "redundancy": datasets.make_redundant_pool,
    "ood": datasets.make_ood_pool,
}
# What the pool is made by, how many labels a round buys, and how many rounds there are.
SETTINGS = {
    ("mnist", "rare"): ({"preset": "mnist-20"}, 125, 8),
    ("mnist", "rare-100"): ({"preset": "mnist-100"}, 125, 8),
    ("mnist", "redundancy"): ({"preset": "mnist"}, 50, 8),
    ("mnist", "redundancy-5"): ({"preset": "mnist", "factor": 5}, 50, 8),
    ("mnist", "redundancy-20"): ({"preset": "mnist", "factor": 20}, 50, 8),
    ("mnist", "ood"): ({"preset": "mnist"}, 20, 10),
    ("cifar10_subset", "rare"): ({"preset": "cifar10", "scale": 0.6}, 75, 6),
    ("cifar10_subset", "redundancy"): ({"preset": "cifar10", "scale": 0.4}, 200, 5),
    ("cifar10_subset", "ood"): ({"preset": "cifar10", "scale": 0.4}, 100, 5),
}
SCORES = {"rare": "rare_accuracy", "redundancy": "accuracy", "ood": "accuracy"}
# Backbone and learning rate: at 0.05 LeNet, without batch norm, at times breaks down.
MODULES = {"mnist": ("lenet", 0.02), "cifar10_subset": ("small_cnn", 0.05)}
N_VALIDATION = 1000  # rows that FISHER compares with, beside the query set


def strategies(scenario, query_set, validation_set):
    """The paper's baselines, and the functions for a scenario."""
    held_out = validation_set if query_set is None else query_set
    similar = partial(SIMILAR, scenario=scenario)
    found = {
        "Random": RandomSampling(),
        "Entropy": EntropySampling(),
        "Margin": MarginSampling(),
        "BADGE": BADGE(),
        "CoreSet": CoreSet(),
        "GLISTER": GLISTER(validation_set=held_out if scenario == "rare" else None),
        "LogDet": SIMILAR(scenario="standard"),
    }
    if scenario == "rare":
        names = ["FLVMI", "FLQMI", "GCMI", "DivGCMI", "LogDetMI"]
        found["FISHER"] = FISHER(validation_set=validation_set)
    elif scenario == "redundancy":
        names = ["FLCG", "GCCG", "LogDetCG"]
        found["FL"] = SIMILAR(scenario="standard", function="FacilityLocation")
    else:
        names = ["FLVMI", "LogDetMI", "FLCMI", "LogDetCMI"]
    return found | {name: similar(function=name, query_set=query_set) for name in names}


def pool_of(data, scenario, seed):
    """Draw a pool, and rows beside it for FISHER."""
    images = load_images(data)
    options, *_ = SETTINGS[data, scenario]
    make = MAKERS[scenario.split("-")[0]]
    pool = make(images.X_train, images.y_train, **options, random_state=seed)
    left = np.setdiff1d(np.arange(len(images.y_train)), pool.source_indices)
    known = ~np.isin(images.y_train[left], pool.get("ood_classes", []))
    rng = np.random.default_rng(seed)
    chosen = rng.choice(left[known], N_VALIDATION, replace=False)
    validation_set = images.X_train[chosen], images.y_train[chosen]
    inside = ~np.isin(images.y_test, pool.get("ood_classes", []))
    test_set = images.X_test[inside], images.y_test[inside]
    return pool, validation_set, test_set


def play(data, scenario, name, seed, options):
    """Play a campaign by hand, so that each round pays for the same number of labels.

    Return a row a round.
    """
    pool, validation_set, (X_test, y_test) = pool_of(data, scenario, seed)
    _, batch, n_rounds = SETTINGS[data, scenario]
    query_set = (pool.X_query, pool.y_query) if "X_query" in pool else None
    module, lr = MODULES[data]
    module = getattr(estimators, options.module or module)
    strategy = strategies(scenario.split("-")[0], query_set, validation_set)[name]
    learner = ActiveLearner(
        NetClassifier(module=module, lr=lr, max_epochs=options.epochs, device=DEVICE),
        strategy,
        n_initial=2,  # the pool comes with labels
        ood_label=pool.ood_label,
        random_state=seed,
    )
    y = pool.y_masked.copy()
    rare = pool.get("rare_classes", [])
    rare_test, initial = np.isin(y_test, rare), y != -1
    for number in range(n_rounds + 1):
        learner.teach(pool.X, y)
        hits = learner.predict(X_test) == y_test
        bought = (y != -1) & ~initial
        yield {
            "strategy": name,
            "repeat": seed,
            "round": number,
            "n_labeled": int((y != -1).sum()),  # all that were paid for
            "accuracy": hits.mean(),
            "rare_accuracy": hits[rare_test].mean() if rare_test.any() else np.nan,
            "n_rare": int(np.isin(y[bought], rare).sum()),
            "n_unique": len(np.unique(pool.source_indices[bought])),
            "n_inside": int((y[bought] != pool.ood_label).sum()),
        }
        if number < n_rounds:
            picks = learner.query(batch)
            y[picks] = pool.y[picks]


def run(data, scenario, name, seed, options):
    """Play a campaign that has not been played, and keep it."""
    path = options.output / "runs" / f"{data}-{scenario}" / f"{name}-{seed}.csv"
    if path.exists():
        return pd.read_csv(path)
    torch.set_num_threads(1 if options.jobs > 1 else torch.get_num_threads())
    with torch.autocast(DEVICE, torch.bfloat16):
        rows = pd.DataFrame(play(data, scenario, name, seed, options))
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path.with_suffix(".part"), index=False)
    path.with_suffix(".part").rename(path)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=MODULES)
    parser.add_argument("scenario", choices=sorted({key[1] for key in SETTINGS}))
    parser.add_argument("output", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of strategies")
    parser.add_argument("--module", help="a backbone of skal.estimators")
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    data, scenario = options.data, options.scenario
    kind = scenario.split("-")[0]
    names = options.only or strategies(kind, None, None)
    games = [(name, seed) for seed in range(options.repeats) for name in names]
    played = Parallel(options.jobs, return_as="generator")(
        delayed(run)(data, scenario, *game, options) for game in games
    )
    results = pd.concat(tqdm(played, total=len(games)), ignore_index=True)
    title = f"{data}, {scenario}"
    publish(results, options.output, title, f"{data}-{scenario}", score=SCORES[kind])
    if options.repeats > 1:
        display = PenaltyMatrixDisplay.from_results(results, score=SCORES[kind])
        display.figure_.set_size_inches(9, 8)
        display.ax_.set(title=f"{title}: {SCORES[kind]}")
        name = f"{data}-{scenario}-penalty"
        display.figure_.savefig(options.output / f"{name}.png", dpi=90)
        penalty = penalty_matrix(results, score=SCORES[kind])
        penalty.to_csv(options.output / f"{name}.csv")


if __name__ == "__main__":
    main()
