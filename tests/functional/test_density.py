"""The density of Gaussians, against explicit covariances."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from skal.functional import class_gaussians, gaussian_log_density

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def slow(X, X_labeled, y_labeled, jitter=1e-6):
    """Form every covariance, add the jitter, and ask SciPy."""
    X, X_labeled = np.asarray(X, "f8"), np.asarray(X_labeled, "f8")
    d, codes = X.shape[1], np.unique(y_labeled)
    rows = [X_labeled[y_labeled == code] for code in codes]
    centered = np.concatenate([r - r.mean(axis=0) for r in rows])
    shared = centered.T @ centered / max(1, len(centered) - len(codes))
    if len(centered) == len(codes):
        shared = np.atleast_2d(np.cov(X_labeled.T)) if len(codes) > 1 else 0 * shared
    terms = []
    for members in rows:
        S = np.atleast_2d(np.cov(members.T)) if len(members) > 1 else shared
        scale = np.trace(S) or np.trace(shared) or d
        if np.linalg.eigvalsh(S)[0] < jitter * scale / d * (1 - 1e-6):
            S = S + jitter * scale / d * np.eye(d)
        normal = multivariate_normal(members.mean(axis=0), S)
        terms.append(np.log(len(members) / len(X_labeled)) + normal.logpdf(X))
    return logsumexp(terms, axis=0)


def problem(d=5, sizes=(60, 30, 40), seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    mix = rng.standard_normal((d, d)) + np.eye(d)
    X_labeled = rng.standard_normal((len(y), d)) @ mix + 3 * rng.random((9, d))[y]
    return 3 * rng.standard_normal((80, d)), X_labeled, y


def test_worked_example():
    X_labeled, y = [[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1]
    result = gaussian_log_density([[5.0], [1.0], [20.0]], X_labeled, y)
    expected = [-5.858453, -1.958659, -26.958659]
    np.testing.assert_allclose(result, expected, atol=5e-7)


@pytest.mark.parametrize(
    "sizes",
    [(60, 30, 40), (60, 1, 40), (3, 4, 2), (1, 1, 2), (1, 1, 1), (2,), (50, 50, 0, 3)],
)
@pytest.mark.parametrize("d", [1, 5])
def test_against_explicit_covariances(d, sizes):
    given = problem(d, sizes)
    result = gaussian_log_density(*given)
    np.testing.assert_allclose(result, slow(*given), rtol=1e-6)


def test_far_away_it_is_finite_and_ordered():
    X, X_labeled, y = problem(d=400, sizes=(500, 500))
    far = gaussian_log_density(X * 1e100, X_labeled, y)
    assert np.isfinite(far).all()
    line = np.zeros((20, 400))
    line[:, 0] = np.arange(20) * 1000
    assert (np.diff(gaussian_log_density(line, X_labeled, y)) < 0).all()


def test_frequent_classes_weigh_more():
    X_labeled = np.array(
        [[-1.0], [-2.0], [-3.0], [-1.0], [-2.0], [-3.0], [1], [2], [3]]
    )
    y = [0] * 6 + [1] * 3
    many, few = gaussian_log_density([[-2.0], [2.0]], X_labeled, y)
    assert many > few + 0.5


def test_jitter_is_told_and_added_only_where_it_is_needed():
    _, X_labeled, y = problem(sizes=(60, 3, 1))
    jitter = class_gaussians(X_labeled, y).jitter
    assert jitter[0] == jitter[2] == 0
    variance = np.trace(np.cov(X_labeled[y == 1].T)) / 5
    np.testing.assert_allclose(jitter[1], 1e-6 * variance)
    np.testing.assert_allclose(
        class_gaussians(X_labeled, y, jitter=0.1).jitter[1], 0.1 * variance
    )


@pytest.mark.parametrize(
    "y", [[0] * 6, [0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 1]]
)
def test_duplicates_are_finite(y):
    X_labeled = np.full((6, 3), 0.1)
    near, far = gaussian_log_density([[0.1, 0.1, 0.1], [0.2, 0.1, 0.1]], X_labeled, y)
    assert np.isfinite([near, far]).all()
    assert near > far
    one = gaussian_log_density([[0.1, 0.1, 0.1], [0.2, 0.1, 0.1]], X_labeled[:1], [0])
    assert one[0] > one[1]


def test_single_precision_is_computed_in_double():
    X, X_labeled, y = (np.asarray(a) for a in problem())
    X, X_labeled = X.astype("f4"), X_labeled.astype("f4")
    result = gaussian_log_density(X, X_labeled, y)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, slow(X, X_labeled, y), rtol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("sizes", [(60, 30, 40), (3, 1, 4)])
def test_tensors(device, sizes):
    given = problem(sizes=sizes)
    result = gaussian_log_density(*(torch.as_tensor(a, device=device) for a in given))
    assert result.device.type == device
    np.testing.assert_allclose(
        result.numpy(force=True), gaussian_log_density(*given), rtol=1e-7
    )


def test_nothing_there_and_wrong_values():
    X, X_labeled, y = problem()
    X.flags.writeable = X_labeled.flags.writeable = False
    assert gaussian_log_density(X[:0], X_labeled, y).shape == (0,)
    with pytest.raises(ValueError, match="jitter must be above 0, got 0"):
        class_gaussians(X_labeled, y, jitter=0)
    with pytest.raises(ValueError, match="X_labeled must have 2 dimensions, got 1"):
        class_gaussians(X_labeled[0], y)
    with pytest.raises(ValueError, match="X must have 2 dimensions, got 1"):
        gaussian_log_density(X[0], X_labeled, y)
