"""Fashion-MNIST, all 60,000 images, a small convolutional net: what to label?

Random sampling, margin sampling and core-set, each from the same 500 labels, 500 more
in each of nine rounds, chosen from a fresh 10,000 images a round. Prints a table and
saves the learning curves. SKAL_DATA names the folder that holds ``fashion_mnist.npz``:

    SKAL_DATA=data python examples/fashion_mnist.py --output fashion_mnist.png
    SKAL_DATA=data python examples/fashion_mnist.py --quick
"""

import argparse

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from skal import ActiveLearner
from skal.datasets import load_images
from skal.plotting import BudgetCurveDisplay
from skal.strategies import CoreSet, MarginSampling, RandomSampling

STRATEGIES = {
    "Margin": MarginSampling(),
    "Core-set": CoreSet(),
    "Random": RandomSampling(),
}


class SmallCNN(nn.Sequential):
    """Three convolutions and a hidden layer; what leaves that are the features."""

    def __init__(self):
        super().__init__(
            *block(1, 16),
            *block(16, 32),
            *block(32, 64),
            nn.Flatten(),
            nn.Linear(576, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )


def block(n_in, n_out):
    return (
        nn.Conv2d(n_in, n_out, 3, padding=1),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def make_net(epochs):
    return NeuralNetClassifier(
        SmallCNN,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=2e-3,
        max_epochs=epochs,
        batch_size=64,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=512,
        train_split=None,
        callbacks=[LRScheduler("CosineAnnealingLR", T_max=epochs)],
        classes=np.arange(10),
        verbose=0,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )


def as_input(images):
    return images[:, None].astype(np.float32) / 255


def simulate(data, n_rounds, epochs, pool_size):
    """Return one row a strategy and round."""
    rows = []
    for name, strategy in STRATEGIES.items():
        print(name, flush=True)
        learner = ActiveLearner(
            make_net(epochs),
            strategy,
            n_initial=500,
            query_size=500,
            n_rounds=n_rounds,
            pool_size=pool_size,
            scoring="accuracy",
            verbose=1,
            random_state=0,
        )
        X, X_test = as_input(data.X_train), as_input(data.X_test)
        learner.fit(X, data.y_train, X_val=X_test, y_val=data.y_test)
        rows += [{"strategy": name, "repeat": 0} | row for row in learner.history_]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="fashion_mnist.png")
    parser.add_argument("--table", help="where a CSV of all rounds goes")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    arguments = parser.parse_args()
    size = {"n_rounds": 9, "epochs": 15, "pool_size": 10_000}
    if arguments.quick:
        size = {"n_rounds": 2, "epochs": 3, "pool_size": 2_000}
    results = simulate(load_images("fashion_mnist"), **size)
    accuracy = results.pivot_table("accuracy", "n_labeled", "strategy")
    print(accuracy.to_string(float_format="{:.3f}".format))
    seconds = results.groupby("strategy")[["fit_time", "query_time"]].sum()
    print(f"\nSeconds\n{seconds.to_string(float_format='{:.1f}'.format)}")
    display = BudgetCurveDisplay.from_results(results)
    display.ax_.set(title="Fashion-MNIST, small convolutional net, one run")
    display.figure_.savefig(arguments.output, dpi=150)
    if arguments.table:
        results.drop(columns="indices").to_csv(arguments.table, index=False)
