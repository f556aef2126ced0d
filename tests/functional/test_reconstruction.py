"""Distances from the subspace of a class, against an SVD."""

import numpy as np
import pytest
import torch

from skal.functional import class_subspaces, reconstruction_error

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def slow_subspace(rows, n_components):
    mean = rows.mean(axis=0)
    _, values, axes = np.linalg.svd(rows - mean, full_matrices=False)
    axes = axes[values > 1e-6 * values.max(initial=1e-300)]
    if isinstance(n_components, int):
        return mean, axes[:n_components]
    share = np.cumsum(values**2) / max((values**2).sum(), 1e-300)
    n_kept = int((share < n_components - 1e-12).sum()) + 1
    if n_components < 1:
        n_kept = min(n_kept, rows.shape[1] - 1)
    return mean, axes[:n_kept]


def slow(X, classes, X_labeled, y_labeled, n_components):
    X, X_labeled = np.asarray(X, "f8"), np.asarray(X_labeled, "f8")
    result = []
    for x, code in zip(X, classes, strict=True):
        rows = X_labeled[y_labeled == code] if code in y_labeled else X_labeled
        mean, axes = slow_subspace(rows, n_components)
        y = x - mean
        result.append(np.linalg.norm(y - axes.T @ (axes @ y)))
    return np.array(result)


def errors(X, classes, X_labeled, y_labeled, n_components=0.97, n_classes=5):
    spaces = class_subspaces(X_labeled, y_labeled, n_classes, n_components)
    return reconstruction_error(X, classes, spaces)


def clustered(rng, n, d):
    return 4 * rng.standard_normal((4, d))[rng.integers(0, 4, n)] + rng.random((n, d))


KINDS = {
    "clustered": clustered,
    "isotropic": lambda rng, n, d: rng.standard_normal((n, d)),
    "duplicates": lambda rng, n, d: np.full((n, d), 0.3),
    "low rank": lambda rng, n, d: rng.random((n, 2)) @ np.eye(d)[:2],
}


@pytest.fixture(params=[(kind, d) for kind in KINDS for d in (3, 40)])
def problem(request):
    kind, d = request.param
    rng = np.random.default_rng(0)
    X, X_labeled = (KINDS[kind](rng, n, d) for n in (250, 70))
    y_labeled = rng.integers(0, 3, 70)
    y_labeled[7] = 3  # one row; class 4 has none
    return X, rng.integers(0, 5, 250), X_labeled, y_labeled


def test_worked_example():
    X_labeled = [[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [5.0, 5.0]]
    X = [[3.0, 1.0], [10.0, 0.0], [5.0, 8.0]]
    result = errors(X, [0, 0, 1], X_labeled, [0, 0, 0, 1], n_classes=2)
    np.testing.assert_allclose(result, [1, 0, 3], atol=1e-12)


@pytest.mark.parametrize(
    ("n_components", "error"),
    [(0.9, 8**0.5), (0.97, 2), (1, 8**0.5), (2, 2), (9, 2), (0, 3), (1.0, 2)],
)
def test_share_or_number_of_components(n_components, error):
    X_labeled = [[3.0, 0, 0], [-3.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]]
    result = errors([[1.0, 2.0, 2.0]], [0], X_labeled, [0] * 4, n_components, 1)
    np.testing.assert_allclose(result, [error])


@pytest.mark.parametrize("n_components", [0.5, 0.97, 1.0, 1, 2, 100])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_against_an_svd(problem, n_components, dtype):
    X, classes, X_labeled, y_labeled = problem
    given = X.astype(dtype), classes, X_labeled.astype(dtype), y_labeled
    expected = slow(*given, n_components)
    result = errors(*given, n_components)
    assert result.dtype == np.dtype(dtype)
    tolerance = 1e-9 if dtype == "f8" else 3e-5
    np.testing.assert_allclose(result, expected, tolerance, tolerance)


def test_what_lies_in_the_subspace_is_at_zero():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((2, 30))
    for dtype in ("f4", "f8"):
        rows = (rng.standard_normal((50, 2)) @ base).astype(dtype)
        result = errors(1000 * rows, [0] * 50, rows, [0] * 50, 1.0, 1)
        np.testing.assert_allclose(result / np.linalg.norm(1000 * rows), 0, atol=1e-6)
    X_labeled = np.eye(3)[[0, 0, 1, 1]]
    np.testing.assert_array_equal(errors(X_labeled, [0] * 4, X_labeled, [0] * 4, 2), 0)


def test_small_residuals_keep_their_digits():
    line = np.zeros((20, 3))
    line[:, 0] = np.arange(20)
    for dtype, small in (("f8", 1e-9), ("f4", 1e-2)):
        X = np.array([[500.0, small, 0.0]], dtype)
        result = errors(X, [0], line.astype(dtype), [0] * 20, 1, 1)
        np.testing.assert_allclose(result, small, rtol=1e-4)


def test_a_share_leaves_a_direction_out():
    X_labeled = np.random.default_rng(0).standard_normal((100, 4))
    far = np.array([[50.0, 50.0, -50.0, 50.0]])
    assert errors(far, [0], X_labeled, [0] * 100, 0.97, 1)[0] > 1
    assert errors(far, [0], X_labeled, [0] * 100, 1.0, 1)[0] == 0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(problem, device, dtype):
    X, classes, X_labeled, y_labeled = problem
    given = X.astype(dtype), classes, X_labeled.astype(dtype), y_labeled
    result = errors(*(torch.as_tensor(values, device=device) for values in given))
    assert result.device.type == device
    np.testing.assert_allclose(result.numpy(force=True), errors(*given), 1e-4, 1e-5)


def test_nothing_there_and_other_dtypes():
    X = np.arange(8).reshape(4, 2)
    X.flags.writeable = False
    assert errors(X[:0], [], X, [0] * 4).shape == (0,)
    result = errors(X.astype("f2"), [0] * 4, X.astype("f2"), [0] * 4)
    assert result.dtype == np.float32
    assert errors(X, [0] * 4, X, [0] * 4).dtype == np.float64


@pytest.mark.parametrize("n_components", [0.0, 1.5, -1, True, "mle", None, np.nan])
def test_wrong_numbers_of_components_are_refused(n_components):
    with pytest.raises(ValueError, match=r"n_components is .*: give a share"):
        class_subspaces(np.ones((3, 2)), [0, 0, 0], 1, n_components)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="X_labeled must have 2 dimensions, got 1"):
        class_subspaces(np.ones(3), [0, 0, 0], 1)
    spaces = class_subspaces(np.ones((3, 2)), [0, 0, 0], 1)
    with pytest.raises(ValueError, match="X must have 2 dimensions, got 1"):
        reconstruction_error(np.ones(2), [0], spaces)
