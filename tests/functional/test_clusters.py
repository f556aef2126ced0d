"""The rows that stand for clusters, against all distances."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from skal.functional import k_means, nearest_to_centers

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
LINE = np.array([[0.0], [1.0], [4.0], [5.0], [9.0]])


def rng(seed=0):
    return np.random.default_rng(seed)


def clustered(n=1500):
    centers = 10 * rng().standard_normal((12, 6))
    return centers[rng().integers(0, 12, n)] + rng(1).standard_normal((n, 6))


POOLS = {
    "clustered": clustered,
    "isotropic": lambda: rng().standard_normal((1500, 6)),
    "far away": lambda: clustered() + 1e4,
}


@pytest.fixture(params=POOLS)
def pool(request):
    return POOLS[request.param]()


def slow_nearest(X, centers, labels=None):
    squared = ((X[:, None] - centers) ** 2).sum(axis=2)
    if labels is not None:
        squared[labels[:, None] != np.arange(len(centers))] = np.inf
    return [int(c.argmin()) for c in squared.T if np.isfinite(c).any()]


def test_worked_example_of_medoids():
    picks = nearest_to_centers(LINE, [[0.5], [0.6], [9.0]], rng())
    assert picks.tolist() == [0, 1, 4]  # halfway between 0 and 1: the lower
    fills = set()
    for seed in range(40):
        picks = nearest_to_centers(LINE, [[0.4], [0.3], [9.0]], rng(seed)).tolist()
        assert picks[:2] == [0, 4]
        fills.add(picks[2])
    assert fills == {1, 2, 3}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("members", [False, True])
def test_medoids_against_all_distances(pool, dtype, members):
    X = pool.astype(dtype)
    centers, labels = k_means(X, 20, rng())
    labels = labels if members else None
    picks = nearest_to_centers(X, centers, rng(), labels=labels)
    assert picks.dtype == np.intp
    assert len(set(picks.tolist())) == 20
    expected = slow_nearest(X.astype("f8"), centers.astype("f8"), labels)
    kept = list(dict.fromkeys(expected))
    distance = [np.linalg.norm(X - X[pick], axis=1) for pick in picks[: len(kept)]]
    near = [d[pick] for d, pick in zip(distance, kept, strict=False)]
    np.testing.assert_allclose(near, 0, atol=1e-2 if dtype == "f4" else 0)


def test_a_member_stands_for_its_own_cluster_only():
    X, labels = np.array([[0.0], [1.0], [2.1]]), [0, 0, 1]
    centers = [[0.0], [1.4]]
    assert nearest_to_centers(X, centers, rng()).tolist() == [0, 1]
    assert nearest_to_centers(X, centers, rng(), labels=labels).tolist() == [0, 2]
    empty = nearest_to_centers(X, centers, rng(), labels=[0, 0, 0]).tolist()
    assert empty[0] == 0
    assert empty[1] in (1, 2)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(1, 25), st.just(2)),
        elements=st.integers(-3, 3).map(float),
    ),
    st.integers(0, 25),
)
def test_medoids_are_always_distinct(X, m):
    m = min(m, len(X))
    centers = k_means(X, max(m, 1), rng())[0][:m]
    picks = nearest_to_centers(X, centers, rng())
    assert len(set(picks.tolist())) == len(picks) == m


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("members", [False, True])
def test_sparse_equals_dense(kind, members):
    X = rng().random((500, 40)) * (rng(1).random((500, 40)) < 0.1)
    centers, labels = k_means(X, 30, rng())
    labels = labels if members else None
    picks = nearest_to_centers(kind(X), kind(centers), rng(2), labels=labels)
    expected = nearest_to_centers(X, centers, rng(2), labels=labels)
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    X = clustered().astype(dtype)
    centers, labels = k_means(X, 30, rng())
    for members in (None, labels):
        tensors = (torch.as_tensor(each, device=device) for each in (X, centers))
        picks = nearest_to_centers(*tensors, rng(), labels=members)
        assert picks.device.type == device
        assert picks.dtype == torch.int64
        expected = nearest_to_centers(X, centers, rng(), labels=members)
        assert picks.tolist() == expected.tolist()


def test_input_is_left_as_it_was_and_memory_is_that_of_chunks():
    X = rng().standard_normal((20_000, 8))
    centers = X[:300] + 0.1
    kept = X.copy(), centers.copy()
    X.flags.writeable = centers.flags.writeable = False
    tracemalloc.start()
    nearest_to_centers(X, centers, rng())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(centers, kept[1])


def test_no_centers():
    assert nearest_to_centers(LINE, LINE[:0], rng()).shape == (0,)


@pytest.mark.parametrize(
    ("X", "centers", "message"),
    [
        (np.zeros(3), np.zeros((1, 3)), "X must have 2 dimensions, got 1"),
        (np.zeros((2, 3)), np.zeros((1, 2)), r"centers must have shape \(m, 3\)"),
        (np.zeros((2, 3)), np.zeros((3, 3)), "at most as many as rows, 2, got 3"),
    ],
)
def test_wrong_shapes_are_refused(X, centers, message):
    with pytest.raises(ValueError, match=message):
        nearest_to_centers(X, centers, rng())
