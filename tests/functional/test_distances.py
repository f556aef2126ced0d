"""Distances to the nearest center against a direct computation."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from skal.functional import distance_to_nearest


def tables(dtype="f8", n=5000, m=1500, d=7):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d))


@pytest.mark.parametrize(
    ("dtype", "returned", "rtol"),
    [("f8", "f8", 1e-9), ("f4", "f4", 1e-4), ("f2", "f4", 1e-4), ("i8", "f8", 1e-9)],
)
def test_against_all_pairs(dtype, returned, rtol):
    X, centers = tables()
    X, centers = (10 * X).astype(dtype), (10 * centers).astype(dtype)
    distance = distance_to_nearest(X, centers)
    assert distance.dtype == np.dtype(returned)
    expected = cdist(X.astype("f8"), centers.astype("f8")).min(axis=1)
    np.testing.assert_allclose(distance, expected, rtol=rtol, atol=20 * rtol)


@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csr_matrix, sparse.coo_array]
)
def test_sparse_equals_dense(kind):
    X, centers = tables(n=3000, m=50)
    X[X < 0.5], centers[centers < 0.5] = 0, 0
    expected = distance_to_nearest(X, centers)
    for given in (kind(centers), centers):
        distance = distance_to_nearest(kind(X), given)
        np.testing.assert_allclose(distance, expected, rtol=1e-9, atol=1e-12)


def test_no_centers_are_infinitely_far():
    X, centers = tables(n=10)
    assert np.isposinf(distance_to_nearest(X, centers[:0])).all()
    assert distance_to_nearest(X[:0], centers).shape == (0,)


@pytest.mark.parametrize("offset", [0, 1e3])
@pytest.mark.parametrize("d", [3, 4096])
def test_copies_are_at_distance_zero(offset, d):
    X = np.random.default_rng(0).standard_normal((300, d)).astype("f4") + offset
    X = X.astype("f4")
    np.testing.assert_array_equal(distance_to_nearest(X, X[::-1]), 0)


def test_far_from_the_origin():
    X, centers = tables(n=100, m=10)
    expected = cdist(X, centers).min(axis=1)
    distance = distance_to_nearest(X + 1e6, centers + 1e6)
    np.testing.assert_allclose(distance, expected, rtol=1e-7)


def test_farther_rows_are_farther():
    near, far = distance_to_nearest([[1.0, 0.0], [9.0, 0.0]], [[0.0, 0.0]])
    assert far > near


@pytest.mark.parametrize(
    ("X", "centers", "message"),
    [
        (np.zeros(3), np.zeros((1, 3)), "X must have 2 dimensions, got 1"),
        (np.zeros((2, 3)), np.zeros((1, 2)), r"centers must have shape \(m, 3\)"),
        (np.zeros((2, 3)), np.zeros(3), r"as many columns as X, got \(3,\)"),
    ],
)
def test_wrong_shapes_are_refused(X, centers, message):
    with pytest.raises(ValueError, match=message):
        distance_to_nearest(X, centers)
