"""Contrastive training on labels, then a linear classifier on frozen features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skal.estimators import mlp
from skal.estimators._supcon import set_head
from skal.strategies import SCAL


def slow_supcon(z, y, temperature):
    """Losses of the anchors that have a positive, one by one."""
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    losses = []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        positives = [p for p in others if y[p] == y[i]]
        total = np.log(sum(np.exp(z[i] @ z[a] / temperature) for a in others))
        if positives:
            terms = [z[i] @ z[p] / temperature - total for p in positives]
            losses.append(-np.mean(terms))
    return np.array(losses)


class Look(Callback):
    """Keeps what the projection gave in each step, and states of the module."""

    def on_train_begin(self, net, **kwargs):
        self.start_ = state(net)
        self.z_, self.X_ = [], []

        def keep(_layer, _args, out):
            self.z_.append(out.detach().double().numpy().copy())

        def keep_input(_layer, args):
            if net.module_.training:
                self.X_.append(args[0].clone())

        self.handles_ = [
            net.projection_.register_forward_hook(keep),
            net.module_.register_forward_pre_hook(keep_input),
        ]

    def on_train_end(self, net, **kwargs):
        self.end_ = state(net)
        for handle in self.handles_:
            handle.remove()
        self.handles_ = []


def state(net):
    return {key: value.clone() for key, value in net.module_.state_dict().items()}


@pytest.fixture
def watched(make, learn, digits):
    def train(X=None, y=None, n=60, **params):
        look = Look()
        params = {"batch_size": 20, "iterator_train__shuffle": False} | params
        net = make("SupConClassifier", callbacks=[("look", look)], **params)
        return learn(net, X, y, n=n), dict(net.callbacks_)["look"]

    return train


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_the_loss_of_each_step(reduction, temperature, watched, digits):
    net, look = watched(reduction=reduction, temperature=temperature)
    losses = net.history_[:, "batches", :, "train_loss"]
    assert len(look.z_) == 6
    for step, z in enumerate(look.z_):
        assert z.shape == (40, 128)
        first = 20 * (step % 3)
        y = digits.y[first : first + 20].tolist()
        slow = getattr(np, reduction)(slow_supcon(z, y + y, temperature))
        assert losses[step // 3][step % 3] == pytest.approx(slow, rel=1e-3)


def test_the_loss_falls(make, learn):
    net = learn(make("SupConClassifier", max_epochs=8), n=300)
    losses = net.history_[:, "train_loss"]
    assert losses[-1] < losses[0] - 0.3


def test_two_views_of_each_row(watched, digits):
    _, look = watched()
    for step, X in enumerate(look.X_[:3]):
        assert X.shape == (40, 1, 8, 8)
        one, other = X[:20], X[20:]
        assert (one - other).abs().flatten(1).max(dim=1).values.min() > 0.01
        rows = torch.tensor(digits.images[20 * step : 20 * step + 20, None])
        for views in (one, other):
            far = (views[:, None] - rows).pow(2).flatten(2).sum(2)
            assert (far.argmin(dim=1) == torch.arange(20)).float().mean() > 0.6


def test_equal_rows_come_out_different(watched, digits):
    _, look = watched(np.repeat(digits.images[:1], 20, axis=0), np.zeros(20, int))
    X = look.X_[0].flatten(1)
    assert len(torch.unique(X, dim=0)) == 40


def test_the_augmentation_is_the_one_given(watched, digits):
    def shift(X):
        return X + 1 + torch.rand(len(X), 1, 1, 1)

    _, look = watched(augmentation=shift)
    moved = look.X_[0] - torch.tensor(digits.images[:20, None]).repeat(2, 1, 1, 1)
    assert moved.flatten(1).std(dim=1).max() < 1e-5
    assert len(torch.unique(moved[:, 0, 0, 0])) == 40
    _, look = watched(augmentation=None)
    assert torch.equal(look.X_[0][:20], look.X_[0][20:])


CUTS = {"ten classes": (10, 1.0), "two classes": (2, 1.0), "weak": (10, 0.01)}


@pytest.mark.parametrize("cut", CUTS)
def test_the_head_is_logistic_regression_on_the_features(cut, make, digits):
    n_classes, C = CUTS[cut]
    some = digits.y < n_classes
    X, y = digits.images[some], digits.y[some].astype(str)
    net = make("SupConClassifier", C=C, max_epochs=3).fit(X[:-30], y[:-30])
    linear = LogisticRegression(C=C, max_iter=1000)
    slow = make_pipeline(StandardScaler(), linear)
    slow.fit(net.transform(X[:-30]).astype("f8"), y[:-30])
    expected = slow.predict_proba(net.transform(X[-30:]).astype("f8"))
    np.testing.assert_allclose(net.predict_proba(X[-30:]), expected, atol=2e-3)
    sure = np.sort(expected)[:, -1] - np.sort(expected)[:, -2] > 0.01
    assert (
        net.predict(X[-30:])[sure] == slow.predict(net.transform(X[-30:]))[sure]
    ).all()


@pytest.mark.parametrize("classes", [[0, 1], [0, 2], [1, 2, 4], [3], [0, 1, 2, 3, 4]])
def test_a_head_by_hand(classes):
    rng = np.random.default_rng(0)
    y = np.array(classes)[np.arange(60) % len(classes)]
    features = rng.normal(3, 5, (60, 4)) + y[:, None] * [1, -2, 0, 0.5]
    features[:, 3] = 7.0  # says nothing
    head = torch.nn.Linear(4, 5)
    set_head(head, features.astype("f4"), y, 1.0)
    with torch.no_grad():
        proba = head(torch.tensor(features).float()).softmax(1).numpy()
    absent = np.setdiff1d(np.arange(5), classes)
    assert proba[:, absent].max(initial=0) < 1e-12
    if len(classes) == 1:
        np.testing.assert_allclose(proba[:, classes], 1)
        return
    slow = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    expected = slow.fit(features, y).predict_proba(features)
    np.testing.assert_allclose(proba[:, classes], expected, atol=1e-4)


def test_classes_that_are_absent_are_improbable(make, digits):
    few = np.isin(digits.y, [2, 7, 8])
    names = np.arange(10)
    net = make("SupConClassifier").partial_fit(
        digits.images[few], digits.y[few], classes=names
    )
    proba = net.predict_proba(digits.images)
    absent = np.setdiff1d(names, [2, 7, 8])
    assert proba[:, absent].max() < 1e-6
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    net.partial_fit(digits.images, digits.y)
    assert net.predict_proba(digits.images)[:, absent].max() > 0.5


def test_the_encoder_is_frozen_while_the_head_is_fitted(watched):
    net, look = watched()
    found = state(net)
    for key, value in found.items():
        assert torch.equal(value, look.end_[key]) == (not key.startswith("fc.")), key
    for key, value in look.end_.items():
        same = torch.equal(value, look.start_[key])
        assert same == key.startswith("fc."), key  # the loss says nothing of the head


def test_the_projection_is_of_the_size_asked_for(make, learn, digits):
    net = learn(make("SupConClassifier", head_size=7))
    shapes = [tuple(layer.shape) for layer in net.projection_.state_dict().values()]
    assert shapes == [(128, 128), (128,), (7, 128), (7,)]
    params = {"module__hidden": (20, 12), "head_size": 5}
    net = learn(make("SupConClassifier", mlp, **params), digits.rows[:100])
    shapes = [tuple(layer.shape) for layer in net.projection_.state_dict().values()]
    assert shapes == [(12, 12), (12,), (5, 12), (5,)]


def test_training_goes_on_from_the_encoder(watched, learn):
    net, look = watched()
    end = look.end_
    learn(net, by="partial_fit", n=60)
    start = dict(net.callbacks_)["look"].start_
    encoder = [key for key in end if not key.startswith("fc.")]
    assert all(torch.equal(start[key], end[key]) for key in encoder)
    assert len(net.history_) == 4


def test_scal_over_it(make, digits):
    net = make("SupConClassifier").fit(digits.images[:60], digits.y[:60])
    known = np.where(np.arange(400) < 60, digits.y, -1)
    picked = SCAL(random_state=0).fit(digits.images, known, estimator=net).query(10)
    assert len(set(picked.tolist())) == 10
    assert picked.min() >= 60
