"""One round of SCAL's protocol, timed: train ResNet-18, choose 1,000 of 10,000.

    SKAL_DATA=data python tests/benchmarks/scal_round.py [--precision bf16]

Krishnan et al. (2021): stochastic gradient descent at 0.1 with momentum 0.9 and weight
decay 5e-4, 200 epochs in batches of 128, a tenth of the rate after 160; SCAL over
supervised contrastive features, FeatureSim over cross-entropy. ``fp32`` is exact,
``tf32`` lets matrix products and convolutions round their inputs to 10 bits, ``bf16``
runs inside ``torch.autocast``. Prints a row a method: seconds of training and of the
query, accuracy on the test set, images trained a second, and the most memory that torch
held. On a CPU take ``--epochs 1 --images 500``.
"""

import argparse
import contextlib
import time

import numpy as np
import torch
from skorch.callbacks import LRScheduler

from skal.datasets import load_images
from skal.estimators import NetClassifier, SupConClassifier, resnet18
from skal.strategies import SCAL, EntropySampling

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def make(kind, epochs):
    steps = LRScheduler("MultiStepLR", milestones=[int(0.8 * epochs)], gamma=0.1)
    return kind(
        module=resnet18,
        lr=0.1,
        max_epochs=epochs,
        batch_size=128,
        augmentation="auto",
        optimizer__nesterov=False,
        callbacks=[("steps", steps)],
        iterator_valid__batch_size=1024,
        iterator_train__pin_memory=DEVICE == "cuda",
        device=DEVICE,
        random_state=0,
    )


def seconds(task):
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    value = task()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, value


def play(kind, strategy, data, arguments):
    rng = np.random.default_rng(0)
    order = rng.permutation(len(data.X_train))
    labeled, pool = order[: arguments.labels], order[: arguments.images]
    y = np.full(len(pool), -1)
    y[: len(labeled)] = data.y_train[labeled]
    images = data.X_train[pool]
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    net = make(kind, arguments.epochs)
    fit_time, _ = seconds(lambda: net.fit(images[: len(labeled)], y[: len(labeled)]))
    query_time, _ = seconds(
        lambda: strategy.fit(images, y, estimator=net).query(arguments.labels)
    )
    accuracy = net.score(data.X_test, data.y_test)
    memory = torch.cuda.max_memory_allocated() / 2**20 if DEVICE == "cuda" else 0
    rate = arguments.epochs * len(labeled) / fit_time
    print(
        f"{kind.__name__},{type(strategy).__name__},{arguments.precision},"
        f"{fit_time:.1f},{query_time:.2f},{accuracy:.4f},{rate:.0f},{memory:.0f}",
        flush=True,
    )


@contextlib.contextmanager
def precision(name):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest" if name == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = name != "fp32"
    try:
        if name == "bf16":
            with torch.autocast(DEVICE, torch.bfloat16):
                yield
        else:
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10_subset")
    parser.add_argument("--precision", default="tf32", choices=["fp32", "tf32", "bf16"])
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--images", type=int, default=10_000)
    arguments = parser.parse_args()
    if not 0 < 2 * arguments.labels <= arguments.images:
        arguments.labels = arguments.images // 4
    data = load_images(arguments.data)
    print("net,strategy,precision,fit_s,query_s,accuracy,images_a_second,MiB")
    with precision(arguments.precision):
        play(NetClassifier, EntropySampling(random_state=0), data, arguments)
        play(NetClassifier, SCAL(random_state=0), data, arguments)
        play(SupConClassifier, SCAL(random_state=0), data, arguments)
