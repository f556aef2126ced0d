"""Backbones: logits of images of any size, features before the last linear layer."""

import copy
import importlib.util
import pickle
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torchvision import models

from skal.estimators import _backbones
from skal.estimators._backbones import lenet, mlp, resnet18, small_cnn, vgg16
from skal.readout._skorch import last_linear

FEATURES = {resnet18: 512, vgg16: 512, small_cnn: 128, lenet: 84}
PARAMETERS = {
    resnet18: 11_173_962,  # 11.17 M, in the papers on CIFAR
    vgg16: 14_728_266,
    small_cnn: 94_986,
    lenet: 62_006,  # 61,706 with one channel
}
IMAGE_NETS = list(FEATURES)


def make(net, n_classes=10, seed=0, **options):
    torch.manual_seed(seed)
    if net is mlp:
        options.setdefault("n_features", 6)
    return net(n_classes, **options)


def images(n, channels, size, seed=1):
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(n, channels, size, size, generator=chance)


def outputs(net, names, X):
    """What comes out of submodules, by name."""
    out = {}
    handles = [
        net.get_submodule(name).register_forward_hook(
            lambda _m, _args, value, name=name: out.__setitem__(name, value)
        )
        for name in names
    ]
    net(X)
    for handle in handles:
        handle.remove()
    return out


@pytest.mark.parametrize("size", [8, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("net", IMAGE_NETS)
def test_images_of_usual_sizes_become_logits(net, channels, size):
    module = make(net, 7, in_channels=channels)
    logits = module.train()(images(2, channels, size))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()
    assert logits.requires_grad
    assert (logits[0] != logits[1]).any()


@pytest.mark.parametrize("net", IMAGE_NETS)
def test_odd_and_oblong_images_become_logits(net):
    module = make(net, in_channels=2).eval()
    assert module(torch.rand(1, 2, 9, 21)).shape == (1, 10)


@pytest.mark.parametrize("net", IMAGE_NETS)
def test_what_goes_into_the_last_linear_are_the_features(net):
    module = make(net, in_channels=3)
    head = last_linear(module)
    assert head is module.fc
    assert (head.in_features, head.out_features) == (FEATURES[net], 10)
    seen = []
    head.register_forward_hook(lambda _m, args, out: seen.append((args[0], out)))
    logits = module(images(2, 3, 32))
    assert seen[0][0].shape == (2, FEATURES[net])
    assert seen[0][1] is logits


@pytest.mark.parametrize("net", IMAGE_NETS)
def test_number_of_parameters(net):
    module = make(net, in_channels=3)
    assert sum(p.numel() for p in module.parameters()) == PARAMETERS[net]


TAPS = {
    resnet18: [(64, 32), (128, 16), (256, 8), (512, 4)],
    vgg16: [(64, 32), (128, 16), (256, 8), (512, 4), (512, 2)],
    small_cnn: [(32, 32), (64, 16), (128, 8)],
    lenet: [(6, 28), (16, 10), (120,), (84,)],
}


@pytest.mark.parametrize("net", IMAGE_NETS)
def test_taps_are_the_depths_of_a_net(net):
    module = make(net, in_channels=3)
    assert isinstance(module.taps, tuple)
    taps = outputs(module, module.taps, images(2, 3, 32))
    shapes = [(c, *size, *size) for c, *size in TAPS[net]]
    assert [tuple(taps[name].shape[1:]) for name in module.taps] == shapes
    for tap in taps.values():  # after the ReLU, and not overwritten later
        assert tap.min() == 0 < tap.max()


def test_taps_of_tables_are_the_hidden_layers():
    module = make(mlp, hidden=(5, 9, 4))
    taps = outputs(module, module.taps, torch.randn(64, 6))
    assert [tap.shape[1] for tap in taps.values()] == [5, 9, 4]
    assert all(tap.min() == 0 < tap.max() for tap in taps.values())
    assert module.fc.in_features == 4
    assert last_linear(module) is module.fc


@pytest.mark.parametrize("hidden", [[8], (8,), np.array([8])])
def test_tables_in_batches_of_one_row(hidden):
    module = make(mlp, 3, n_features=np.int64(6), hidden=hidden).train()
    X = torch.randn(4, 6)
    one_by_one = torch.cat([module(row) for row in X.split(1)])
    torch.testing.assert_close(one_by_one, module(X))
    by_hand = module.fc(torch.relu(module.hidden1[0](X)))
    torch.testing.assert_close(by_hand, module(X))


def test_images_can_be_rows_of_a_table():
    module = make(mlp, n_features=64)
    X = images(3, 1, 8)
    assert torch.equal(module(X), module(X.flatten(1)))


@pytest.mark.parametrize("net", [*IMAGE_NETS, mlp])
def test_weights_are_the_seeds(net):
    one, two, other = (make(net, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])
    first = next(iter(one))
    assert not torch.equal(one[first], other[first])


@pytest.mark.parametrize("net", [*IMAGE_NETS, mlp])
def test_pickles_copies_and_weights_come_back(net):
    module = make(net).eval()
    X = (
        torch.rand(2, 6)
        if net is mlp
        else images(2, net.__kwdefaults__["in_channels"], 8)
    )
    expected = module(X)
    for again in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert again.taps == module.taps
        assert torch.equal(again(X), expected)
    other = make(net, seed=1).eval()
    assert not torch.equal(other(X), expected)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(X), expected)


@pytest.mark.parametrize("net", IMAGE_NETS)
def test_a_row_is_predicted_as_it_is_in_any_batch(net):
    module = make(net, in_channels=1)
    module(images(8, 1, 8))  # batch norm has seen something
    X = images(5, 1, 8, seed=2)
    alone = torch.cat([module.eval()(row) for row in X.split(1)])
    torch.testing.assert_close(alone, module(X), atol=1e-5, rtol=1e-4)


def test_vgg16_is_torchvisions_up_to_the_last_pooling():
    ours = make(vgg16).eval()
    theirs = models.vgg.make_layers(models.vgg.cfgs["D"], batch_norm=True).eval()
    weights = list(ours.state_dict().values())[:-2]
    names = theirs.state_dict()
    assert len(names) == len(weights)
    theirs.load_state_dict(dict(zip(names, weights, strict=True)))
    X = images(2, 3, 64)  # floor and ceiling agree at powers of two
    torch.testing.assert_close(ours.mean(theirs(X)), ours[:-1](X))


def test_resnet18_is_torchvisions_with_another_stem():
    ours = make(resnet18)
    assert isinstance(ours, models.ResNet)
    theirs = models.resnet18(num_classes=10).state_dict()
    differs = {
        name
        for name, weight in ours.state_dict().items()
        if weight.shape != theirs[name].shape
    }
    assert differs == {"conv1.weight"}
    assert ours.conv1.weight.shape == (64, 3, 3, 3)
    assert ours.conv1.stride == (1, 1)


@pytest.mark.parametrize("net", [resnet18, vgg16, small_cnn])
def test_convolutions_start_as_he_says(net):
    for layer in make(net, in_channels=3).modules():
        if isinstance(layer, nn.Conv2d):
            expected = (2 / (layer.weight.numel() / layer.in_channels)) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.1)
            assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize("net", [vgg16, small_cnn])
def test_features_are_the_means_of_the_channels(net):
    module = make(net, in_channels=1)
    pool = f"pool{len(module.taps)}"
    out = outputs(module, [pool, "mean"], images(2, 1, 64))
    assert out[pool].shape[2] > 1
    torch.testing.assert_close(out["mean"], out[pool].flatten(2).mean(2))


@pytest.mark.parametrize("net", [*IMAGE_NETS, mlp])
def test_no_dropout_is_inside(net):
    names = {type(layer).__name__ for layer in make(net).modules()}
    assert not [name for name in names if "Dropout" in name]


def test_lenet_sees_32_pixels():
    module = make(lenet).eval()
    X = images(2, 1, 32)
    by_hand = nn.Sequential(*list(module)[1:])
    assert torch.equal(module(X), by_hand(X))
    constant = torch.full((1, 1, 8, 8), 0.5)
    torch.testing.assert_close(
        module(constant), module(torch.full((1, 1, 32, 32), 0.5))
    )
    large = images(2, 1, 64)
    small = nn.functional.interpolate(large, (32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(module(large), module(small))


def test_small_images_keep_their_edges():
    X = torch.zeros(2, 1, 28, 28)
    X[1, 0, -1, -1] = 1
    for net in (small_cnn, vgg16):
        logits = make(net, in_channels=1).eval()(X)
        assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize(("net", "expected"), [(small_cnn, 0.9), (lenet, 0.5)])
def test_digits_are_learned_in_seconds(net, expected):
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    y = torch.tensor(y)
    module = make(net)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    for _ in range(15):
        for rows in torch.randperm(600).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(X[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = (module.eval()(X[600:]).argmax(1) == y[600:]).float().mean()
    assert accuracy > expected


@pytest.mark.parametrize("net", [*IMAGE_NETS, mlp])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)]
)
def test_counts_that_are_none_are_named(net, value, error):
    with pytest.raises(error, match="n_classes"):
        make(net, value)
    name = "n_features" if net is mlp else "in_channels"
    with pytest.raises(error, match=name):
        make(net, **{name: value})


@pytest.mark.parametrize(
    ("hidden", "error"),
    [((), ValueError), (16, TypeError), ((8, 0), ValueError), ((8, "8"), TypeError)],
)
def test_hidden_layers_that_are_none_are_named(hidden, error):
    with pytest.raises(error, match="hidden"):
        make(mlp, hidden=hidden)


def test_torchvision_is_imported_when_it_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)  # an import would fail
    spec = importlib.util.spec_from_file_location("anew", _backbones.__file__)
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    anew.vgg16(2), anew.small_cnn(2), anew.lenet(2), anew.mlp(2, n_features=2)
    with pytest.raises(ImportError, match="torchvision"):
        anew.resnet18(2)


@pytest.mark.gpu
@pytest.mark.parametrize("net", [*IMAGE_NETS, mlp])
def test_gradients_on_a_gpu_are_the_same_every_time(net):
    module = make(net).to("cuda")
    X = images(64, 1 if net in (small_cnn, lenet) else 3, 28).to("cuda")
    X = X.flatten(1)[:, :6] if net is mlp else X

    def gradients():
        module.zero_grad()
        module(X).logsumexp(1).sum().backward()
        return [p.grad.clone() for p in module.parameters()]

    with torch.backends.cudnn.flags(benchmark=False, deterministic=True):
        assert all(map(torch.equal, gradients(), gradients()))
