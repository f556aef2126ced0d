"""Query time in units of entropy sampling: inference and selection, as a query has it.

    python tests/benchmarks/query_time.py

The setting of Table 1 of SCAL (Krishnan et al. 2021): a ResNet-18 for images of 32 x
32, 10,000 images in the pool, 1,000 to choose. The weights are random: they do not
matter for the time. BALD makes 50 passes with dropout before the last layer. Two
figures: (a) the features of the 1,000 labeled rows are known already, (b) they are read
in the same query. A pass takes about half a minute on two cores; for a look, take
``--images 1000``.
"""

import argparse
import time
from statistics import median

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torchvision.models import resnet18

from skal.labels import Pool
from skal.readout import Reader
from skal.strategies import BALD, DFM, SCAL, CoreSet, EntropySampling

STRATEGIES = {
    "entropy": EntropySampling(random_state=0),
    "SCAL, FeatureSim": SCAL(random_state=0),
    "DFM": DFM(random_state=0),
    "CoreSet": CoreSet(random_state=0),
    "BALD, 50 passes": BALD(n_draws=50, random_state=0),
}
LIMITS = {
    "a": {"SCAL, FeatureSim": 1.05, "DFM": 1.05, "CoreSet": 1.15, "BALD, 50 passes": 2},
    "b": {"SCAL, FeatureSim": 1.2, "DFM": 1.2, "CoreSet": 1.3},
}
PAPER = {
    "SCAL, FeatureSim": "1.37, 1.32",
    "DFM": "1.38",
    "CoreSet": "15.18",
    "BALD, 50 passes": "35.69",
}


class SmallImageNet(nn.Module):
    """ResNet-18 for images of 32 x 32, with dropout before its last layer."""

    def __init__(self):
        super().__init__()
        net = resnet18(num_classes=10)
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        net.maxpool, net.fc = nn.Identity(), nn.Identity()
        self.backbone, self.dropout = net, nn.Dropout(0.5)
        self.head = nn.Linear(512, 10)

    def forward(self, X):
        return self.head(self.dropout(self.backbone(X)))


def make_net():
    torch.manual_seed(0)
    return NeuralNetClassifier(
        SmallImageNet,
        criterion=nn.CrossEntropyLoss,
        classes=np.arange(10),
        iterator_valid__batch_size=250,
        train_split=None,
        verbose=0,
        device="cuda" if torch.cuda.is_available() else "cpu",
    ).initialize()


def seconds(strategy, pool, reader, query_size):
    start = time.perf_counter()
    strategy._begin(pool, reader)
    strategy._query(query_size, np.flatnonzero(pool.unlabeled))
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    n, n_labeled = options.images, options.images // 10
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n + n_labeled, 3, 32, 32), dtype="f4")
    y = np.full(len(X), -1)
    y[:n_labeled] = np.arange(n_labeled) % 10
    net = make_net()
    pool = Pool.from_labels(X, y, missing_label=-1, ood_label=None)
    times = {(kind, name): [] for kind in LIMITS for name in STRATEGIES}
    for _ in range(options.repeats):
        for kind, name in times:
            reader = Reader(X, net, classes=np.arange(10))
            if kind == "a":
                reader.read(["embedding", "proba"], np.arange(n_labeled))
            taken = seconds(STRATEGIES[name], pool, reader, n // 10)
            times[kind, name].append(taken)
            print(f"{kind} {name}: {taken:.1f} s", flush=True)
    print("\n| figure | strategy | seconds | entropy = 1 | at most | the paper |")
    print("|---|---|--:|--:|--:|--:|")
    for (kind, name), taken in times.items():
        ratio = median(taken) / median(times[kind, "entropy"])
        limit, paper = LIMITS[kind].get(name, ""), PAPER.get(name, "1")
        row = (kind, name, f"{median(taken):.1f}", f"{ratio:.2f}", limit, paper)
        print("|", " | ".join(map(str, row)), "|")


if __name__ == "__main__":
    main()
