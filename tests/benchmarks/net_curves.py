"""Budget curves of the strategies that need nets, each beside random with its net.

    python tests/benchmarks/net_curves.py digits OUTPUT
    SKAL_DATA=data python tests/benchmarks/net_curves.py fashion_mnist OUTPUT

Writes ``rounds.csv``, ``summary.txt`` and ``curves.png`` into the folder OUTPUT; runs
that are finished are kept in ``OUTPUT/runs``, so that a second call goes on with them.
All nets are small_cnn. Fashion-MNIST is 5,000 images of its training set, and wants a
GPU; digits are the 1,797 images of 8 x 8 that come with scikit-learn.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from curves import publish  # beside this script
from sklearn.datasets import load_digits

from skal import ActiveLearner
from skal.datasets import load_images
from skal.estimators import (
    LossPredictionClassifier,
    MCDropoutClassifier,
    NetClassifier,
    SupConClassifier,
)
from skal.evaluation import compare_strategies
from skal.strategies import BALD, PAL, SCAL, VAAL, LearningLoss, MarginSampling

SIZE = {
    "digits": {"n_initial": 50, "query_size": 30, "n_rounds": 5},
    "fashion_mnist": {"n_initial": 200, "query_size": 200, "n_rounds": 5},
}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def digits():
    images = load_digits()
    return {"X": (images.images * 15.9).astype(np.uint8), "y": images.target}


def fashion_mnist():
    data = load_images("fashion_mnist")
    chosen = np.random.default_rng(0).permutation(len(data.X_train))[:5000]
    return {
        "X": data.X_train[chosen],
        "y": data.y_train[chosen],
        "X_test": data.X_test,
        "y_test": data.y_test,
    }


def rows(epochs, size):
    """Strategies over the nets that they need."""

    def over(kind, strategy, **params):
        net = kind(max_epochs=epochs, device=DEVICE, **params)
        return ActiveLearner(net, strategy, **size)

    return {
        "Random": None,
        "Margin": MarginSampling(),
        "FeatureSim": SCAL(),
        "VAAL": VAAL(),
        "PAL": PAL(),
        "SCAL": over(SupConClassifier, SCAL()),
        "Random, SupCon": over(SupConClassifier, None),
        "BALD": over(MCDropoutClassifier, BALD(n_draws=30)),
        "Random, dropout": over(MCDropoutClassifier, None),
        "LearningLoss": over(LossPredictionClassifier, LearningLoss()),
        "Random, loss head": over(LossPredictionClassifier, None),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=SIZE)
    parser.add_argument("output", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of rows")
    options = parser.parse_args()
    size = SIZE[options.data]
    chosen = rows(options.epochs, size)
    if options.only:
        chosen = {k: v for k, v in chosen.items() if k in (*options.only, "Random")}
    results = compare_strategies(
        NetClassifier(max_epochs=options.epochs, device=DEVICE),
        chosen,
        **globals()[options.data](),
        **size,
        n_repeats=options.repeats,
        n_jobs=options.jobs,
        random_state=0,
        path=options.output / "runs",
        verbose=1,
    )
    publish(results, options.output, f"{options.data}, small convolutional nets")


if __name__ == "__main__":
    main()
