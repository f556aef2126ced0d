"""BAL, its ablations and what it is compared with, on pools of real images.

    SKAL_DATA=data python tests/benchmarks/bal.py fashion_mnist medium OUTPUT

The second argument is the budget, in shares of the pool: ``small`` (5 times 2 %),
``medium`` (10 %, then 6 times 5 %) or ``large`` (10 times 10 %). Writes
``<data>-<budget>.csv``, ``.txt`` and ``.png`` into the folder OUTPUT; runs that are
finished are kept in ``OUTPUT/runs``, so that a second call goes on with them, and two
calls at once share the work. ``--ablations`` plays other factors, indicators and
samplers of BAL besides. All train in mixed precision (bfloat16).

The paper's size is ``--pool 50000 --module vgg16 --epochs 100 --pretext-epochs 120``.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from curves import publish  # beside this script
from sklearn.metrics import make_scorer
from sklearn.model_selection import train_test_split

from skal import ActiveLearner, estimators
from skal.datasets import load_images
from skal.estimators import NetClassifier, RotationPretext
from skal.evaluation import compare_strategies
from skal.metrics import expected_calibration_error
from skal.strategies import (
    BAL,
    PT4AL,
    ActiveFT,
    CoreSet,
    EntropySampling,
    KMeansSampling,
    LeastConfidenceSampling,
    RandomSampling,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BUDGETS = {
    "small": {"n_initial": 0.02, "query_size": 0.02, "n_rounds": 4},
    "medium": {"n_initial": 0.10, "query_size": 0.05, "n_rounds": 6},
    "large": {"n_initial": 0.10, "query_size": 0.10, "n_rounds": 9},
}


def accuracy(y, proba):
    """Share of right predictions; classes are column numbers."""
    return (proba.argmax(axis=1) == y).mean()


# By the same method, so that the test images are read once a round.
SCORING = {
    "accuracy": make_scorer(accuracy, response_method="predict_proba"),
    "calibration_error": make_scorer(
        expected_calibration_error, response_method="predict_proba"
    ),
}


def pool_of(name, n):
    """Draw a stratified pool; test on all test images."""
    data = load_images(name)
    rows = np.arange(len(data.y_train))
    if n < len(rows):
        rows, _ = train_test_split(
            rows, train_size=n, stratify=data.y_train, random_state=0
        )
    return {
        "X": data.X_train[rows],
        "y": data.y_train[rows],
        "X_test": data.X_test,
        "y_test": data.y_test,
    }


def compared(pretext):
    """What the paper compares, the first four from random labels."""
    return {
        "Random": RandomSampling(),
        "Confidence": LeastConfidenceSampling(),
        "Entropy": EntropySampling(),
        "CoreSet": CoreSet(),
        "PT4AL": PT4AL(representation=pretext),
        "ActiveFT": ActiveFT(representation=pretext),
        "BAL": BAL(representation=pretext),
    }


def factors(pretext):
    """BAL with other balancing factors than its own, 1 being plain equal parts."""
    return {
        f"BAL, {balance}": BAL(balance=balance, representation=pretext)
        for balance in (0.5, 1.0, 2.0)
    }


def ablations(pretext):
    """BAL with other parts."""
    others = {
        "distance to center": {"indicator": "dtc"},
        "pretext loss": {"indicator": "pretext_loss"},
        "entropy": {"sampler": EntropySampling()},
        "k-means": {"sampler": KMeansSampling()},
        "random": {"sampler": RandomSampling()},
        "descending": {"descending": True},
        "released": {"schedule": "released"},
        "random start": {},
    }
    return {
        f"BAL, {name}": BAL(representation=pretext, **params)
        for name, params in others.items()
    }


def begins(name, strategy):
    """Tell whether a row chooses its first batch too."""
    return isinstance(strategy, BAL | PT4AL | ActiveFT) and "random start" not in name


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("budget", choices=BUDGETS)
    parser.add_argument("output", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--factors", action="store_true")
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of strategies")
    parser.add_argument("--pool", type=int, default=10_000)
    parser.add_argument("--module", default="small_cnn")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--pretext-epochs", type=int, default=10)
    options = parser.parse_args()
    module, size = getattr(estimators, options.module), BUDGETS[options.budget]
    pretext = RotationPretext(
        module=module, max_epochs=options.pretext_epochs, device=DEVICE
    )
    model = NetClassifier(module=module, max_epochs=options.epochs, device=DEVICE)
    rows = compared(pretext)
    rows |= factors(pretext) if options.factors or options.ablations else {}
    rows |= ablations(pretext) if options.ablations else {}
    rows = {
        name: ActiveLearner(
            model,
            strategy,
            initial="strategy" if begins(name, strategy) else "random",
            memory=options.output / "memory",
            **size,
        )
        for name, strategy in rows.items()
        if not options.only or name in options.only
    }
    name = f"{options.data}-{options.budget}"
    with torch.autocast(DEVICE, torch.bfloat16):
        results = compare_strategies(
            None,
            rows,
            **pool_of(options.data, options.pool),
            n_repeats=options.repeats,
            scoring=SCORING,
            random_state=0,
            path=options.output / "runs" / name,
            verbose=1,
        )
    title = f"{options.data}, {options.budget} budgets"
    publish(results, options.output, title, name, score="accuracy")


if __name__ == "__main__":
    main()
