"""k-means against scikit-learn's."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from skal.functional import k_means, kmeans

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


def test_the_same_seed_gives_the_same():
    X = POOLS["isotropic"]()
    one, two, other = (k_means(X, 20, rng(seed))[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_it_stops_after_the_last_pass(monkeypatch):
    X = POOLS["isotropic"]()
    squares = []
    for limit in (0, 1, 100):
        monkeypatch.setattr(kmeans, "_MAX_PASSES", limit)
        squares.append(inertia(X, k_means(X, 20, rng())[0]))
    assert squares == sorted(squares, reverse=True)
    assert squares[0] > squares[2]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, torch.as_tensor])
@pytest.mark.parametrize("k", [5, 60])
def test_without_a_least_drop_it_goes_on_until_nothing_moves(kind, k):
    X = POOLS["isotropic"]()
    centers, labels = k_means(kind(X), k, rng(), least_drop=0)
    centers = centers.toarray() if sparse.issparse(centers) else np.asarray(centers)
    means = [X[np.asarray(labels) == number].mean(axis=0) for number in range(k)]
    np.testing.assert_allclose(centers, means, atol=1e-9)


@pytest.mark.parametrize(("k", "usual"), [(12, 1e-3), (50, 1e-3), (51, 5e-3)])
def test_the_least_drop_is_a_share_of_the_sum_of_squares(k, usual, monkeypatch):
    X, squares = POOLS["isotropic"](), []
    for limit in range(40):
        monkeypatch.setattr(kmeans, "_MAX_PASSES", limit)
        squares.append(inertia(X, k_means(X, k, rng(), least_drop=0)[0]))
    shares = np.diff(squares) / -np.array(squares[:-1])
    lasts = []
    for drop in (0.2, 0.02, 5e-3, 1e-3):
        lasts.append(1 + int((shares <= drop).argmax()))
        centers = k_means(X, k, rng(), least_drop=drop)[0]
        assert inertia(X, centers) == pytest.approx(squares[lasts[-1]], rel=1e-9)
        if drop == usual:
            np.testing.assert_array_equal(k_means(X, k, rng())[0], centers)
    assert lasts == sorted(set(lasts))


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


@pytest.mark.parametrize("dtype", ["f2", "i4"])
def test_other_dtypes(dtype):
    X = (10 * clustered(200)).astype(dtype)
    centers = k_means(X, 12, rng())[0]
    assert centers.dtype == (np.float32 if dtype == "f2" else np.float64)


def test_input_is_left_as_it_was():
    X = clustered(300)
    kept = X.copy()
    X.flags.writeable = False
    k_means(X, 9, rng())
    np.testing.assert_array_equal(X, kept)


def test_memory_stays_far_below_all_pairs():
    X = rng().standard_normal((20_000, 8))
    tracemalloc.start()
    k_means(X, 300, rng())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
