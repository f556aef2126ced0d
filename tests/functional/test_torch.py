"""The kernels of skal over torch tensors: the same picks and scores as over arrays."""

import numpy as np
import pytest
import torch

from skal.functional import (
    distance_to_nearest,
    entropy,
    k_center_greedy,
    least_confidence,
    margin,
    round_to_grid,
    top,
)

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
DTYPES = ["float16", "float32", "float64", "int64"]
on_devices = pytest.mark.parametrize("device", DEVICES)
in_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def clusters(n, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(6, 7))[rng.integers(0, 6, n)] * 5
    return (points + rng.normal(size=(n, 7))).astype(dtype)


def tensor(array, device):
    return torch.as_tensor(array, device=device)


def same(result, expected, device, exact=False):
    assert isinstance(result, torch.Tensor)
    assert result.device.type == device
    assert str(result.dtype) == f"torch.{expected.dtype}"
    if exact:  # in single precision, a pair of near-ties may change places
        wrong = (result.numpy(force=True) != expected).sum()
        assert wrong <= (0.01 * len(expected) if exact == "nearly" else 0)
    else:
        np.testing.assert_allclose(result.numpy(force=True), expected, rtol=1e-5)


@on_devices
@in_dtypes
@pytest.mark.parametrize("n", [1, 40, 1500])
def test_k_center(device, dtype, n):
    X, centers = clusters(2000, dtype), clusters(5, dtype, seed=1)
    picked = k_center_greedy(tensor(X, device), n, tensor(centers, device))
    exact = True if dtype in ("float64", "int64") else "nearly"
    same(picked, k_center_greedy(X, n, centers), device, exact)
    first = k_center_greedy(tensor(X, device), n, first=7)
    same(first, k_center_greedy(X, n, first=7), device, exact)
    assert len(k_center_greedy(tensor(X, device), 0)) == 0


@on_devices
def test_k_center_of_duplicates(device):
    X = np.repeat(clusters(30), 40, axis=0)
    picked = k_center_greedy(tensor(X, device), 100)
    same(picked, k_center_greedy(X, 100), device, exact=True)


@on_devices
@in_dtypes
def test_distances(device, dtype):
    X, centers = clusters(300, dtype), clusters(5, dtype, seed=1)
    result = distance_to_nearest(tensor(X, device), tensor(centers, device))
    same(result, distance_to_nearest(X, centers), device)
    none = distance_to_nearest(tensor(X, device), tensor(centers[:0], device))
    assert none.isinf().all()


@on_devices
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_grid(device, dtype):
    values = np.array([0, 1 / 3, -1e30, 1e-30, np.inf, -np.inf, 7], dtype)
    values = np.append(values, np.finfo(dtype).max * np.array([0.9, -0.7], dtype))
    same(round_to_grid(tensor(values, device)), round_to_grid(values), device, True)


@on_devices
@in_dtypes
@pytest.mark.parametrize("n", [0, 3, 50, 5000])
def test_top(device, dtype, n):
    scores = np.random.default_rng(0).integers(0, 200, 3000).astype(dtype)
    picked = top(tensor(scores, device), n, np.random.default_rng(1))
    same(picked, top(scores, n, np.random.default_rng(1)), device, exact=True)


def test_top_refuses_nan_by_row():
    with pytest.raises(ValueError, match="row 2"):
        top(torch.tensor([1.0, 2.0, float("nan")]), 1, np.random.default_rng(0))


@on_devices
@pytest.mark.parametrize("score", [entropy, least_confidence, margin])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uncertainty(device, score, n_classes, dtype):
    proba = np.random.default_rng(0).dirichlet(np.ones(n_classes), 20_000)
    proba = proba.astype(dtype)
    proba[5] = np.eye(n_classes)[0]
    result = score(tensor(proba, device))
    assert str(result.dtype) == f"torch.{dtype}"
    assert result.device.type == device
    np.testing.assert_allclose(result.numpy(force=True), score(proba), atol=2e-6)
