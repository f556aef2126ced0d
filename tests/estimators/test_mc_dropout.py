"""Dropout before the last layer: where it is, when it is on, and what it costs."""

import numpy as np
import pytest
import torch
from torch import nn

from skal.estimators import MCDropoutClassifier, resnet18, small_cnn
from skal.readout import read
from skal.strategies import BALD

ALL = ["proba", "embedding", "proba_draws"]


@pytest.fixture
def fitted(make, learn):
    return learn(make("MCDropoutClassifier"))


def rows_through(layer, work):
    """Count the rows on which a layer really runs while `work` is done."""
    seen = []
    handle = layer.register_forward_hook(
        lambda _m, args, _out: seen.append(len(args[0]))
    )
    work()
    handle.remove()
    return sum(seen)


def test_draws_come_with_the_rest_from_one_pass(fitted, digits):
    deep = fitted.module_.block1[0]  # inside of what is kept between passes
    images = digits.images[:300]
    for what in (["proba"], ["proba_draws"], ["embedding", "proba_draws"], ALL):
        n = rows_through(deep, lambda what=what: read(fitted, images, what, n_draws=7))
        assert n == 300, what
    head = fitted.module_.fc[1]
    assert rows_through(head, lambda: read(fitted, images, ALL, n_draws=7)) == 8 * 300


@pytest.mark.parametrize("what", [ALL, ALL[::-1], ["logit_gradient", *ALL]])
def test_what_comes_with_draws_is_what_comes_alone(what, fitted, digits):
    images = digits.images[:150]
    together = read(fitted, images, what, n_draws=4, random_state=1)
    assert list(together) == what
    for name in what:
        options = {"n_draws": 4, "random_state": 1}
        alone = read(fitted, images, [name], **options)[name]
        np.testing.assert_allclose(together[name], alone, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        together["proba"], fitted.predict_proba(images), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        together["embedding"], fitted.transform(images), rtol=1e-4, atol=1e-6
    )


def test_draws_by_hand(fitted, digits):
    images = digits.images[:50]
    out = read(fitted, images, ALL, n_draws=200, random_state=0)
    spread = out["proba_draws"].std(axis=0)
    assert spread.max() > 0.01
    kept = np.random.default_rng(0).random((200, 1, 128)) >= 0.5
    masked = torch.tensor(out["embedding"] * kept / 0.5).float()
    with torch.no_grad():
        slow = fitted.module_.fc[1](masked).softmax(2).numpy()
    np.testing.assert_allclose(out["proba_draws"].mean(0), slow.mean(0), atol=0.03)
    np.testing.assert_allclose(spread.mean(), slow.std(axis=0).mean(), rtol=0.1)


def test_draws_are_of_sampled_models(fitted, digits):
    same = np.repeat(digits.images[:1], 80, axis=0)
    draws = read(fitted, same, ALL, n_draws=5)["proba_draws"]
    np.testing.assert_allclose(draws, np.repeat(draws[:, :1], 80, axis=1), rtol=1e-4)
    assert len(np.unique(draws[:, 0, 0])) == 5


def test_reading_moves_nothing(make, learn, digits):
    net = learn(make("MCDropoutClassifier", resnet18, max_epochs=1), n=40)
    before = {key: value.clone() for key, value in net.module_.state_dict().items()}
    assert any("running_mean" in key for key in before)
    read(net, digits.images[:20], ALL, n_draws=3)
    for key, value in net.module_.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not any(layer.training for layer in net.module_.modules())
    assert not any("forward" in vars(layer) for layer in net.module_.modules())


def test_where_the_dropout_is(fitted, make, learn, digits):
    drop, head = fitted.module_.fc
    assert isinstance(drop, nn.Dropout)
    assert drop.p == 0.5
    assert isinstance(head, nn.Linear)
    assert [isinstance(m, nn.Dropout) for m in fitted.module_.modules()].count(
        True
    ) == 1
    net = learn(make("MCDropoutClassifier", nn.Linear(64, 10)), digits.rows[:100])
    assert [type(layer) for layer in net.module_] == [nn.Dropout, nn.Linear]
    np.testing.assert_array_equal(net.transform(digits.rows), digits.rows)


@pytest.mark.parametrize("dropout", [0.1, 0.8])
def test_features_are_left_out_while_it_trains(dropout, make, digits):
    shares, net = [], make("MCDropoutClassifier", dropout=dropout, max_epochs=1)

    class Look(nn.Linear):
        def forward(self, features):
            if self.training:
                shares.append((features == 0).float().mean().item())
            else:
                assert not (features == 0).any()
            return super().forward(features)

    body = nn.Sequential(nn.Linear(64, 50), nn.Softplus(), Look(50, 10))
    net.set_params(module=body).fit(digits.rows, digits.y)
    assert np.mean(shares) == pytest.approx(dropout, abs=0.03)
    net.predict(digits.rows)


def test_prediction_is_without_dropout(fitted, digits):
    fitted.module_.eval()
    with torch.no_grad():
        body = nn.Sequential(*list(fitted.module_.children())[:-1])
        logits = fitted.module_.fc[1](body(torch.tensor(digits.images[:, None])))
    np.testing.assert_allclose(
        fitted.predict_proba(digits.images), logits.softmax(1), rtol=1e-3, atol=1e-6
    )


def with_dropout_inside(n_classes):
    body = nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 32), nn.ReLU()
    return nn.Sequential(*body, nn.Linear(32, n_classes))


def test_a_module_with_dropout_of_its_own(make, learn, digits):
    net = make("MCDropoutClassifier", with_dropout_inside, dropout=None)
    learn(net, digits.rows[:100])
    assert [type(layer) for layer in net.module_] == [
        type(layer) for layer in with_dropout_inside(10)
    ]
    first = net.module_[0]
    rows = digits.rows[:60]
    assert rows_through(first, lambda: read(net, rows, ALL, n_draws=4)) > 0
    out = read(net, rows, ALL, n_draws=4)
    assert out["proba_draws"].std(axis=0).max() > 0
    np.testing.assert_allclose(out["proba"], net.predict_proba(rows), rtol=1e-4)


def test_no_dropout_at_all(make, learn, digits):
    net = learn(make("MCDropoutClassifier", dropout=None))
    assert net.predict(digits.images).shape == (400,)
    with pytest.raises(TypeError, match="no dropout layer"):
        read(net, digits.images, "proba_draws")


def test_bald_asks_it(make, learn, digits):
    net = learn(make("MCDropoutClassifier", small_cnn, max_epochs=4))
    query = BALD(n_draws=10, random_state=0).fit(digits.images, estimator=net)
    scores = query.score_samples()
    assert scores.shape == (400,)
    assert scores.std() > 0
    assert len(set(query.query(7).tolist())) == 7


def test_another_rate_is_taken_at_the_next_fit(fitted, learn):
    fitted.set_params(dropout=0.25)
    assert learn(fitted).module_.fc[0].p == 0.25
    assert MCDropoutClassifier().dropout == 0.5
