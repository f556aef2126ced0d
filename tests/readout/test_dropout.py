"""Stochastic passes of nets: shared masks, and one pass below the dropout."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skal.readout import read
from skal.readout._dropout import Passes
from skal.strategies import BALD, BatchBALD


class Counting(nn.Linear):
    """Counts how often it runs."""

    def __init__(self, *args):
        super().__init__(*args)
        self.runs = 0

    def forward(self, X):
        self.runs += 1
        return super().forward(X)


class Net(nn.Module):
    """A backbone, used twice, and a head with dropout on both sides of a layer."""

    def __init__(self, dropout=nn.Dropout):
        super().__init__()
        self.below = Counting(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = dropout(0.5)
        self.above = Counting(8, 8)
        self.last_drop = nn.Dropout(0.3)
        self.head = nn.Linear(8, 3)

    def forward(self, X):
        hidden = torch.relu(self.norm(self.below(X))) + self.below(X + 1)
        hidden = torch.relu(self.above(self.drop(hidden)))
        return self.head(self.last_drop(hidden))


@pytest.fixture
def net():
    torch.manual_seed(0)
    model = NeuralNetClassifier(
        Net,
        max_epochs=1,
        train_split=None,
        verbose=0,
        criterion=nn.CrossEntropyLoss,
        iterator_valid__batch_size=32,
        classes=[0, 1, 2],
    )
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(60, 6)).astype("f4"), np.arange(60) % 3)
    model.module_.below.runs = model.module_.above.runs = 0
    return model


@pytest.fixture(name="X")
def some_rows():
    return np.random.default_rng(1).normal(size=(100, 6)).astype("f4")


def draws_of(net, X, n_draws=7, seed=3):
    options = {"n_draws": n_draws, "random_state": seed}
    return read(net, X, "proba_draws", **options)["proba_draws"]


def test_what_is_below_the_dropout_runs_once(net, X):
    draws = draws_of(net, X)
    assert draws.shape == (7, 100, 3)
    n_batches = 4
    assert net.module_.below.runs == 2 * n_batches
    assert net.module_.above.runs == 7 * n_batches
    assert len({draw.tobytes() for draw in draws}) == 7


def test_what_is_reused_makes_no_difference(net, X, monkeypatch):
    fast = draws_of(net, X)
    monkeypatch.setattr(Passes, "_once", lambda self, part, forward: forward)
    slow = draws_of(net, X)
    assert net.module_.below.runs == 2 * 4 * (7 + 1)
    np.testing.assert_allclose(fast, slow, rtol=1e-5)


def test_a_pass_is_one_model_for_all_rows(net, X):
    same = np.repeat(X[:1], 50, axis=0)
    draws = draws_of(net, same)
    np.testing.assert_allclose(draws, np.repeat(draws[:, :1], 50, axis=1), rtol=1e-5)
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_allclose(
        draws_of(net, X[order]), draws_of(net, X)[:, order], rtol=1e-5
    )


@pytest.mark.parametrize("batch_size", [1, 17, 1000, -1])
def test_passes_do_not_depend_on_batches(net, X, batch_size):
    expected = draws_of(net, X)
    net.iterator_valid__batch_size = batch_size
    np.testing.assert_allclose(draws_of(net, X), expected, rtol=1e-5)


def test_more_passes_begin_with_the_same_ones(net, X):
    few, many = draws_of(net, X, 3), draws_of(net, X, 6)
    np.testing.assert_array_equal(few, many[:3])
    assert not np.allclose(draws_of(net, X, 3, seed=4), few)


def test_the_net_is_left_as_it_was(net, X):
    before = {k: v.clone() for k, v in net.module_.state_dict().items()}
    proba = net.predict_proba(X)
    state = torch.get_rng_state()
    draws_of(net, X)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in net.module_.state_dict().items())
    assert not any("forward" in vars(part) for part in net.module_.modules())
    np.testing.assert_array_equal(net.predict_proba(X), proba)


def test_a_forward_of_its_own_is_put_back(net, X):
    own = net.module_.head.forward
    net.module_.head.forward = own
    draws_of(net, X)
    assert vars(net.module_.head)["forward"] is own


def test_an_error_leaves_no_trace(net, X):
    with pytest.raises(RuntimeError):
        draws_of(net, X[:, :2])
    assert not any("forward" in vars(part) for part in net.module_.modules())


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (nn.Dropout, (5, 2000)),
        (nn.Dropout1d, (5, 2000, 3)),
        (nn.Dropout2d, (5, 2000, 2, 2)),
        (nn.Dropout3d, (5, 2000, 2, 1, 2)),
        (nn.AlphaDropout, (5, 2000)),
        (nn.FeatureAlphaDropout, (5, 2000, 2)),
    ],
)
@pytest.mark.parametrize("p", [0.0, 0.25, 0.5])
def test_each_kind_of_dropout_does_what_torch_does(kind, shape, p):
    """The same values, as often, and the same ones for all rows."""
    torch.manual_seed(0)
    layer, ones = kind(p), torch.ones(shape)
    with Passes(nn.Sequential(layer), seed=1) as passes:
        passes.start(0)
        found = layer(ones)
    expected = layer.train()(ones)
    assert torch.equal(found, found[:1].expand(shape))
    np.testing.assert_allclose(found.unique(), expected.unique(), rtol=1e-5)
    assert abs(found.mean() - expected.mean()) < 0.1
    whole = kind not in (nn.Dropout, nn.AlphaDropout)
    if whole:
        flat = found.flatten(2)
        assert torch.equal(flat, flat[..., :1].expand(flat.shape))


def test_dropout_of_everything():
    layer = nn.Dropout(1.0)
    with Passes(nn.Sequential(layer), seed=1) as passes:
        passes.start(0)
        assert not layer(torch.ones(3, 4)).any()


def test_dropout_that_is_never_called_is_an_error(X):
    class Fused(Net):
        def forward(self, X):
            return self.head(torch.relu(self.below(X)))

    net = NeuralNetClassifier(Fused, classes=[0, 1, 2], verbose=0).initialize()
    with pytest.raises(TypeError, match="calls none of them"):
        draws_of(net, X)


@pytest.mark.parametrize("strategy", [BALD, BatchBALD])
def test_strategies_read_the_passes(net, X, strategy):
    picked = strategy(n_draws=20, random_state=0).fit(X, estimator=net).query(5)
    assert len(set(picked.tolist())) == 5
