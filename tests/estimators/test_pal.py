"""PAL's scoring net: rotations one by one, what is kept, what its copies learn."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skal._seeding import torch_seeded
from skal.estimators import _pal
from skal.estimators._batches import Batches
from skal.estimators._pal import PretextScorer, split
from skal.estimators._two_heads import TwoHeads, both_losses


def tiny(n_classes, *, in_channels=1):
    return nn.Sequential(
        nn.Conv2d(in_channels, 16, 3, 2, 1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 24),
        nn.ReLU(),
        nn.Linear(24, n_classes),
    )


def signs(n=120, seed=0):
    """Images with a bar along the top, and, of class 1, one along the left."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    images = 0.2 * rng.random((n, 8, 8))
    images[:, :3] += 0.6
    images[y == 1, :, :2] += 0.6
    return images, y


def corners(n_classes=3):
    """A net that sees four pixels, in the order in which the first is turned."""
    heads = TwoHeads(
        lambda n, in_channels: nn.Linear(16, n), n_classes, torch.ones(1, 16)
    )
    heads.body = nn.Flatten()
    places = [0, 12, 15, 3]  # the first pixel of a 4 x 4 image, turned to the left
    heads.rotation, heads.classes = nn.Linear(16, 4), nn.Linear(16, n_classes)
    with torch.no_grad():
        for head in (heads.rotation, heads.classes):
            head.weight[:], head.bias[:] = 0, 0
        heads.rotation.weight[range(4), places] = 3.0
        heads.classes.weight[range(n_classes), range(n_classes)] = 2.0
    return heads.eval()


@pytest.fixture(scope="module")
def scorer():
    images, y = signs()
    with torch_seeded(0):
        return PretextScorer(tiny, max_epochs=15).fit(Batches(images), y, 2)


def test_probabilities_by_hand():
    images = np.zeros((2, 4, 4))
    images[0, 0, 0] = 1  # the net tells its turns; of the other nothing
    turns, proba = PretextScorer(None).predict(Batches(images), corners())
    right = np.exp(3) / (np.exp(3) + 3)
    np.testing.assert_allclose(turns, [[right] * 4, [0.25] * 4], rtol=1e-6)
    first = np.exp(2) / (np.exp(2) + 2)
    rest = (1 - first) / 2
    np.testing.assert_allclose(proba, [[first, rest, rest], [1 / 3] * 3], rtol=1e-6)


def test_against_one_image_and_turn_at_a_time(scorer):
    images, _ = signs(70, seed=1)
    images += 0.5 * np.random.default_rng(2).random(images.shape)
    turns, proba = scorer.predict(Batches(images))
    net = scorer.net_
    with torch.no_grad():
        for row in range(0, 70, 7):
            for turn in range(4):
                image = np.rot90(images[row], turn).copy()
                features = net.body(torch.tensor(image).float()[None, None]).flatten(1)
                expected = net.rotation(features).softmax(1)[0, turn]
                assert turns[row, turn] == pytest.approx(float(expected), abs=1e-5)
                if turn == 0:
                    expected = net.classes(features).softmax(1)[0]
                    np.testing.assert_allclose(proba[row], expected, atol=1e-5)


def test_both_losses():
    rotations, classes = torch.zeros(8, 4), torch.zeros(2, 3)
    y = torch.tensor([0, 2])
    assert float(both_losses(rotations, classes, y)) == pytest.approx(
        np.log(4) + np.log(3)
    )
    right = 50 * torch.eye(4).repeat_interleave(2, dim=0)
    assert float(both_losses(right, classes, y)) == pytest.approx(np.log(3))
    sure = 50 * torch.eye(3)[y]
    assert float(both_losses(right, sure, y)) == pytest.approx(0, abs=1e-6)


def test_it_learns_turns_and_classes(scorer):
    images, y = signs(60, seed=3)
    turns, proba = scorer.predict(Batches(images))
    assert turns.mean() > 0.9
    assert (proba.argmax(axis=1) == y).mean() > 0.95
    assert not scorer.net_.training
    on_the_side, _ = scorer.predict(Batches(np.rot90(images, 1, (1, 2))))
    assert on_the_side.sum(axis=1).max() < 1


@pytest.mark.parametrize("counts", [(50, 23, 4), (25, 24), (24, 25, 4), (1,), (200,)])
def test_a_fifth_of_each_class_is_held_out(counts):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    torch.manual_seed(0)
    trained, held_out = split(y)
    assert sorted([*trained, *held_out]) == list(range(len(y)))
    fifths = [n // 5 for n in counts]
    expected = fifths if sum(fifths) >= 10 else [0] * len(counts)
    assert np.bincount(y[held_out], minlength=len(counts)).tolist() == expected
    if len(held_out):
        assert set(split(y)[1].tolist()) != set(held_out.tolist())


@pytest.mark.parametrize("n", [60, 20])
def test_the_weights_of_the_best_epoch_are_kept(n, monkeypatch):
    """By the loss of what is held out, of few images by that of the training."""
    images, y = signs(n)
    seen, losses = [], iter([3.0, 1.0, 2.0, float("nan"), 5.0])
    own = PretextScorer._epoch

    def epoch(self, net, *given):
        trained = own(self, net, *given)
        seen.append(copy.deepcopy(net.state_dict()))
        return [torch.tensor(next(losses))] if n == 20 else trained

    def validate(self, net, images, y, rows):
        assert n == 60
        assert not net.training
        return [torch.tensor(next(losses))]

    monkeypatch.setattr(PretextScorer, "_epoch", epoch)
    monkeypatch.setattr(PretextScorer, "_validate", validate)
    scorer = PretextScorer(tiny, max_epochs=5).fit(Batches(images), y, 2)
    kept = scorer.net_.state_dict()
    assert all(torch.equal(kept[name], seen[1][name]) for name in kept)
    assert any(not torch.equal(kept[name], seen[4][name]) for name in kept)


def test_a_copy_learns_the_turns_of_what_it_is_shown(scorer):
    images, _ = signs(60, seed=3)
    on_the_side = Batches(np.rot90(images, 1, (1, 2)).copy())
    before = copy.deepcopy(scorer.net_.state_dict())
    with torch_seeded(0):
        net = scorer.tuned(on_the_side)
    after = scorer.net_.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not net.training
    turns, _ = scorer.predict(on_the_side, net)
    assert turns.mean() > scorer.predict(on_the_side)[0].mean() + 0.005
    for name in ("weight", "bias"):  # labels are not known
        own, other = (getattr(n.classes, name) for n in (scorer.net_, net))
        assert torch.equal(own, other)
    assert not torch.equal(scorer.net_.rotation.weight, net.rotation.weight)


def test_a_copy_takes_five_epochs_at_a_tenth_of_the_rate(scorer, monkeypatch):
    rates = []

    def step(optimizer, loss):
        rates.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(_pal, "_step", step)
    scorer.tuned(Batches(signs(100)[0]))
    np.testing.assert_allclose(rates, [0.005] * 10)  # two batches an epoch


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8), (8, 8, 3)])
def test_images_of_bytes_in_any_order(shape):
    images = np.random.default_rng(0).integers(0, 256, (12, *shape)).astype("u1")
    scorer = PretextScorer(tiny, max_epochs=1)
    scorer.fit(Batches(images), np.zeros(12, int), 1)
    turns, proba = scorer.predict(Batches(images))
    assert turns.shape == (12, 4)
    np.testing.assert_array_equal(proba, 1)


@pytest.mark.parametrize("shape", [(64,), (8, 9), (3, 8, 7), (1, 3, 8, 8)])
def test_what_cannot_be_turned_is_refused(shape):
    X = np.zeros((12, *shape))
    with pytest.raises(
        ValueError, match=r"X has rows of the shape[\s\S]*square images"
    ):
        PretextScorer(tiny).fit(Batches(X), np.zeros(12, int), 1)


def test_errors_say_what_is_wrong():
    images, y = signs(20)
    with pytest.raises(TypeError, match=r"without a torch.nn.Linear"):
        PretextScorer(lambda n, in_channels: nn.Flatten()).fit(Batches(images), y, 2)
    for n in (20, 60):  # with and without images held out
        images, y = signs(n)
        with pytest.raises(ValueError, match=r"diverges: lr=1e\+30 is too large"):
            PretextScorer(tiny, lr=1e30, max_epochs=2).fit(
                Batches(images), y, 2
            ).predict(Batches(images))
    images[7, 2, 2] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in row 7"):
        PretextScorer(tiny, max_epochs=2).fit(Batches(images), y, 2)
    with pytest.raises(ValueError, match="NaN or infinity in row 7"):
        PretextScorer(None).predict(Batches(images[:, :4, :4]), corners())
