"""k-means, and the rows that stand for its clusters."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from skal.functional import k_means, nearest_to_centers

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
LINE = np.array([[0.0], [1.0], [4.0], [5.0], [9.0]])


def rng(seed=0):
    return np.random.default_rng(seed)


def clustered(n=1500, k=12, spread=10.0):
    draw = rng()
    centers = spread * draw.standard_normal((k, 6))
    return centers[draw.integers(0, k, n)] + draw.standard_normal((n, 6))


POOLS = {
    "clustered": clustered,
    "isotropic": lambda: rng().standard_normal((1500, 6)),
    "few distinct": lambda: rng().standard_normal((9, 6))[rng().integers(0, 9, 800)],
    "far away": lambda: clustered() + 1e4,
}


@pytest.fixture(params=POOLS)
def pool(request):
    return POOLS[request.param]()


def inertia(X, centers):
    return (cdist(X, centers).min(axis=1) ** 2).sum()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("k", [1, 12, 70])
def test_labels_are_those_of_the_nearest_center(pool, dtype, k):
    X = pool.astype(dtype)
    centers, labels = k_means(X, k, rng())
    assert centers.shape == (k, 6)
    assert centers.dtype == X.dtype
    assert labels.dtype == np.intp
    distances = cdist(X.astype("f8"), centers.astype("f8"))
    chosen = distances[np.arange(len(X)), labels]
    scale = np.abs(X - X.mean(axis=0)).max()
    atol = (2e-2 if dtype == "f4" else 1e-7) * scale
    np.testing.assert_allclose(chosen, distances.min(axis=1), atol=atol)


@pytest.mark.parametrize("k", [5, 12, 70])
def test_sum_of_squares_is_near_that_of_scikit_learn(pool, k):
    ours = inertia(pool, k_means(pool, k, rng())[0])
    distinct = len(np.unique(pool, axis=0))
    if distinct <= k:
        assert ours < 1e-9 * (pool**2).sum()
        return
    theirs = min(
        KMeans(k, n_init=1, random_state=seed).fit(pool).inertia_ for seed in range(5)
    )
    assert ours < 1.15 * theirs


def test_separate_clusters_are_found_whatever_the_seed():
    means = np.repeat(10 * np.eye(8), 60, axis=0)
    X = means + 0.2 * rng().standard_normal((480, 8))
    for seed in range(50):
        labels = k_means(X, 8, rng(seed))[1].reshape(8, 60)
        assert (labels == labels[:, :1]).all()
        assert len(set(labels[:, 0].tolist())) == 8


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("k", [4, 60])
def test_sparse_equals_dense(kind, k):
    X = rng().random((500, 40)) * (rng(1).random((500, 40)) < 0.1)
    centers, labels = k_means(X, k, rng())
    result, same = k_means(kind(X), k, rng())
    assert sparse.issparse(result)
    np.testing.assert_allclose(result.toarray(), centers, atol=1e-12)
    np.testing.assert_array_equal(same, labels)
    picks = nearest_to_centers(kind(X), result, rng(2))
    np.testing.assert_array_equal(picks, nearest_to_centers(X, centers, rng(2)))


def test_the_same_seed_gives_the_same():
    X = POOLS["isotropic"]()
    one, two, other = (k_means(X, 20, rng(seed))[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_equal_rows_and_more_clusters_than_rows():
    centers, labels = k_means(np.ones((30, 3)), 7, rng())
    np.testing.assert_array_equal(centers, np.ones((7, 3)))
    assert set(labels.tolist()) <= set(range(7))
    centers, labels = k_means(LINE, 99, rng())
    assert sorted(centers[:, 0].tolist()) == [0, 1, 4, 5, 9]
    np.testing.assert_array_equal(centers[labels], LINE)


@pytest.mark.parametrize(("X", "k"), [(LINE, 0), (LINE[:0], 1)])
def test_nothing_to_divide_is_refused(X, k):
    with pytest.raises(ValueError, match="n_clusters and the rows"):
        k_means(X, k, rng())


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


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    X = clustered().astype(dtype)
    tensor = torch.as_tensor(X, device=device)
    for k in (12, 60):
        centers, labels = k_means(X, k, rng())
        result, same = k_means(tensor, k, rng())
        assert result.device.type == same.device.type == device
        np.testing.assert_allclose(result.numpy(force=True), centers, atol=1e-4)
        assert (same.numpy(force=True) == labels).mean() > 0.999
        for members in (None, labels):
            picks = nearest_to_centers(tensor, result, rng(), labels=members)
            assert picks.dtype == torch.int64
            expected = nearest_to_centers(X, centers, rng(), labels=members)
            assert picks.tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", ["f2", "i4"])
def test_other_dtypes(dtype):
    X = (10 * clustered(200)).astype(dtype)
    centers, labels = k_means(X, 12, rng())
    assert centers.dtype == (np.float32 if dtype == "f2" else np.float64)
    assert len(nearest_to_centers(X, centers, rng(), labels=labels)) == 12


def test_input_is_left_as_it_was():
    X = clustered(300)
    kept = X.copy()
    X.flags.writeable = False
    centers, labels = k_means(X, 9, rng())
    nearest_to_centers(X, centers, rng(), labels=labels)
    np.testing.assert_array_equal(X, kept)


def test_memory_stays_far_below_all_pairs():
    X = rng().standard_normal((20_000, 8))
    tracemalloc.start()
    centers, _ = k_means(X, 300, rng())
    nearest_to_centers(X, centers, rng())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


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
