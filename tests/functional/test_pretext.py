"""The pretext score: a worked example, image by image, its direction, zeros."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.functional import pretext_score

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
TURNS = np.array([0.9, 0.8, 0.7, 0.6])


def slow(rotation_proba, proba, rotation_weight=1.0, class_weight=1.0):
    scores = []
    for right, p in zip(rotation_proba, proba, strict=True):
        uniform = 1 / len(p)
        divergence = sum(uniform * np.log2(uniform / max(q, 1e-12)) for q in p)
        scores.append(-rotation_weight * sum(right) - class_weight * divergence)
    return np.array(scores)


def problem(n=200, n_classes=4, dtype="f8", seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.5), n)
    proba[3] = np.eye(n_classes)[1]
    return rng.random((n, 4)).astype(dtype), proba.astype(dtype)


@pytest.mark.parametrize(
    ("proba", "expected"), [((0.5, 0.5), -3.0), ((0.9, 0.1), -3.736966)]
)
def test_worked_example(proba, expected):
    score = pretext_score([TURNS], [proba])
    np.testing.assert_allclose(score, expected, atol=5e-7)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("weights", [(1, 1), (0, 1), (2, 0), (0.5, 3)])
def test_against_one_image_at_a_time(weights, dtype):
    given_, names = problem(dtype=dtype), ("rotation_weight", "class_weight")
    copies = [a.copy() for a in given_]
    weights = dict(zip(names, weights, strict=True))
    result = pretext_score(*given_, **weights)
    assert result.dtype == np.dtype(dtype)
    np.testing.assert_allclose(result, slow(*given_, **weights), rtol=1e-5, atol=1e-5)
    for array, copy in zip(given_, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_doubt_of_either_kind_raises_the_score():
    unsure, sure = [0.25] * 4, [1.0] * 4
    spread, peaked = [0.4, 0.3, 0.3], [0.9, 0.05, 0.05]
    scores = pretext_score(
        [unsure, unsure, sure, sure], [spread, peaked, spread, peaked]
    )
    assert scores.argmax() == 0
    assert scores.argmin() == 3


def test_a_probability_of_zero_is_finite():
    score = pretext_score([TURNS], [[1.0, 0.0]])
    np.testing.assert_allclose(score, -3 - (np.log2(1e12) / 2 - 1))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_no_score_above_that_of_uniform_probabilities(seed, n_classes):
    turns, proba = problem(n=20, n_classes=max(2, n_classes), seed=seed)
    proba = proba[:, :n_classes]
    proba = proba / proba.sum(axis=1, keepdims=True) if n_classes > 1 else proba**0
    best = pretext_score(turns, np.full((20, n_classes), 1 / n_classes))
    np.testing.assert_allclose(best, -turns.sum(axis=1), atol=1e-12)
    assert (pretext_score(turns, proba) <= best + 1e-12).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    arrays = problem(dtype=dtype)
    result = pretext_score(*(torch.as_tensor(a, device=device) for a in arrays))
    assert result.device.type == device
    assert str(result.dtype) == f"torch.{dtype}"
    expected = pretext_score(*arrays)
    np.testing.assert_allclose(result.numpy(force=True), expected, rtol=1e-5)
    mixed = pretext_score(torch.as_tensor(arrays[0], device=device), arrays[1])
    np.testing.assert_allclose(mixed.numpy(force=True), expected, rtol=1e-5)


def test_wrong_shapes_are_refused():
    turns, proba = problem()
    with pytest.raises(ValueError, match="rotation_proba must have 2 dimensions"):
        pretext_score(turns[0], proba)
    with pytest.raises(ValueError, match="proba must have 2 dimensions, got 1"):
        pretext_score(turns, proba[0])
    with pytest.raises(ValueError, match="rotation_proba has 200 rows and proba 199"):
        pretext_score(turns, proba[1:])
