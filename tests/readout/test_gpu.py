"""Nets on a GPU are read as they are on the CPU."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skal import ActiveLearner
from skal.readout import read
from skal.strategies import CoreSet, EntropySampling

pytestmark = pytest.mark.gpu

X = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


class Module(nn.Sequential):
    def __init__(self):
        layers = nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)
        super().__init__(*layers)


def net(device):
    return NeuralNetClassifier(
        Module,
        criterion=nn.CrossEntropyLoss,
        lr=0.1,
        max_epochs=3,
        train_split=None,
        verbose=0,
        device=device,
    )


def test_a_net_on_the_gpu_is_read_as_on_the_cpu():
    torch.manual_seed(0)
    on_gpu = net("cuda").fit(X, Y)
    on_cpu = net("cpu").initialize()
    on_cpu.module_.load_state_dict(
        {name: values.cpu() for name, values in on_gpu.module_.state_dict().items()}
    )
    on_cpu.classes_inferred_ = on_gpu.classes_
    one, other = read(on_gpu, X), read(on_cpu, X)
    for name in ("proba", "embedding"):
        assert isinstance(one[name], np.ndarray)
        np.testing.assert_allclose(one[name], other[name], atol=1e-5)


def test_draws_on_the_gpu_come_again_with_the_seed():
    fitted = net("cuda").fit(X, Y)
    state = torch.cuda.get_rng_state()
    one, two, other = (
        read(fitted, X, ("proba_draws",), random_state=seed)["proba_draws"]
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.cuda.get_rng_state(), state)


@pytest.mark.parametrize("strategy", [EntropySampling(), CoreSet()])
def test_a_run_on_the_gpu_is_reproducible(strategy):
    params = {"n_initial": 20, "query_size": 10, "n_rounds": 2, "random_state": 0}
    one, two = (
        ActiveLearner(net("cuda"), strategy, **params).fit(X, Y) for _ in range(2)
    )
    assert np.array_equal(one.labeled_indices_, two.labeled_indices_)
