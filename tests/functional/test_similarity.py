"""Similarity to the labeled rows of a class, against all pairs."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skal.functional import class_similarity, similarity

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def unit(*degrees):
    angle = np.deg2rad(np.array(degrees, float))
    return np.column_stack([np.cos(angle), np.sin(angle)])


def slow(X, classes, X_labeled, y_labeled, normalize="cosine"):
    X, X_labeled = np.asarray(X, "f8"), np.asarray(X_labeled, "f8")
    result = []
    for x, code in zip(X, classes, strict=True):
        found = []
        for z in X_labeled[y_labeled == code] if code in y_labeled else X_labeled:
            lengths = np.linalg.norm(z), np.linalg.norm(x)
            length = lengths[0] * (lengths[1] if normalize == "cosine" else 1)
            found.append(z @ x / length if length else 0)
        result.append(max(found) - (0 if code in y_labeled else 2))
    return np.array(result)


def clustered(rng, n):
    return 5 * rng.standard_normal((4, 6))[rng.integers(0, 4, n)] + rng.random((n, 6))


KINDS = {
    "clustered": clustered,
    "isotropic": lambda rng, n: rng.standard_normal((n, 6)),
    "duplicates": lambda rng, n: np.ones((n, 6)),
    "zeros": lambda rng, n: rng.standard_normal((n, 6)) * (rng.random((n, 1)) < 0.7),
}


@pytest.fixture(params=KINDS)
def problem(request):
    rng = np.random.default_rng(0)
    X, X_labeled = (KINDS[request.param](rng, n) for n in (1200, 60))
    return X, rng.integers(0, 5, 1200), X_labeled, rng.integers(0, 4, 60)


def test_worked_example():
    X, classes = unit(10, 50, -40, 100, 150, 70), [0, 0, 0, 1, 1, 1]
    labeled = unit(0, 20, 90), [0, 0, 1]
    expected = [0.984808, 0.866025, 0.766044, 0.984808, 0.5, 0.939693]
    np.testing.assert_allclose(class_similarity(X, classes, *labeled), expected, 1e-5)
    X[1] /= 2
    literal = class_similarity(X, classes, *labeled, normalize="literal")
    np.testing.assert_allclose(literal[:2], [0.984808, 0.433013], 1e-5)
    np.testing.assert_allclose(class_similarity(X, classes, *labeled), expected, 1e-5)


@pytest.mark.parametrize("normalize", ["cosine", "literal"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_against_all_pairs(problem, normalize, dtype, monkeypatch):
    X, classes, X_labeled, y_labeled = problem
    X, X_labeled = X.astype(dtype), X_labeled.astype(dtype)
    expected = slow(X, classes, X_labeled, y_labeled, normalize)
    tolerance = 1e-12 if dtype == "f8" else 2e-5
    for size in (similarity._CHUNK_LABELED, 7):
        monkeypatch.setattr(similarity, "_CHUNK_LABELED", size)
        result = class_similarity(X, classes, X_labeled, y_labeled, normalize=normalize)
        assert result.dtype == (np.float64 if dtype == "f8" else np.float32)
        np.testing.assert_allclose(result, expected, atol=tolerance)
    if dtype == "f8":
        given = sparse.csr_matrix(X), classes, sparse.coo_array(X_labeled), y_labeled
        result = class_similarity(*given, normalize=normalize)
        np.testing.assert_allclose(result, expected, atol=tolerance)


def test_a_class_without_labels_is_below_every_cosine():
    X, labeled = unit(0, 180, 90), unit(0)
    result = class_similarity(X, [0, 0, 1], labeled, [0])
    np.testing.assert_allclose(result, [1, -1, -2], atol=1e-12)
    new = class_similarity(X, [1, 1, 1], labeled, [0])
    assert np.argsort(-new).tolist() == [0, 2, 1]


def test_it_is_the_class_of_the_row_that_counts():
    X, labeled = unit(0, 0), unit(0, 90)
    result = class_similarity(X, [0, 1], labeled, [0, 1])
    np.testing.assert_allclose(result, [1, 0], atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(problem, device, dtype):
    X, classes, X_labeled, y_labeled = problem
    X, X_labeled = X.astype(dtype), X_labeled.astype(dtype)
    given = [torch.as_tensor(a, device=device) for a in (X, classes, X_labeled)]
    result = class_similarity(*given, torch.as_tensor(y_labeled, device=device))
    assert result.device.type == device
    expected = class_similarity(X, classes, X_labeled, y_labeled)
    np.testing.assert_allclose(result.numpy(force=True), expected, atol=1e-5)


def test_nothing_there_and_input_left_alone():
    X = unit(10, 20)
    X.flags.writeable = False
    assert class_similarity(X[:0], [], X, [0, 0]).shape == (0,)
    class_similarity(X, [0, 0], X, [0, 0])


@pytest.mark.parametrize(
    ("X", "X_labeled", "message"),
    [
        (np.ones(3), np.ones((1, 3)), "X must have 2 dimensions, got 1"),
        (np.ones((2, 3)), np.ones(3), "X_labeled must have 2 dimensions"),
        (np.ones((2, 3)), np.ones((1, 2)), r"X_labeled must have shape \(m, 3\)"),
    ],
)
def test_wrong_shapes_are_refused(X, X_labeled, message):
    with pytest.raises(ValueError, match=message):
        class_similarity(X, [0, 0], X_labeled, [0])
