"""Nets on a GPU do what they do on the CPU."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skal.estimators import (
    ContrastivePoolClassifier,
    LossPredictionClassifier,
    MCDropoutClassifier,
    NetClassifier,
    RotationPretext,
    SupConClassifier,
)
from skal.readout import read

pytestmark = pytest.mark.gpu

X, Y = load_digits(return_X_y=True)
IMAGES = (X * 15.9).astype(np.uint8).reshape(-1, 8, 8)
CLASSIFIERS = [
    NetClassifier,
    SupConClassifier,
    MCDropoutClassifier,
    LossPredictionClassifier,
    ContrastivePoolClassifier,
]


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_nets_learn_on_the_gpu_and_leave_its_random_state(kind):
    torch.cuda.manual_seed(3)
    before = torch.cuda.get_rng_state()
    net = kind(max_epochs=15, device="cuda", random_state=0).fit(IMAGES[:600], Y[:600])
    assert net.score(IMAGES[600:], Y[600:]) > 0.8
    assert torch.equal(torch.cuda.get_rng_state(), before)
    again = kind(max_epochs=15, device="cuda", random_state=0)
    again.fit(IMAGES[:600], Y[:600])
    assert np.mean(again.predict(IMAGES[600:]) == net.predict(IMAGES[600:])) > 0.95
    other = pickle.loads(pickle.dumps(net))
    proba = net.predict_proba(IMAGES)
    assert np.allclose(other.predict_proba(IMAGES), proba, atol=1e-5)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_net_trained_on_the_cpu_reads_the_same_on_the_gpu(kind):
    net = kind(max_epochs=2, random_state=0).fit(IMAGES[:200], Y[:200])
    here = read(net, IMAGES[:100])
    net.set_params(device="cuda")
    for module in (net, getattr(net, "classifier_", net)):
        module.device = "cuda"
        module.module_.to("cuda")
    there = read(net, IMAGES[:100])
    for name, values in here.items():
        assert np.allclose(there[name], values, atol=5e-3), name


def test_draws_losses_and_rotations():
    net = MCDropoutClassifier(max_epochs=1, device="cuda", random_state=0)
    draws = read(net.fit(IMAGES[:100], Y[:100]), IMAGES, "proba_draws")["proba_draws"]
    assert draws.std(0).max() > 0
    net = LossPredictionClassifier(max_epochs=1, device="cuda", random_state=0)
    out = read(net.fit(IMAGES[:100], Y[:100]), IMAGES, "predicted_loss")
    assert np.isfinite(out["predicted_loss"]).all()
    pretext = RotationPretext(max_epochs=1, device="cuda", random_state=0).fit(IMAGES)
    for view in ("unrotated", "random", "mean"):
        features = pretext.set_params(view=view).transform(IMAGES[:50])
        assert np.isfinite(features).all()
    assert np.isfinite(pretext.sample_losses(IMAGES[:50])).all()


@pytest.mark.parametrize("kind", [NetClassifier, SupConClassifier])
def test_mixed_precision_learns(kind):
    net = kind(max_epochs=15, device="cuda", random_state=0)
    with torch.autocast("cuda", torch.bfloat16):
        net.fit(IMAGES[:600], Y[:600])
        assert net.score(IMAGES[600:], Y[600:]) > 0.8
