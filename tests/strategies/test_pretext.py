"""PAL: its parts step by step, what it looks for, what it takes and refuses."""

import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from skal import ActiveLearner
from skal.estimators import _pal
from skal.functional import pretext_score
from skal.strategies import PAL


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


def quick(**params):
    given = {"max_epochs": 10, "module": tiny, "random_state": 0, "device": "cpu"}
    return PAL(**given | params)


def signs(n=200, n_labeled=60, seed=0):
    """Images of bytes with a bar along the top; some unlabeled ones lie on the side."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 2
    images = 50 * rng.random((n, 8, 8))
    images[:, :3] += 100
    images[kind == 1, :, :2] += 100
    odd = np.arange(n) >= n - 40
    images[odd] = np.rot90(images[odd], 1, (1, 2))
    return images.astype("u1"), np.where(np.arange(n) < n_labeled, kind, -1), odd


class Fake:
    """A scorer that says what it was told to, and notes what it is asked."""

    rng = np.random.default_rng(0)
    turns, of_copies = rng.random((200, 4)), rng.random((6, 200, 4))
    proba = rng.dirichlet(np.ones(2), 200)

    def __init__(self, module, **params):
        self.shown = []

    def fit(self, images, y, n_classes):
        return self

    def predict(self, images, copy=None):
        turns = self.turns if copy is None else self.of_copies[copy]
        return turns[images.positions], self.proba[images.positions]

    def tuned(self, images):
        self.shown.append(images.positions.tolist())
        FAKES.append(self)
        return len(self.shown)


FAKES: list[Fake] = []


@pytest.mark.parametrize(
    ("query_size", "sizes"), [(20, [4] * 5), (13, [3, 3, 3, 3, 1]), (3, [1, 1, 1])]
)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 2.0), (1.0, 0.0)])
def test_a_batch_is_chosen_in_parts(query_size, sizes, weights, monkeypatch):
    monkeypatch.setattr(_pal, "PretextScorer", Fake)
    FAKES.clear()
    X, y, _ = signs()
    picked = quick(class_weight=weights[0], diversity_weight=weights[1])
    picked = picked.fit(X, y).query(query_size).tolist()
    novelty = pretext_score(Fake.turns, Fake.proba, class_weight=weights[0])
    expected = []
    for number, size in enumerate(sizes):
        scores = novelty.copy()
        if number:
            assert FAKES[-1].shown[number - 1] == expected
            scores -= weights[1] * Fake.of_copies[number].sum(axis=1)
        scores[:60] = scores[expected] = -np.inf
        expected += np.argsort(-scores)[:size].tolist()
    assert picked == expected
    assert all(len(fake.shown) == len(sizes) - 1 for fake in FAKES)


def test_one_part_is_by_score_alone(monkeypatch):
    monkeypatch.setattr(_pal, "PretextScorer", Fake)
    FAKES.clear()
    X, y, _ = signs()
    picked = quick(n_sub_rounds=1).fit(X, y).query(25)
    novelty = pretext_score(Fake.turns, Fake.proba)[60:]
    np.testing.assert_array_equal(picked, 60 + np.argsort(-novelty)[:25])
    assert not FAKES


@pytest.mark.parametrize("seed", [0, 1])
def test_images_on_their_side_come_first(seed):
    X, y, odd = signs()
    picked = quick(random_state=seed, class_weight=0).fit(X, y).query(20)
    assert odd[picked].mean() > 0.9


def test_images_between_the_classes_come_first():
    X, y, odd = signs()
    X, y = X[~odd], y[~odd]
    unsure = np.arange(80, 100, 2)  # of class 0
    X[unsure, :, :2] += 50  # half of what makes class 1
    picked = quick(class_weight=10.0, n_sub_rounds=1).fit(X, y).query(10)
    assert np.isin(picked, unsure).mean() >= 0.8


def test_the_same_seed_and_no_state_moves():
    X, y, _ = signs()
    X.flags.writeable = False
    copy = X.copy()
    torch.manual_seed(7)
    state, own = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    first = quick().fit(X, y).query(100)
    np.testing.assert_array_equal(quick().fit(X, y).query(100), first)
    assert (quick(random_state=1).fit(X, y).query(100) != first).any()
    assert torch.equal(torch.get_rng_state(), state)
    assert (own[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    np.testing.assert_array_equal(X, copy)


@pytest.mark.parametrize("n_labeled", [1, 5])
def test_few_labels_of_one_class(n_labeled):
    X, y, _ = signs(n_labeled=n_labeled)
    y[y == 1] = -1
    assert len(set(quick(max_epochs=1).fit(X, y).query(30).tolist())) == 30


def test_a_pool_of_duplicates():
    X, y, _ = signs()
    same = np.repeat(X[:1], 200, axis=0)
    picks = [quick(random_state=s).fit(same, y).query(30).tolist() for s in range(2)]
    assert all(len(set(picked)) == 30 for picked in picks)
    assert picks[0] != picks[1]


@pytest.mark.parametrize("order", ["first", "last"])
def test_colors_and_the_net_of_the_house(order):
    X, y, _ = signs(n=60, n_labeled=30)
    X = np.stack([X] * 3, axis=1 if order == "first" else 3)
    strategy = quick(module=None, max_epochs=1, n_sub_rounds=2)
    assert len(strategy.fit(X, y).query(4)) == 4


def test_the_pool_is_read_in_batches_and_never_copied(monkeypatch):
    class Reader(Fake):
        def predict(self, images, copy=None):
            n = sum(len(batch) for batch in images.in_order(64))
            return np.zeros((n, 4)), np.ones((n, 1))

    monkeypatch.setattr(_pal, "PretextScorer", Reader)
    X = np.zeros((10_000, 30, 30))
    strategy = quick().fit(X, np.where(np.arange(10_000) % 200, -1, 0))
    tracemalloc.start()
    strategy.query(10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * X.nbytes


def test_under_a_learner():
    X, _, _ = signs()
    model = make_pipeline(
        FunctionTransformer(lambda images: images.reshape(len(images), -1) / 255),
        LogisticRegression(),
    )
    learner = ActiveLearner(
        model, quick(random_state=None, max_epochs=2), n_initial=10, query_size=8,
        n_rounds=2, random_state=0,
    )  # fmt: skip
    y = np.arange(200) % 2
    first = learner.fit(X, y).labeled_indices_
    assert len(set(first.tolist())) == 26
    np.testing.assert_array_equal(learner.fit(X, y).labeled_indices_, first)


@pytest.mark.parametrize("shape", [(200, 64), (200, 8, 9)])
def test_what_cannot_be_turned_is_refused(shape):
    X = np.zeros(shape)
    with pytest.raises(ValueError, match=r"rows of the shape[\s\S]*\(n, size, size\)"):
        quick().fit(X, signs()[1]).query(1)


def test_without_labels_it_says_so():
    with pytest.raises(ValueError, match="PAL learns from labeled rows"):
        quick().fit(signs()[0]).query(1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_sub_rounds": 0}, "n_sub_rounds is 0: give an int above 0"),
        ({"max_epochs": 1.5}, "max_epochs is 1.5: give an int above 0"),
        ({"lr": -1}, "lr is -1: give a number above 0"),
        ({"class_weight": -1}, "class_weight is -1: give a number of 0 or more"),
        ({"diversity_weight": None}, "diversity_weight is None"),
        ({"device": "fast"}, "device is 'fast'"),
    ],
)
def test_parameters_are_checked(params, message):
    X, y, _ = signs()
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(X, y).query(1)


@pytest.mark.gpu
def test_on_a_gpu():
    X, y, odd = signs()
    before = torch.cuda.get_rng_state()
    picked = quick(class_weight=0, device="cuda").fit(X, y).query(20)
    assert odd[picked].mean() > 0.9
    assert torch.equal(torch.cuda.get_rng_state(), before)
