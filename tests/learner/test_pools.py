"""Pools of every kind, simulated and by hand."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from skal.strategies import CoreSet, EntropySampling, RandomSampling

LINEAR = LogisticRegression(max_iter=200)


def flatten(images):
    return np.asarray(images).reshape(len(images), -1)


class Images(Dataset):
    """Hands out an image alone, without a label."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i]


class OnlyArray:
    """Knows nothing but ``__array__``."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


class Module(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def net():
    return NeuralNetClassifier(
        Module,
        criterion=nn.CrossEntropyLoss,
        lr=0.3,
        max_epochs=15,
        batch_size=32,
        train_split=None,
        verbose=0,
    )


def as_memmap(X, tmp_path):
    path = tmp_path / "pool.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


POOLS = {
    "memmap": (as_memmap, LINEAR),
    "csc": (lambda X, _: sp.csc_matrix(X), LINEAR),
    "frame": (lambda X, _: pd.DataFrame(X).add_prefix("pixel"), LINEAR),
    "texts": (
        lambda X, _: [" ".join(f"w{i}" for i in np.flatnonzero(r > 0.5)) for r in X],
        make_pipeline(TfidfVectorizer(), LINEAR),
    ),
    "only __array__": (lambda X, _: OnlyArray(X), LINEAR),
    "list of lists": (lambda X, _: X.tolist(), LINEAR),
    "images": (
        lambda X, _: X.reshape(-1, 8, 8),
        make_pipeline(FunctionTransformer(flatten), LINEAR),
    ),
    "tensor": (lambda X, _: torch.tensor(X), LINEAR),
    "tensor, net": (lambda X, _: torch.tensor(X, dtype=torch.float32), net()),
    "array, net": (lambda X, _: X.astype(np.float32).reshape(-1, 1, 8, 8), net()),
    "dataset": (
        lambda X, _: TensorDataset(torch.tensor(X, dtype=torch.float32)),
        net(),
    ),
    "dataset with labels": (
        lambda X, _: TensorDataset(
            torch.tensor(X, dtype=torch.float32), torch.zeros(len(X), dtype=torch.long)
        ),
        net(),
    ),
    "dataset of bare images": (
        lambda X, _: Images(torch.tensor(X, dtype=torch.float32).reshape(-1, 1, 8, 8)),
        net(),
    ),
}


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("strategy", [EntropySampling(), CoreSet(), RandomSampling()])
def test_a_pool_of_any_kind(make, digits, tmp_path, kind, strategy):
    X, truth = digits
    build, model = POOLS[kind]
    pool = build(X, tmp_path)
    learner = make(strategy, model).fit(pool, truth)
    assert len(set(learner.labeled_indices_.tolist())) == 100
    assert learner.score(pool, truth) > 0.3
    y = np.full(len(truth), -1)
    by_hand = make(strategy, model)
    for _ in range(3):
        picked = by_hand.teach(pool, y).query(30)
        y[picked] = truth[picked]
    assert (y != -1).sum() == 90
    same = make(strategy, model).fit(pool, truth)
    assert np.array_equal(same.labeled_indices_, learner.labeled_indices_)


def test_a_data_set_learns_from_the_labels_bought(make, digits):
    X, truth = digits
    wrong = torch.zeros(len(X), dtype=torch.long)
    pool = TensorDataset(torch.tensor(X, dtype=torch.float32), wrong)
    learner = make(None, net(), n_initial=200).fit(pool, truth)
    assert len(np.unique(learner.predict(pool))) > 5


def test_torch_is_seeded_and_left_alone(make, digits):
    X, truth = digits[0].astype(np.float32), digits[1]
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one = make(EntropySampling(), net()).fit(X, truth)
    assert torch.equal(torch.rand(3), expected)
    two = make(EntropySampling(), net()).fit(X, truth)
    other = make(EntropySampling(), net(), random_state=1).fit(X, truth)
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_net_goes_on_from_its_last_weights(make, digits):
    X, truth = digits[0].astype(np.float32), digits[1]
    learner = make(EntropySampling(), net(), warm_start=True).fit(X, truth)
    assert len(learner.estimator_.history) == 4 * 15


def test_a_net_reads_a_read_only_memmap(make, digits, tmp_path):
    X, truth = digits
    pool = as_memmap(X.astype(np.float32), tmp_path)
    learner = make(EntropySampling(), net(), initial=np.arange(40)).fit(pool, truth)
    assert learner.cost_ == 100
