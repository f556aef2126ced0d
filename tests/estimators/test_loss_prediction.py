"""A head that predicts losses: the joint loss by hand, and what is read of it."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit
from torch import nn

from skal import ActiveLearner
from skal.estimators import small_cnn
from skal.readout import read
from skal.strategies import LearningLoss

NAME = "LossPredictionClassifier"
LAYERS = ["block1", "pool1", "block2", "pool2", "block3", "pool3", "mean", "fc"]


def by_hand(module, predictor, images, detached=False):
    """Run small_cnn layer by layer; return logits and predicted losses."""
    values, seen = torch.tensor(images[:, None]), []
    for name in LAYERS:
        values = module.get_submodule(name)(values)
        if name.startswith("block"):
            mean = values.mean(dim=(2, 3))
            seen.append(mean.detach() if detached else mean)
    hidden = [
        torch.relu(mean @ linear.weight.T + linear.bias)
        for mean, linear in zip(seen, predictor.taps, strict=True)
    ]
    return values, (torch.cat(hidden, dim=1) @ predictor.out.weight.T)[:, 0] + (
        predictor.out.bias
    )


def slow_ranking(predicted, losses, margin):
    n, terms = len(losses), []
    for i in range(n // 2):
        j = n - 1 - i
        sign = 1 if losses[i] > losses[j] else -1
        terms.append(torch.relu(margin - sign * (predicted[i] - predicted[j])))
    return sum(terms) / len(terms)


class ByHand(Callback):
    """Computes the gradients of each step from copies of the layers."""

    def __init__(self, images, y, weight, margin, smoothing, detached):
        self.images, self.y = images, y
        self.weight, self.margin = weight, margin
        self.smoothing, self.detached = smoothing, detached

    def initialize(self):
        self.losses_ = []
        return self

    def on_grad_computed(self, net, **kwargs):
        for layers in (net.module_, net.predictor_):
            layers.own = [p.grad.clone() for p in layers.parameters()]
            layers.zero_grad()
        buffers = {k: v.clone() for k, v in net.module_.named_buffers()}
        logits, predicted = by_hand(
            net.module_, net.predictor_, self.images, self.detached
        )
        losses = nn.functional.cross_entropy(
            logits,
            torch.tensor(self.y),
            reduction="none",
            label_smoothing=self.smoothing,
        )
        ranking = slow_ranking(predicted, losses.detach(), self.margin)
        total = losses.mean() + self.weight * ranking
        total.backward()
        self.losses_.append(total.item())
        for key, value in net.module_.named_buffers():
            value.copy_(buffers[key])
        for layers in (net.module_, net.predictor_):
            for own, p in zip(layers.own, layers.parameters(), strict=True):
                torch.testing.assert_close(own, p.grad, rtol=1e-3, atol=1e-5)
            del layers.own


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("n", [12, 13])
def test_the_joint_loss_and_its_gradients(n, smoothing, detached, make, digits):
    images, y = digits.images[:n], digits.y[:n].copy()
    y[:10] = np.arange(10)
    look = ByHand(images, y, 0.7, 0.3, smoothing, detached)
    net = make(
        NAME,
        iterator_train__batch_size=n,
        iterator_train__shuffle=False,
        criterion__label_smoothing=smoothing,
        loss_weight=0.7,
        margin=0.3,
        detach_epoch=-1 if detached else 5,
        callbacks=[("look", look)],
    ).fit(images, y)
    found = dict(net.callbacks_)["look"].losses_
    assert len(found) == 2
    np.testing.assert_allclose(net.history_[:, "train_loss"], found, rtol=1e-4)


class Attached(Callback):
    """Notes, for each step, whether gradients reach the module from the head."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

        def keep(_layer, args):
            if net.predictor_.training:
                self.seen_.append(args[0][0].requires_grad)

        self.handle_ = net.predictor_.register_forward_pre_hook(keep)

    def on_train_end(self, net, **kwargs):
        self.handle_.remove()
        del self.handle_


DETACHED = [
    (0, 4, [True, False, False, False]),
    (1, 4, [True, True, False, False]),
    (9, 4, [True] * 4),
    (-1, 2, [False] * 2),
    (None, 5, [True] * 4 + [False]),
    (None, 10, [True] * 7 + [False] * 3),
]


@pytest.mark.parametrize(("epoch", "n_epochs", "expected"), DETACHED)
def test_the_last_epoch_in_which_the_head_changes_the_module(
    epoch, n_epochs, expected, make, learn
):
    params = {"iterator_train__batch_size": 30, "callbacks": [("look", Attached())]}
    net = make(NAME, detach_epoch=epoch, max_epochs=n_epochs, **params)
    learn(net, n=30)
    assert dict(net.callbacks_)["look"].seen_ == expected
    learn(net, n=30, by="partial_fit")
    assert dict(net.callbacks_)["look"].seen_ == expected


def test_the_papers_epochs(make):
    net = make(NAME, max_epochs=200)
    assert net.detach_epoch is None
    assert net._last_attached == 120


@pytest.mark.parametrize("n", [64, 65, 3])
def test_predicted_losses_by_hand(n, make, learn, digits):
    net = learn(make(NAME))
    net.module_.eval()
    images = digits.images[-n:]
    with torch.no_grad():
        _, expected = by_hand(net.module_, net.predictor_, images)
    out = read(net, images, "predicted_loss")["predicted_loss"]
    assert out.shape == (n,)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-5)
    assert out.std() > 0


def test_taps_by_name(make, learn, digits):
    net = learn(make(NAME, taps=["block2", "mean"], tap_size=9))
    shapes = [tuple(linear.weight.shape) for linear in net.predictor_.taps]
    assert shapes == [(9, 64), (9, 128)]
    net.module_.eval()
    with torch.no_grad():
        deep = net.module_[:3](torch.tensor(digits.images[:5, None]))
        mean = net.module_[:7](torch.tensor(digits.images[:5, None]))
        expected = net.predictor_([deep.mean((2, 3)), mean])
    out = read(net, digits.images[:5], "predicted_loss")["predicted_loss"]
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-5)
    other = learn(make(NAME, taps=["mean", "block2"], tap_size=9))
    assert [linear.in_features for linear in other.predictor_.taps] == [128, 64]


def test_the_taps_of_the_module_are_its_own(make, learn):
    net = learn(make(NAME, small_cnn))
    assert [linear.in_features for linear in net.predictor_.taps] == [32, 64, 128]
    assert [linear.out_features for linear in net.predictor_.taps] == [128] * 3
    assert net.predictor_.out.in_features == 3 * 128


def plain(n_classes):
    return nn.Sequential(nn.Linear(64, 30), nn.Tanh(), nn.Linear(30, n_classes))


def test_a_module_that_names_no_taps_shows_its_features(make, learn, digits):
    net = learn(make(NAME, plain), digits.rows[:100])
    (linear,) = net.predictor_.taps
    assert linear.in_features == 30
    features = torch.tensor(net.transform(digits.rows[:20]))
    with torch.no_grad():
        expected = net.predictor_([features])
    out = read(net, digits.rows[:20], ["predicted_loss"])["predicted_loss"]
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-6)


class Texts(nn.Module):
    """Words; its tap are numbers of a word at each place, (n, places, width)."""

    taps = ("words",)

    def __init__(self, n_classes):
        super().__init__()
        self.words = nn.Embedding(17, 6)
        self.out = nn.Linear(6, n_classes)

    def forward(self, X):
        return self.out(self.words(X).mean(1))


def test_words_have_losses_too(make, digits):
    words = (digits.rows * 16).astype(int)
    net = make(NAME, Texts, input_dtype=None).fit(words, digits.y)
    net.module_.eval()
    with torch.no_grad():
        mean = net.module_.words(torch.tensor(words[:9])).mean(1)
        expected = net.predictor_([mean])
    out = read(net, words[:9], "predicted_loss")["predicted_loss"]
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-6)


def test_the_head_is_made_of_zeros_that_move_nothing(make, digits):
    """Batch norm has seen nothing but the rows."""
    params = {"max_epochs": 1, "iterator_train__batch_size": 400, "lr": 1e-9}
    net = make(NAME, **params).fit(digits.images, digits.y)
    plain = make("NetClassifier", **params).fit(digits.images, digits.y)
    for key, value in plain.module_.state_dict().items():
        torch.testing.assert_close(net.module_.state_dict()[key], value)


# What is read -------------------------------------------------------------------------


def dropped(n_classes):
    body = nn.Sequential(nn.Linear(64, 30), nn.ReLU())
    return nn.Sequential(body, nn.Dropout(0.5), nn.Linear(30, n_classes))


@pytest.mark.parametrize(
    "what",
    [
        ["predicted_loss"],
        ["predicted_loss", "proba"],
        ["embedding", "predicted_loss"],
        ["proba", "predicted_loss", "embedding"],
        ["logit_gradient", "predicted_loss"],
        ["proba_draws", "predicted_loss", "proba", "embedding"],
    ],
)
def test_all_of_it_from_one_pass(what, make, learn, digits):
    net = learn(make(NAME, dropped), digits.rows[:100])
    seen = []
    first = net.module_[0][0]
    handle = first.register_forward_hook(lambda _m, args, _o: seen.append(len(args[0])))
    out = read(net, digits.rows, what, n_draws=3, random_state=0)
    handle.remove()
    assert sum(seen) == 400
    assert list(out) == what
    for name in what:
        alone = read(net, digits.rows, name, n_draws=3, random_state=0)[name]
        np.testing.assert_allclose(out[name], alone, rtol=1e-4, atol=1e-5)


def test_reading_leaves_no_hooks(make, learn, digits):
    net = learn(make(NAME))
    read(net, digits.images, ["predicted_loss", "embedding"])
    with pytest.raises(ValueError, match="features"):
        read(net, digits.images[:, :7], ["predicted_loss"])
    for layer in [*net.module_.modules(), *net.predictor_.modules()]:
        assert not layer._forward_hooks
        assert not layer._forward_pre_hooks


def test_through_a_pipeline_and_a_learner(make, learn, digits):
    net = learn(make(NAME))
    expected = read(net, digits.images, "predicted_loss")["predicted_loss"]
    chain = make_pipeline(FunctionTransformer(), net)
    found = read(chain, digits.images, "predicted_loss")["predicted_loss"]
    np.testing.assert_array_equal(found, expected)
    learner = ActiveLearner(
        make(NAME),
        LearningLoss(),
        n_initial=60,
        query_size=10,
        n_rounds=1,
        random_state=0,
    ).fit(digits.images, digits.y)
    assert len(learner.labeled_indices_) == 70
    assert read(learner, digits.images, "predicted_loss")["predicted_loss"].shape == (
        400,
    )


def test_held_out_rows_have_a_plain_loss(make, learn, digits):
    net = learn(make(NAME, train_split=ValidSplit(4), max_epochs=1), n=40)
    split = ValidSplit(4, stratified=False)(range(40))[1].indices
    held_out = digits.images[split], digits.y[split]
    proba = net.predict_proba(held_out[0])
    expected = -np.log(proba[np.arange(len(split)), held_out[1]]).mean()
    assert net.history_[-1]["valid_loss"] == pytest.approx(expected, rel=1e-3)


def test_rows_that_nobody_could_get_right_have_the_larger_losses(make):
    """Labels of rows that are marked are drawn by chance."""
    rng = np.random.default_rng(0)
    y = np.arange(600) % 4
    rows = np.eye(8)[y] * 3 + rng.normal(size=(600, 8))
    marked = rng.random(600) < 0.5
    rows[:, 7] = np.where(marked, 3.0, -3.0)
    y = np.where(marked, rng.integers(0, 4, 600), y)
    net = make(NAME, max_epochs=15).fit(rows[:300], y[:300])
    out = read(net, rows[300:], ["proba", "predicted_loss"])
    assert spearmanr(out["predicted_loss"], marked[300:]).statistic > 0.6
