"""Typical rows against a plain reading of the algorithm."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skal.functional import _members, most_typical, round_to_grid, typicality

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def slow_typicality(X, k, squared=False):
    X = np.asarray(X, "f8")
    values = []
    for row in X:
        squares = np.sort(((X - row) ** 2).sum(axis=1))[1 : k + 1]
        far = squares if squared else np.sqrt(squares)
        values.append(1 / ((far.mean() if k else 0) + 1e-5))
    return np.array(values)


def slow_picks(X, clusters, n, labeled=(), squared=False):
    """The algorithm read line by line, with neighbors searched anew for each pick."""
    X, labeled = np.asarray(X, "f8"), list(labeled)
    left = {c: np.flatnonzero(clusters == c).tolist() for c in np.unique(clusters)}
    size = {c: len(rows) + labeled.count(c) for c, rows in left.items()}
    order = sorted(left, key=lambda c: (labeled.count(c), -size[c], left[c][0]))
    picks = []
    for together in (
        [c for c in order if size[c] > 5],
        [c for c in order if size[c] <= 5],
    ):
        while len(picks) < n and any(left[c] for c in together):
            for c in together:
                if left[c] and len(picks) < n:
                    k = min(20, len(left[c]) // 2)
                    values = slow_typicality(X[left[c]], k, squared)
                    picks.append(left[c].pop(int(round_to_grid(values).argmax())))
    return picks


def mixture(n=700, seed=0, k=9):
    rng = np.random.default_rng(seed)
    clusters = rng.choice(k, n, p=rng.dirichlet(np.ones(k)))
    centers = 8 * rng.standard_normal((k, 5))
    X = centers[clusters] + rng.standard_normal((n, 5))
    return X, clusters, rng.integers(0, k, 15)


POOLS = {
    "clustered": mixture,
    "isotropic": lambda: (
        np.random.default_rng(0).normal(size=(300, 5)),
        *mixture(300)[1:],
    ),
    "duplicates": lambda: (np.ones((200, 3)), *mixture(200)[1:]),
    "one cluster": lambda: (mixture(150)[0], np.zeros(150, int), []),
    "few distinct": lambda: (
        np.random.default_rng(0).normal(size=(7, 3))[np.arange(300) % 7],
        *mixture(300)[1:],
    ),
}


@pytest.fixture(params=POOLS)
def pool(request):
    return POOLS[request.param]()


def test_worked_example():
    X = [[0.0], [1.0], [2.0], [10.0]]
    expected = [0.666662, 0.99999, 0.666662, 0.117647]
    np.testing.assert_allclose(typicality(X, 2), expected, atol=1e-6)
    expected = [0.399998, 0.99999, 0.399998, 0.013793]
    np.testing.assert_allclose(typicality(X, 2, squared=True), expected, atol=1e-6)


def test_squares_turn_the_order():
    # The neighbors of one row at 1 and 5, of another at 3 and 3.5.
    X = [[0.0], [1.0], [-5.0], [100.0], [103.0], [96.5]]
    mean, square = typicality(X, 2), typicality(X, 2, squared=True)
    assert mean[0] > mean[3]
    assert square[0] < square[3]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_against_all_pairs(dtype, k):
    X = mixture(200)[0].astype(dtype)
    rtol = 1e-3 if dtype == "f4" else 1e-9
    for squared in (False, True):
        expected = slow_typicality(X, k, squared)
        np.testing.assert_allclose(
            typicality(X, k, squared=squared), expected, rtol=rtol
        )
        as_sparse = typicality(sparse.csr_array(X), k, squared=squared)
        np.testing.assert_allclose(as_sparse, expected, rtol=10 * rtol)
    np.testing.assert_allclose(typicality(X, 0), 1e5)


def test_chunks_change_nothing(monkeypatch):
    X = mixture(200)[0]
    expected = typicality(X, 7)
    monkeypatch.setattr(_members, "_CHUNK_CELLS", 1)
    np.testing.assert_allclose(typicality(X, 7), expected)


@pytest.mark.parametrize("n", [1, 8, 60])
@pytest.mark.parametrize("squared", [False, True])
def test_picks_are_those_of_the_plain_reading(pool, n, squared):
    X, clusters, labeled = pool
    picks = most_typical(X, clusters, n, labeled_clusters=labeled, squared=squared)
    assert picks.dtype == np.intp
    assert picks.tolist() == slow_picks(X, clusters, n, labeled, squared)


def test_float32_and_sparse_give_the_picks_of_float64():
    X, clusters, labeled = mixture()
    picks = most_typical(X, clusters, 80, labeled_clusters=labeled).tolist()
    for same in (X.astype("f4"), sparse.csr_array(X), sparse.csr_matrix(X)):
        result = most_typical(same, clusters, 80, labeled_clusters=labeled)
        assert result.tolist() == picks


def test_all_of_a_pool_and_none():
    X, clusters, labeled = mixture(120)
    picks = most_typical(X, clusters, 999, labeled_clusters=labeled)
    assert sorted(picks.tolist()) == list(range(120))
    assert most_typical(X, clusters, 0).shape == (0,)
    assert most_typical(X[:0], clusters[:0], 3).shape == (0,)


def test_order_of_clusters():
    sizes = {0: 9, 1: 6, 2: 7, 3: 7, 4: 3}
    clusters = np.repeat(list(sizes), list(sizes.values()))
    X = 100.0 * clusters[:, None] + np.arange(len(clusters))[:, None] ** 1.5
    labeled = [0, 0, 1, 0, 4, 4, 4]  # with its labels, cluster 4 is not small
    picks = most_typical(X, clusters, 6, labeled_clusters=labeled)
    assert clusters[picks].tolist() == [2, 3, 1, 0, 4, 2]
    picks = most_typical(X, clusters, 5)
    assert clusters[picks].tolist() == [0, 2, 3, 1, 0]
    picks = most_typical(X, clusters, 32)
    assert clusters[picks[-3:]].tolist() == [4, 4, 4]


def test_a_cluster_whose_members_are_all_labeled_is_passed_over():
    X = np.arange(8.0)[:, None]
    picks = most_typical(X, np.zeros(8, int), 2, labeled_clusters=[1] * 9)
    assert set(picks.tolist()) <= set(range(8))


def test_the_middle_comes_before_the_rim():
    X = np.random.default_rng(0).standard_normal((300, 4))
    X[7], X[11] = 0, 30
    picks = most_typical(X, np.zeros(300, int), 300).tolist()
    assert picks.index(7) < 5
    assert picks.index(11) > 150


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 45), st.integers(0, 99))
def test_picks_are_always_distinct(n_rows, k, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-3, 3, (n_rows, 2)).astype(float)
    clusters, labeled = rng.integers(0, k, n_rows), rng.integers(0, k, 4)
    picks = most_typical(X, clusters, n, labeled_clusters=labeled)
    assert len(set(picks.tolist())) == len(picks) == min(n, n_rows)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    X, clusters, labeled = mixture()
    X = X.astype(dtype)
    tensor = torch.as_tensor(X, device=device)
    rtol = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(
        typicality(tensor[:50], 5), typicality(X[:50], 5), rtol=rtol
    )
    given = torch.as_tensor(clusters, device=device)
    picks = most_typical(tensor, given, 60, labeled_clusters=labeled)
    assert picks.device.type == device
    assert picks.dtype == torch.int64
    expected = most_typical(X, clusters, 60, labeled_clusters=labeled)
    assert picks.tolist() == expected.tolist()


def test_memory_stays_far_below_all_pairs():
    X = np.random.default_rng(0).standard_normal((8000, 4))
    tracemalloc.start()
    most_typical(X, np.zeros(8000, int), 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6  # all pairs: 512e6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: typicality(np.ones((3, 1)), 3), "n_neighbors must be between 0"),
        (lambda: typicality(np.ones((3, 1)), -1), "other rows, 2, got -1"),
        (lambda: most_typical(np.ones((3, 1)), [0, 0], 1), "for each of 3 rows"),
        (lambda: most_typical(np.ones((3, 1)), [0] * 3, -1), "n must not be negative"),
    ],
)
def test_wrong_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
