"""VAAL's nets: the loss by hand, shapes, who is told apart, and who hides it."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from skal._seeding import torch_seeded
from skal.estimators._batches import Batches
from skal.estimators._vaal import LabeledDiscriminator
from skal.estimators._vae import VAE, Scale, vae_loss


def blobs(n=300, d=6, seed=0):
    """Rows of three kinds; the third has no labels."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    return 4 * rng.normal(size=(3, d))[kind] + rng.normal(size=(n, d)), kind


def patches(n=300, seed=0):
    """Gray images of bytes with a bright patch in one of three corners."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    images = rng.integers(0, 60, (n, 9, 9))
    for corner, (i, j) in enumerate([(0, 0), (0, 5), (5, 5)]):
        images[kind == corner, i : i + 4, j : j + 4] += 150
    return images.astype("u1"), kind


def trained(X, kind, n_labeled=40, **params):
    labeled = np.flatnonzero(kind < 2)[:n_labeled]
    others = np.setdiff1d(np.arange(len(X)), labeled)
    params = {"max_epochs": 15, "batch_size": 64} | params
    with torch_seeded(0):
        net = LabeledDiscriminator(**params)
        return net.fit(Batches(X, labeled), Batches(X, others)), labeled, others


@pytest.fixture(scope="module")
def of_patches():
    return trained(*patches())


@pytest.fixture(scope="module")
def of_blobs():
    return trained(*blobs())


@pytest.mark.parametrize("n", [1, 2])
def test_the_loss_by_hand(n):
    rows, output = torch.zeros(n, 2), torch.ones(n, 2)
    mean = torch.tensor([[1.0, 0.0]] * n)
    log_variance = torch.tensor([[0.0, math.log(2)]] * n)
    divergence = ((1 + 1 - 1 - 0) + (2 + 0 - 1 - math.log(2))) / 2
    for beta in (0.0, 1.0, 3.0):
        loss = vae_loss(rows, output, mean, log_variance, beta)
        assert float(loss) == pytest.approx(1 + beta * divergence / 2)


@pytest.mark.parametrize(
    "shape",
    [(5,), (1, 8, 8), (3, 9, 13), (1, 28, 28), (3, 32, 32), (1, 8, 65), (2, 7, 7)],
)
def test_rows_of_any_shape_are_reconstructed_in_theirs(shape):
    vae, rows = VAE(shape, 7), torch.rand(3, *shape)
    output, mean, log_variance = vae(rows)
    assert output.shape == rows.shape
    assert mean.shape == log_variance.shape == (3, 7)
    convolutional = any(isinstance(m, torch.nn.Conv2d) for m in vae.modules())
    assert convolutional == (len(shape) == 3 and min(shape[1:]) >= 8)


def test_the_code_is_drawn_around_its_mean():
    vae = VAE((4,), 3)
    rows = torch.rand(50, 4)
    with torch.no_grad():
        vae.code.weight[3:] = 0
        vae.code.bias[3:] = 2 * math.log(0.5)
        vae.decoder = torch.nn.Identity()
        mean, _ = vae.encode(rows)
        draws = torch.stack([vae(rows)[0] for _ in range(200)]) - mean
    assert abs(float(draws.mean())) < 0.02
    assert float(draws.std()) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("X", [blobs()[0], patches()[0]])
def test_scale(X):
    X = X.copy()
    if X.ndim == 2:
        X[:, 1] = 7.3
        X[:, 2] = 1e4 * X[:, 2] + 1e6
    sources = [Batches(X, np.arange(20)), Batches(X, np.arange(20, 300))]
    rows = Scale(sources, 64)(Batches(X)[np.arange(300)])
    dims = [0, *range(2, rows.ndim)]
    np.testing.assert_allclose(rows.mean(dims), 0, atol=1e-3)
    spread = rows.std(dims, unbiased=False)
    expected = [1, 0, 1, 1, 1, 1] if X.ndim == 2 else [1]
    np.testing.assert_allclose(spread, expected, atol=1e-3)


@pytest.mark.parametrize("make", [blobs, patches])
def test_a_kind_without_labels_is_told_from_the_labeled(make, request):
    X, kind = make()
    net, labeled, others = request.getfixturevalue(f"of_{make.__name__}")
    odds = net.log_odds(Batches(X, others))
    assert roc_auc_score(kind[others] < 2, odds) > 0.9
    assert np.median(net.log_odds(Batches(X, labeled))) > np.median(odds)


@torch.no_grad()
def test_the_code_tells_something_of_the_row(of_patches):
    """A divergence summed over the batch leaves standard deviations of 0.02."""
    net, *_ = of_patches
    rows = net.scale_(Batches(patches()[0])[np.arange(300)])
    code, _ = net.vae_.encode(rows)
    assert float(code.std(dim=0).max()) > 0.5
    assert float(((net.vae_.decoder(code) - rows) ** 2).mean()) < 0.5


def test_the_autoencoder_hides_who_is_labeled(of_blobs):
    X, kind = blobs()
    gaps = []
    for net, labeled, others in (of_blobs, trained(X, kind, adversary_weight=10.0)):
        odds = net.log_odds(Batches(X, labeled)), net.log_odds(Batches(X, others))
        gaps.append(odds[0].mean() - odds[1].mean())
    assert gaps[1] < 0.5 * gaps[0]


def test_hiding_is_to_look_labeled():
    X, kind = blobs()
    net, labeled, others = trained(X, kind, adversary_weight=10.0, max_epochs=5)
    batches = [net.scale_(Batches(X)[rows]) for rows in (labeled, others)]
    before = [net.log_odds(Batches(X, rows)).mean() for rows in (labeled, others)]
    for _ in range(10):
        net._step_vae(batches)
    after = [net.log_odds(Batches(X, rows)).mean() for rows in (labeled, others)]
    assert (np.array(after) > before).all()


def test_two_steps_of_one_and_one_of_the_other():
    X, kind = blobs()
    net, *_ = trained(X, kind, max_epochs=3)
    n_rounds = 3 * math.ceil(260 / 64)
    for optimizer, n_steps in zip(
        net._optimizers, (2 * n_rounds, n_rounds), strict=True
    ):
        assert {int(s["step"]) for s in optimizer.state.values()} == {n_steps}
        assert optimizer.param_groups[0]["lr"] == 5e-4


def test_a_step_of_one_net_leaves_the_other():
    X, kind = blobs()
    net, labeled, others = trained(X, kind, max_epochs=1)
    batches = [net.scale_(Batches(X)[rows[:20]]) for rows in (labeled, others)]
    nets = net.vae_, net.discriminator_
    for moved, step in enumerate((net._step_vae, net._step_discriminator)):
        before = [[p.clone() for p in part.parameters()] for part in nets]
        step(batches)
        for number, part in enumerate(nets):
            same = [
                torch.equal(p, old)
                for p, old in zip(part.parameters(), before[number], strict=True)
            ]
            assert all(same) == (number != moved)


def test_what_is_said_of_a_row_does_not_depend_on_the_rows_beside_it(of_patches):
    X, _ = patches()
    net, *_ = of_patches
    whole = net.log_odds(Batches(X))
    alone = [net.log_odds(Batches(X, np.array([i])))[0] for i in range(0, 300, 50)]
    np.testing.assert_allclose(alone, whole[::50], rtol=1e-3, atol=1e-4)


def test_the_same_bits_with_the_same_seed():
    X, kind = patches()
    one, two = (
        trained(X, kind, max_epochs=2)[0].log_odds(Batches(X)) for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


def test_a_learning_rate_that_is_too_large_is_named():
    X, kind = blobs()
    net, *_ = trained(X, kind, lr=1e30, max_epochs=1)
    with pytest.raises(ValueError, match=r"autoencoder diverges: lr=1e\+30 is too"):
        net.log_odds(Batches(X))
