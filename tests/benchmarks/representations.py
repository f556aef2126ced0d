"""What skal's nets learn on real data, against the same net trained plainly.

    SKAL_DATA=data python tests/benchmarks/representations.py OUTPUT [NAME ...]

NAME is one of

``supcon``
    Fashion-MNIST, 2,000 labels: SupConClassifier and cross-entropy, the same small_cnn,
    augmentation, epochs and batches.
``rotation``
    CIFAR-10: RotationPretext on the first 10,000 images of the subset; a logistic
    regression on 1,000 labels over its features, and over raw pixels.
``pool``
    MNIST, a pool of 10,000 images with 100 labels: ContrastivePoolClassifier with a
    temperature of 0.5, a rate of 4e-3 and batches of 128, and the same net with the
    same views trained on the 100 labels.

All train in mixed precision (bfloat16). Accuracies are on the whole test set, one row a
method and seed. Each row is added to ``OUTPUT/accuracy.csv`` when it is there, and is
not made again: a second call goes on.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal.datasets import load_images
from skal.estimators import (
    ContrastivePoolClassifier,
    ImageViews,
    NetClassifier,
    RotationPretext,
    SupConClassifier,
    small_cnn,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
FIELDS = ["experiment", "method", "seed", "accuracy", "seconds"]


def some(y, n, seed):
    """Draw n positions, as many of each class."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    return np.concatenate(
        [rng.choice(np.flatnonzero(y == c), n // len(classes), False) for c in classes]
    )


def supcon(seed, size):
    data = load_images("fashion_mnist")
    rows = some(data.y_train, size["labels"], seed)
    X, y = data.X_train[rows], data.y_train[rows]
    same = {
        "module": small_cnn,
        "max_epochs": size["epochs"],
        "batch_size": 128,
        "augmentation": "auto",
        "device": DEVICE,
        "random_state": seed,
    }
    for kind in (SupConClassifier, NetClassifier):
        yield (
            kind.__name__,
            lambda kind=kind: kind(**same).fit(X, y).score(data.X_test, data.y_test),
        )


def flat(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255


def rotation(seed, size):
    data = load_images("cifar10_subset")
    pool, y_pool = data.X_train, data.y_train
    X_test, y_test = data.X_test, data.y_test
    rows = some(y_pool, 1000, seed)

    def probe(transform):
        model = LogisticRegression(C=0.01, max_iter=500)
        model = make_pipeline(StandardScaler(), model)
        model.fit(transform(pool[rows]), y_pool[rows])
        return model.score(transform(X_test), y_test)

    def pretext(max_epochs):
        net = RotationPretext(
            module=small_cnn,
            max_epochs=max_epochs,
            batch_size=128,
            augmentation=None,
            device=DEVICE,
            random_state=seed,
        )
        return probe(net.fit(pool[: size["pool"]]).transform)

    yield "raw pixels", lambda: probe(FunctionTransformer(flat).transform)
    yield f"RotationPretext, {size['epochs']} epochs", lambda: pretext(size["epochs"])


def pool(seed, size):
    data = load_images("mnist")
    rows = np.random.default_rng(seed).permutation(60_000)[: size["pool"]]
    X, y = data.X_train[rows], data.y_train[rows]
    known = np.full(len(y), -1)
    labeled = some(y, 100, seed)
    known[labeled] = y[labeled]
    views = ImageViews(crop=(0.5, 1.2), degrees=15, shear=20, jitter=0)
    same = {"module": small_cnn, "augmentation": views, "device": DEVICE}

    def contrastive():
        net = ContrastivePoolClassifier(
            max_epochs=size["epochs"],
            temperature=0.5,
            lr=4e-3,
            batch_size=128,
            random_state=seed,
            **same,
        )
        return net.fit(X, known).score(data.X_test, data.y_test)

    def plain(**params):
        net = NetClassifier(random_state=seed, **same, **params)
        return net.fit(X[labeled], y[labeled]).score(data.X_test, data.y_test)

    yield f"ContrastivePoolClassifier, {size['epochs']} epochs", contrastive
    tuning = {
        "optimizer": torch.optim.Adam,
        "optimizer__weight_decay": 1e-6,
        "lr": 1e-3,
        "batch_size": 32,
        "criterion__label_smoothing": 0.1,
    }
    yield (
        "NetClassifier, tuned as the other's last step",
        lambda: plain(max_epochs=100, **tuning),
    )
    yield "NetClassifier, 300 epochs", lambda: plain(max_epochs=300)


EXPERIMENTS = {"supcon": supcon, "rotation": rotation, "pool": pool}
SIZES = {
    "supcon": {"labels": 2000, "epochs": 60},
    "rotation": {"pool": 10_000, "epochs": 6},
    "pool": {"pool": 10_000, "epochs": 40},
}
QUICK = {
    "supcon": {"labels": 200, "epochs": 2},
    "rotation": {"pool": 1000, "epochs": 1},
    "pool": {"pool": 1000, "epochs": 1},
}


def finished(path):
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(r["experiment"], r["method"], r["seed"]) for r in csv.DictReader(file)}


def run(name, seed, size, path):
    done = finished(path)
    for method, accuracy in EXPERIMENTS[name](seed, size):
        if (name, method, str(seed)) in done:
            continue
        start = time.perf_counter()
        with torch.autocast(DEVICE, torch.bfloat16):
            row = [name, method, seed, f"{accuracy():.4f}"]
        row.append(f"{time.perf_counter() - start:.0f}")
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(FIELDS)
            writer.writerow(row)
        print(*row, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    sizes = QUICK if arguments.quick else SIZES
    for chosen in arguments.names or EXPERIMENTS:
        for seed in arguments.seeds:
            run(chosen, seed, sizes[chosen], arguments.output / "accuracy.csv")
