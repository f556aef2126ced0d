"""Factored gradients against gradients written out; GLISTER against its definition."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse

from skal.functional import glister_greedy, gradient_norm

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def under(labels, proba):
    return proba - np.eye(proba.shape[1])[labels]


def with_bias(h):
    return np.column_stack([h, np.ones(len(h))])


def make(rng, n, d=6, n_classes=4, kind="isotropic"):
    """Probabilities, gradients under the predicted labels, and features."""
    h = rng.standard_normal((n, d))
    if kind == "clustered":
        h = 4 * rng.standard_normal((5, d))[rng.integers(0, 5, n)] + 0.3 * h
    proba = rng.dirichlet(np.ones(n_classes), n)
    if kind == "duplicates":
        h[:], proba[:] = h[0], proba[0]
    return {
        "proba": proba,
        "logit_gradient": under(proba.argmax(axis=1), proba),
        "embedding": h,
    }


def slow_glister(pool, n, validation, labeled, learning_rate):
    """Gradients written out (n, C, d + 1), one matrix of weights, in float64."""
    pool, validation, labeled = (
        {name: np.asarray(values, "f8") for name, values in part.items()}
        for part in (pool, validation, labeled)
    )

    def gradients(part):
        h = with_bias(part["embedding"])
        return np.einsum("nc,nd->ncd", part["logit_gradient"], h)

    h = with_bias(validation["embedding"])
    one_hot = validation["proba"] - validation["logit_gradient"]
    moved = -learning_rate * gradients(labeled).sum(axis=0)
    candidates, picks, gains = gradients(pool), [], []
    for _ in range(min(n, len(candidates))):
        logits = np.log(validation["proba"]) + h @ moved.T
        proba = np.exp(logits)
        proba /= proba.sum(axis=1, keepdims=True)
        mean = np.einsum("nc,nd->cd", proba - one_hot, h) / len(h)
        gain = np.einsum("ncd,cd->n", candidates, mean)
        gain[picks] = -np.inf
        best = int(np.flatnonzero(gain >= gain.max() - 1e-9 * abs(gain.max()))[0])
        picks.append(best)
        gains.append(gain[best])
        moved = moved - learning_rate * candidates[best]
    return picks, gains


def glister(pool, n, validation, labeled=None, **options):
    named = {f"validation_{name}": values for name, values in validation.items()}
    for name in ("logit_gradient", "embedding") if labeled else ():
        named[f"labeled_{name}"] = labeled[name]
    a, h = pool["logit_gradient"], pool["embedding"]
    return glister_greedy(a, h, n, **named, **options)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_norms_are_those_of_gradients_written_out(dtype, kind):
    part = make(np.random.default_rng(0), 50)
    a, h = part["logit_gradient"].astype(dtype), part["embedding"].astype(dtype)
    if kind is not np.asarray and dtype == "f2":
        pytest.skip("SciPy has no sparse float16")
    written = np.einsum("nc,nd->ncd", a.astype("f8"), h.astype("f8"))
    norm = gradient_norm(a, kind(h))
    np.testing.assert_allclose(norm, np.linalg.norm(written, axis=(1, 2)), rtol=1e-5)


def test_worked_example():
    proba = np.array([[0.6, 0.4], [0.3, 0.7]])
    pool = {"logit_gradient": under([0, 1], proba), "embedding": np.ones((2, 1))}
    half = np.array([[0.5, 0.5]])
    validation = {"proba": half, "logit_gradient": under([1], half)}
    validation["embedding"] = np.ones((1, 1))
    positions, gains = glister(pool, 2, validation, learning_rate=1)
    assert positions.tolist() == [1, 0]
    assert positions.dtype == np.intp
    np.testing.assert_allclose(gains, [0.6, -0.370360], atol=1e-6)
    pool = {name: values[:1] for name, values in pool.items()}
    np.testing.assert_allclose(glister(pool, 1, validation)[1], [-0.8])


@pytest.mark.parametrize("kind", ["clustered", "isotropic", "duplicates"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("table", [np.asarray, sparse.csr_array])
def test_picks_are_those_of_gradients_written_out(kind, dtype, table):
    rng = np.random.default_rng(0)
    pool, validation, labeled = (make(rng, n, kind=kind) for n in (300, 80, 40))
    for part in (pool, validation, labeled):
        part.update({name: values.astype(dtype) for name, values in part.items()})
    labels = rng.integers(0, 4, 80)
    validation["logit_gradient"] = under(labels, validation["proba"]).astype(dtype)
    expected, expected_gains = slow_glister(pool, 25, validation, labeled, 0.05)
    for part in (pool, validation, labeled):
        part["embedding"] = table(part["embedding"])
    picks, gains = glister(pool, 25, validation, labeled, learning_rate=0.05)
    assert picks.tolist() == expected
    np.testing.assert_allclose(gains, expected_gains, rtol=1e-4, atol=1e-5)


def test_a_step_on_the_first_pick_lowers_the_validation_loss_most():
    rng = np.random.default_rng(0)
    pool, validation = make(rng, 60), make(rng, 50)
    labels = rng.integers(0, 4, 50)
    validation["logit_gradient"] = under(labels, validation["proba"])
    h, step = with_bias(validation["embedding"]), 1e-4

    def loss_after(row):
        gradient = np.outer(pool["logit_gradient"][row], [*pool["embedding"][row], 1])
        logits = np.log(validation["proba"]) - step * h @ gradient.T
        log_proba = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return -log_proba[np.arange(50), labels].mean()

    before = -np.log(validation["proba"][np.arange(50), labels]).mean()
    losses = np.array([loss_after(row) for row in range(60)])
    picks, gains = glister(pool, 1, validation)
    assert picks[0] == losses.argmin()
    assert gains[0] == pytest.approx((before - losses.min()) / step, rel=1e-2)


def test_labeled_rows_move_the_start():
    rng = np.random.default_rng(0)
    pool, validation, labeled = (make(rng, n) for n in (60, 50, 40))
    assert (
        glister(pool, 5, validation)[1][0]
        != glister(pool, 5, validation, labeled)[1][0]
    )
    nobody = {name: values[:0] for name, values in labeled.items()}
    without, bare = glister(pool, 5, validation, nobody), glister(pool, 5, validation)
    np.testing.assert_array_equal(without[0], bare[0])


def test_probabilities_of_zero():
    rng = np.random.default_rng(0)
    pool, validation = make(rng, 30), make(rng, 20)
    validation["proba"][:] = np.eye(4)[rng.integers(0, 4, 20)]
    validation["logit_gradient"] = under(rng.integers(0, 4, 20), validation["proba"])
    picks, gains = glister(pool, 30, validation)
    assert sorted(picks) == list(range(30))
    assert np.isfinite(gains).all()


def test_memory_stays_far_below_gradients_written_out():
    rng = np.random.default_rng(0)
    pool = make(rng, 5000, d=100, n_classes=30)
    tracemalloc.start()
    glister(pool, 5, pool)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # the gradients: 120e6


@pytest.mark.parametrize("device", DEVICES)
def test_tensors(device):
    rng = np.random.default_rng(0)
    pool, validation, labeled = (make(rng, n) for n in (300, 80, 40))
    expected, expected_gains = glister(pool, 20, validation, labeled)
    norm = gradient_norm(pool["logit_gradient"], pool["embedding"])
    for part in (pool, validation, labeled):
        part.update({k: torch.as_tensor(v, device=device) for k, v in part.items()})
    picks, gains = glister(pool, 20, validation, labeled)
    assert picks.device == pool["embedding"].device
    assert picks.numpy(force=True).tolist() == expected.tolist()
    np.testing.assert_allclose(gains, expected_gains)
    norms = gradient_norm(pool["logit_gradient"], pool["embedding"])
    assert norms.device == picks.device
    np.testing.assert_allclose(norms.numpy(force=True), norm)


def test_input_is_left_as_it_was_and_more_than_there_are_is_all():
    rng = np.random.default_rng(0)
    pool, validation = make(rng, 7), make(rng, 5)
    kept = {name: values.copy() for name, values in validation.items()}
    for values in [*pool.values(), *validation.values()]:
        values.flags.writeable = False
    assert sorted(glister(pool, 9, validation, validation)[0]) == list(range(7))
    assert len(glister(pool, 0, validation)[0]) == 0
    for name, values in validation.items():
        np.testing.assert_array_equal(values, kept[name])


def test_wrong_values_are_refused():
    pool = make(np.random.default_rng(0), 5)
    with pytest.raises(ValueError, match="n must not be negative, got -1"):
        glister(pool, -1, pool)
    with pytest.raises(ValueError, match="no validation rows"):
        glister(pool, 1, {name: values[:0] for name, values in pool.items()})
