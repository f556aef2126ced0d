"""Telling how an image is turned: the task, the best epoch, features and losses."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback
from torch import nn

from skal.estimators import small_cnn
from skal.estimators._rotation import turned_four_ways
from skal.strategies import CoreSet, TypiClust

NAME = "RotationPretext"


def turned(images, turn):
    """Turn images (n, side, side) against the clock, one by one."""
    return np.stack([np.rot90(image, turn) for image in images])


def test_turns_by_hand():
    image = torch.tensor([[1.0, 2], [3, 4]])
    other = torch.tensor([[5.0, 6], [7, 8]])
    found = turned_four_ways(torch.stack([image, other])[:, None])
    assert found.shape == (8, 1, 2, 2)
    assert found[0::2, 0].flatten(1).tolist() == [
        [1, 2, 3, 4],
        [2, 4, 1, 3],
        [4, 3, 2, 1],
        [3, 1, 4, 2],
    ]
    assert found[1::2, 0].flatten(1).tolist() == [
        [5, 6, 7, 8],
        [6, 8, 5, 7],
        [8, 7, 6, 5],
        [7, 5, 8, 6],
    ]


def test_channels_are_not_turned():
    images = torch.rand(3, 4, 5, 5)
    found = turned_four_ways(images)
    for turn in range(4):
        for image, other in zip(images, found[3 * turn : 3 * turn + 3], strict=True):
            for channel, expected in zip(other, image, strict=True):
                np.testing.assert_array_equal(channel, np.rot90(expected, turn))


class Look(nn.Module):
    """Keeps what it is given while it trains."""

    seen = None

    def __init__(self, n_classes):
        super().__init__()
        assert n_classes == 4
        self.inner = small_cnn(n_classes)

    def forward(self, X):
        if self.training:
            self.seen.append(X.detach().clone())
        return self.inner(X)


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(Look, "seen", [])
    return Look.seen


class Asked(nn.CrossEntropyLoss):
    """Keeps the logits and the turns that were to be told."""

    kept = None

    def forward(self, logits, turns):
        self.kept.append((logits.detach().clone(), turns.clone()))
        return super().forward(logits, turns)


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(Asked, "kept", [])
    return Asked.kept


def test_the_task(make, learn, digits, seen, asked):
    params = {"batch_size": 30, "iterator_train__shuffle": False, "max_epochs": 1}
    net = learn(make(NAME, Look, criterion=Asked, **params), n=60)
    for step, (X, (logits, turns)) in enumerate(zip(seen, asked, strict=True)):
        images = digits.images[30 * step : 30 * step + 30]
        assert X.shape == (120, 1, 8, 8)
        assert logits.shape == (120, 4)
        told = {turn: X[turns == turn, 0].numpy() for turn in range(4)}
        for turn, found in told.items():
            np.testing.assert_array_equal(found, turned(images, turn))
        loss = nn.functional.cross_entropy(logits, turns).item()
        assert net.history_[-1, "batches", step, "train_loss"] == pytest.approx(loss)
    right = sum((logits.argmax(1) == turns).sum().item() for logits, turns in asked)
    assert net.history_[-1]["rotation_accuracy"] == pytest.approx(right / 240)


def test_one_view_is_turned_four_ways(make, learn, seen):
    def brighter(X):
        return X + torch.rand(len(X), 1, 1, 1)

    params = {"batch_size": 30, "max_epochs": 1, "augmentation": brighter}
    learn(make(NAME, Look, **params), n=30)
    views = seen[0].unflatten(0, (4, 30))
    for turn in range(4):
        assert torch.equal(views[turn], torch.rot90(views[0], turn, (2, 3)))
    assert len(torch.unique(views[0].flatten(1).sum(1))) == 30


class States(Callback):
    """Keeps the state of the module after each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.kept_ = []

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.state_dict().items()
        self.kept_.append({key: value.clone() for key, value in state})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_best_epoch_is_kept(seed, make, digits):
    """A rate so high that the last epoch is not the best one."""
    net = make(NAME, lr=1.5, max_epochs=8, random_state=seed, callbacks=[States()])
    net.set_params(callbacks__lr_schedule=None, batch_size=20)
    net.fit(digits.images[:80])
    accuracy = np.array(net.history_[:, "rotation_accuracy"])
    best = np.flatnonzero(accuracy == accuracy.max())[-1]
    kept = dict(net.callbacks_)["States"].kept_
    same = [
        all(torch.equal(v, state[k]) for k, v in net.module_.state_dict().items())
        for state in kept
    ]
    assert np.flatnonzero(same).tolist() == [best]
    assert best < 7
    assert accuracy.std() > 0


def test_it_learns_to_tell(make, digits):
    net = make(NAME, max_epochs=10).fit(digits.images)
    assert net.history_[-1]["rotation_accuracy"] > 0.8
    features = net.transform(digits.images)
    probe = LogisticRegression(max_iter=2000).fit(features[:200], digits.y[:200])
    assert probe.score(features[200:], digits.y[200:]) > 0.5


@pytest.fixture(scope="module")
def pretext(make, learn):
    return learn(make(NAME))


def slow_logits(net, images):
    """Logits of the four turns of each image, one at a time, (n, 4 turns, 4)."""
    net.module_.eval()
    with torch.no_grad():
        found = [
            [
                net.module_(torch.tensor(np.rot90(image, turn)[None, None].copy()))[0]
                for turn in range(4)
            ]
            for image in images
        ]
    return torch.stack([torch.stack(row) for row in found])


@pytest.mark.parametrize("n", [1, 7, 200])
def test_losses_of_images_one_by_one(n, pretext, digits):
    images = digits.images[-n:]
    logits = slow_logits(pretext, images)
    expected = -logits.log_softmax(2).diagonal(dim1=1, dim2=2).mean(1)
    found = pretext.sample_losses(images)
    assert found.shape == (n,)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_losses_and_features_do_not_depend_on_batches(size, pretext, digits):
    images = digits.images[:60]
    wholes = {}
    for view in ("unrotated", "mean", "random"):
        pretext.set_params(view=view)
        wholes[view] = pretext.transform(images)
    losses = pretext.sample_losses(images)
    pretext.iterator_valid__batch_size = size
    np.testing.assert_allclose(pretext.sample_losses(images), losses, rtol=1e-3)
    for view, whole in wholes.items():
        pretext.set_params(view=view)
        np.testing.assert_allclose(
            pretext.transform(images), whole, rtol=1e-3, atol=1e-5
        )
    del pretext.iterator_valid__batch_size
    pretext.set_params(view="unrotated")


def views_of(net, images):
    """Features of each turn, (4, n, d)."""
    assert net.view == "unrotated"
    return np.stack([net.transform(turned(images, turn)) for turn in range(4)])


def test_the_views(pretext, digits):
    images = digits.images[:80]
    each = views_of(pretext, images)
    net = pretext
    net.set_params(view="mean")
    np.testing.assert_allclose(
        net.transform(images), each.mean(0), rtol=1e-3, atol=1e-5
    )
    net.set_params(view="random")
    found = net.transform(images)
    far = np.abs(each - found).max(axis=2)
    assert far.min(axis=0).max() < 1e-4
    turns = far.argmin(axis=0)
    assert np.bincount(turns, minlength=4).min() >= 10
    net.set_params(view="unrotated")
    np.testing.assert_array_equal(net.transform(images), each[0])


def turns_of(net, images):
    each = views_of(net, images)
    net.set_params(view="random")
    found = net.transform(images)
    net.set_params(view="unrotated")
    return np.abs(each - found).max(axis=2).argmin(axis=0)


def test_an_image_has_the_same_turn_wherever_it_stands(pretext, digits):
    images = digits.images[:50]
    turns = turns_of(pretext, images)
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(turns_of(pretext, images[order]), turns[order])
    np.testing.assert_array_equal(turns_of(pretext, images[7:9]), turns[7:9])
    np.testing.assert_array_equal(turns_of(pretext, images), turns)


def test_other_seeds_draw_other_turns(pretext, digits):
    """Two images of one turn under one seed may differ under the next."""
    images, drawn = digits.images[:40], []
    for seed in range(8):
        pretext.seed_ = seed
        drawn.append(turns_of(pretext, images))
    pretext.seed_ = 0
    apart = {tuple((turns - turns[0]) % 4) for turns in drawn}
    assert len(apart) == 8


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_a_generator_draws_one_turn_for_good(kind, make, learn, digits):
    net = learn(make(NAME, view="random", random_state=kind(0)))
    first = net.transform(digits.images)
    np.testing.assert_array_equal(net.transform(digits.images), first)
    assert np.array_equal(net.transform(digits.images[5:20]), first[5:20])


WRONG = {
    "wide": np.zeros((30, 8, 6)),
    "wide, channels first": np.zeros((30, 3, 8, 6)),
    "wide, channels last": np.zeros((30, 6, 8, 3)),
    "a table": np.zeros((30, 64)),
    "a video": np.zeros((30, 2, 3, 8, 8)),
}


@pytest.mark.parametrize("kind", WRONG)
def test_only_square_images_can_be_turned(kind, make):
    with pytest.raises(ValueError, match=r"square.*\(n, side, side\)"):
        make(NAME).fit(WRONG[kind])


def test_labels_are_ignored(make, digits, digest):
    known = digest(make(NAME).fit(digits.images[:60]))
    for y in (digits.y[:60], ["a"] * 60, np.full(60, np.nan)):
        assert digest(make(NAME).fit(digits.images[:60], y)) == known
    found = make(NAME).fit_transform(digits.images[:60], digits.y[:60])
    assert found.shape == (60, 128)


def test_training_goes_on_with_warm_start(make, learn, digest):
    net = learn(learn(make(NAME, warm_start=True)))
    assert len(net.history_) == 4
    assert digest(net) != digest(learn(make(NAME)))
    assert len(learn(learn(make(NAME))).history_) == 2


def test_a_step_of_a_pipeline(make, digits):
    chain = make_pipeline(make(NAME), LogisticRegression(max_iter=2000))
    chain.fit(digits.images[:200], digits.y[:200])
    assert chain.score(digits.images[200:], digits.y[200:]) > 0.3


@pytest.mark.parametrize("strategy", [CoreSet, TypiClust])
def test_the_representation_of_a_strategy(strategy, make, digits, digest):
    pretext = make(NAME)
    query = strategy(representation=pretext, random_state=0)
    picked = query.fit(digits.images).query(5)
    features = make(NAME).fit_transform(digits.images)
    expected = strategy(random_state=0).fit(digits.images, embedding=features).query(5)
    assert picked.tolist() == expected.tolist()
    assert not hasattr(pretext, "module_")


def test_it_predicts_no_classes(pretext):
    assert not hasattr(pretext, "classes_")
    assert type(pretext).__name__ in repr(pretext)
