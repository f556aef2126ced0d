"""What an epoch costs: skal's net beside plain skorch, and contrastive beside plain.

    OMP_NUM_THREADS=1 python tests/benchmarks/epochs.py

The same small_cnn, optimizer and batches of 128, on 4,096 images of 28 x 28, random
pixels. An epoch of each in turn, so that a slow spell of the machine hits all; medians
of five, in seconds of the processor. Plain skorch gets what it wants, float32 and
integer labels; it copies images one by one, skal takes a batch at once. With glibc, set
MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_THRESHOLD_=1000000000 before: else large
batches pay for pages given back and taken again, and supervised contrast is 2.4 to 3.0
times plain training instead of 2.1.
"""

import argparse
import time
from statistics import median

import numpy as np
import torch
from skorch import NeuralNetClassifier

from skal.estimators import (
    LossPredictionClassifier,
    MCDropoutClassifier,
    NetClassifier,
    SupConClassifier,
    small_cnn,
)

SAME = {"module": small_cnn, "batch_size": 128, "max_epochs": 1, "lr": 0.05}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def make_nets():
    torch.manual_seed(0)
    plain = NeuralNetClassifier(
        criterion=torch.nn.CrossEntropyLoss,
        train_split=None,
        iterator_train__shuffle=True,
        optimizer__momentum=0.9,
        optimizer__nesterov=True,
        optimizer__weight_decay=5e-4,
        module__n_classes=10,
        verbose=0,
        device=DEVICE,
        **SAME,
    )
    ours = {"random_state": 0, "device": DEVICE} | SAME
    return {
        "plain skorch": plain,
        "NetClassifier": NetClassifier(**ours),
        "NetClassifier, views": NetClassifier(augmentation="auto", **ours),
        "SupConClassifier": SupConClassifier(**ours),
        "MCDropoutClassifier": MCDropoutClassifier(**ours),
        "LossPredictionClassifier": LossPredictionClassifier(**ours),
    }


def seconds(net, X, y):
    """Time the batches of an epoch: of the processor, or, with a GPU, of the clock.

    What comes after the last epoch, such as a linear classifier, is left out.
    """
    clock = time.perf_counter if DEVICE == "cuda" else time.process_time
    spent, run = [], type(net).run_single_epoch

    def timed(*args, **kwargs):
        start = clock()
        run(net, *args, **kwargs)
        spent.append(clock() - start)

    vars(net)["run_single_epoch"] = timed
    net.partial_fit(X, y)
    del vars(net)["run_single_epoch"]
    return sum(spent)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.random((arguments.images, 1, 28, 28), dtype=np.float32)
    y = rng.integers(0, 10, len(X))
    nets = make_nets()
    times = {name: [] for name in nets}
    for net in nets.values():
        net.fit(X[:256], y[:256])  # what the first call costs is no epoch's
    for _ in range(arguments.epochs):
        for name, net in nets.items():
            times[name].append(seconds(net, X, y))
    middle = {name: median(values) for name, values in times.items()}
    for name, value in middle.items():
        print(f"{name:26s} {value:6.2f} s {value / middle['plain skorch']:5.2f}")
    views = middle["SupConClassifier"] / middle["NetClassifier, views"]
    print(f"contrastive over plain training with the same views: {views:.2f}")
