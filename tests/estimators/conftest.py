import functools
import hashlib
import types

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skal import estimators

torch.set_num_threads(1)


def load():
    """Small images: as floats, as rows of a table, their labels, some of them hidden.

    All are read-only: whatever writes to them fails.
    """
    data = load_digits()
    images = (data.images[:400] / 16).astype("f4")
    y = data.target[:400].copy()
    rows = images.reshape(400, 64)
    known = np.where(np.arange(400) % 4, -1, y)
    for array in (images, rows, y, known):
        array.setflags(write=False)
    return types.SimpleNamespace(images=images, rows=rows, y=y, known=known)


def build(name, *args, **params):
    """Build a net by its name, quick to train; every parameter can be replaced."""
    quick = {"max_epochs": 2, "random_state": 0}
    if name == "ContrastivePoolClassifier":
        quick |= {"finetune__max_epochs": 2, "batch_size": 64}
    return getattr(estimators, name)(*args, **quick | params)


def train(digits, net, X=None, y=None, *, by="fit", n=100):
    """Fit a net, or train it on, on what it takes: labels, a few of them, or none."""
    X = digits.images[:n] if X is None else X
    if type(net).__name__ == "RotationPretext":
        return getattr(net, by)(X)
    some = type(net).__name__ == "ContrastivePoolClassifier"
    y = (digits.known if some else digits.y)[: len(X)] if y is None else y
    return getattr(net, by)(X, y)


def summed_up(net):
    """Sum up all numbers that a fitted net has learned, bit by bit."""
    found = hashlib.sha256()
    parts = [net, getattr(net, "classifier_", None)]
    for part in filter(None, parts):
        for name in ("module_", "projection_", "predictor_"):
            layers = getattr(part, name, torch.nn.Identity())
            for key, value in layers.state_dict().items():
                found.update(key.encode() + value.numpy().tobytes())
    return found.hexdigest()


@pytest.fixture(scope="session")
def digits():
    return load()


@pytest.fixture(scope="session")
def make():
    return build


@pytest.fixture(scope="session")
def learn(digits):
    return functools.partial(train, digits)


@pytest.fixture(scope="session")
def digest():
    return summed_up
