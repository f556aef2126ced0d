"""Divergence from neighbors, pair by pair; worked examples of both neighborhoods."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.functional import divergence, hit_divergence, neighbor_divergence

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
P = np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
TARGETS = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
NEAR = np.array([[0, 1], [1, 2], [0, 1]])
POOL = {"mean": np.mean, "max": np.max, "median": np.median}


def kl(target, proba):
    return sum(
        q * np.log(q / max(p, 1e-12)) for q, p in zip(target, proba, strict=True) if q
    )


def slow(proba, targets, neighbors, pooling="mean"):
    return np.array(
        [
            POOL[pooling]([kl(targets[j], p) for j in near])
            for p, near in zip(proba, neighbors, strict=True)
        ]
    )


def problem(n=300, m=40, k=7, n_classes=4, dtype="f8"):
    rng = np.random.default_rng(0)
    proba, targets = (rng.dirichlet(np.full(n_classes, 0.3), s) for s in (n, m))
    targets[0] = np.eye(n_classes)[0]
    proba[3] = np.eye(n_classes)[1]
    neighbors = np.sort(rng.permuted(np.tile(np.arange(m), (n, 1)), axis=1)[:, :k])
    return proba.astype(dtype), targets.astype(dtype), neighbors


@pytest.mark.parametrize(
    ("neighbors", "pooling", "expected"),
    [
        (NEAR, "mean", [0.071027, 0.434233, 0.442728]),
        (NEAR, "max", [0.116322, 0.831777, 0.550661]),
        (np.tile([0, 1, 2], (3, 1)), "mean", [0.312071, 0.671397, 0.370582]),
        (np.tile([0, 1, 2], (3, 1)), "median", [0.116322, 0.831777, 0.334795]),
    ],
)
def test_worked_examples(neighbors, pooling, expected):
    result = neighbor_divergence(P, TARGETS, neighbors, pooling=pooling)
    np.testing.assert_allclose(result, expected, atol=5e-7)


def test_targets_of_zeros_and_a_one_give_the_cross_entropy():
    result = neighbor_divergence(P, np.eye(2)[[0, 0, 1]], NEAR)
    np.testing.assert_allclose(result, [0.356675, 0.916291, 0.916291], atol=5e-7)


def test_the_neighbors_are_the_target():
    turned = [kl(P[i], TARGETS[j]) for i, near in enumerate(NEAR) for j in near]
    wrong = np.mean(np.reshape(turned, (3, 2)), axis=1)
    np.testing.assert_allclose(wrong, [0.090916, 0.438090, 0.566296], atol=5e-7)
    assert (np.abs(neighbor_divergence(P, TARGETS, NEAR) - wrong) > 1e-3).all()


@pytest.mark.parametrize("pooling", POOL)
@pytest.mark.parametrize("k", [1, 2, 7, 8])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_against_one_pair_at_a_time(pooling, k, dtype, monkeypatch):
    given = problem(k=k, dtype=dtype)
    expected = slow(*given, pooling)
    tolerance = 1e-12 if dtype == "f8" else 1e-5
    for cells in (divergence._CHUNK_CELLS, 100):
        monkeypatch.setattr(divergence, "_CHUNK_CELLS", cells)
        result = neighbor_divergence(*given, pooling=pooling)
        assert result.dtype == np.dtype(dtype)
        np.testing.assert_allclose(result, expected, tolerance, tolerance)


def test_a_probability_of_zero_is_finite_and_large():
    result = neighbor_divergence([[0.0, 1.0]], [[0.5, 0.5]], [[0]])
    np.testing.assert_allclose(result, 0.5 * np.log(1e12) + np.log(0.5))


@pytest.mark.parametrize("pooling", POOL)
def test_the_same_distribution_is_at_zero(pooling):
    proba, _, _ = problem(n_classes=9)
    itself = np.arange(300)[:, None]
    result = neighbor_divergence(proba, proba, itself, pooling=pooling)
    np.testing.assert_array_equal(result, 0)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 5))
def test_never_negative_and_the_mean_below_the_largest(seed, k, n_classes):
    rng = np.random.default_rng(seed)
    proba, targets = (rng.dirichlet(np.ones(n_classes), s) for s in (20, 10))
    near = rng.integers(0, 10, (20, k))
    mean, largest = (
        neighbor_divergence(proba, targets, near, pooling=p) for p in ("mean", "max")
    )
    assert (mean >= 0).all()
    assert (mean <= largest + 1e-12).all()


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([[0], [2], [1]], [0.116322, 0.036690, 0.334795]),
        ([[0, 2], [2, 0], [1, 2]], [0.071027, 0.036690, 0.370582]),
    ],
)
def test_worked_examples_of_hits(hits, expected):
    np.testing.assert_allclose(hit_divergence(P, TARGETS, hits), expected, atol=5e-7)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_hits_against_one_pair_at_a_time(dtype):
    proba, targets, hits = problem(n=50, m=50, k=3, dtype=dtype)
    hits %= 49  # nobody finds the last row
    found: list[list[float]] = [[] for _ in proba]
    for target, near in zip(targets, hits, strict=True):
        for row in near:
            found[row].append(kl(target, proba[row]))
    result = hit_divergence(proba, targets, hits)
    assert result.dtype == np.dtype(dtype)
    expected = [np.mean(f) if f else 0 for f in found]
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    assert result[-1] == 0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    proba, targets, neighbors = problem(dtype=dtype)
    hits = neighbors[:40]
    given = [torch.as_tensor(a, device=device) for a in (proba, targets, neighbors)]
    for pooling in POOL:
        result = neighbor_divergence(*given, pooling=pooling)
        assert result.device.type == device
        expected = neighbor_divergence(proba, targets, neighbors, pooling=pooling)
        np.testing.assert_allclose(result.numpy(force=True), expected, 1e-5, 1e-6)
    result = hit_divergence(*given[:2], torch.as_tensor(hits, device=device))
    expected = hit_divergence(proba, targets, hits)
    np.testing.assert_allclose(result.numpy(force=True), expected, 1e-5, 1e-6)


def test_nothing_there():
    assert neighbor_divergence(P[:0], TARGETS, NEAR[:0]).shape == (0,)
    result = hit_divergence(P, TARGETS[:0], NEAR[:0])
    np.testing.assert_array_equal(result, np.zeros(3))


@pytest.mark.parametrize("kernel", [neighbor_divergence, hit_divergence])
def test_wrong_shapes_are_refused(kernel):
    with pytest.raises(ValueError, match="proba must have 2 dimensions"):
        kernel(P[0], TARGETS, NEAR)
    with pytest.raises(ValueError, match=r"targets must have shape \(m, 2\)"):
        kernel(P, np.ones((3, 3)), NEAR)
