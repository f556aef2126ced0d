"""Cluster distance difference against all distances, and sub-pools by their rules."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.spatial.distance import cdist

from skal.functional import cluster_distance_difference, sub_pool, sub_pools

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
LINE = np.array([[1.0], [4.0], [5.0], [9.0], [20.0]])


def tables(n=5000, m=12, d=7, dtype="f8"):
    rng = np.random.default_rng(0)
    X, centers = 10 * rng.standard_normal((n, d)), 10 * rng.standard_normal((m, d))
    return X.astype(dtype), centers.astype(dtype)


def slow(X, centers):
    distances = np.sort(cdist(X.astype("f8"), centers.astype("f8")), axis=1)
    return distances[:, 1] - distances[:, 0]


def test_worked_example():
    differences = cluster_distance_difference(LINE, [[0.0], [10.0]])
    np.testing.assert_allclose(differences, [8, 2, 0, 8, 10], atol=1e-9)
    order = np.argsort(differences.round(9), kind="stable")
    np.testing.assert_array_equal(order, [2, 1, 0, 3, 4])


def test_a_third_center_counts_only_where_it_is_near():
    differences = cluster_distance_difference(LINE, [[0.0], [10.0], [6.0]])
    np.testing.assert_allclose(differences, [4, 2, 4, 2, 4], atol=1e-9)


@pytest.mark.parametrize("m", [2, 3, 12, 300])
@pytest.mark.parametrize(
    ("dtype", "returned", "atol"),
    [("f8", "f8", 1e-9), ("f4", "f4", 1e-3), ("f2", "f4", 1e-3), ("i8", "f8", 1e-9)],
)
def test_against_all_distances(m, dtype, returned, atol):
    X, centers = tables(m=m, dtype=dtype)
    differences = cluster_distance_difference(X, centers)
    assert differences.dtype == np.dtype(returned)
    np.testing.assert_allclose(differences, slow(X, centers), atol=atol)
    assert (differences >= 0).all()


def test_precision_is_that_of_the_rows():
    X, centers = tables()
    differences = cluster_distance_difference(X.astype("f4"), centers)
    assert differences.dtype == np.float32
    np.testing.assert_allclose(differences, slow(X, centers), atol=1e-3)


@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csr_matrix, sparse.csc_array]
)
def test_sparse_equals_dense(kind):
    X, centers = tables(3000)
    X[X < 5], centers[centers < 5] = 0, 0
    expected = cluster_distance_difference(X, centers)
    for given_ in (kind(centers), centers):
        result = cluster_distance_difference(kind(X), given_)
        assert isinstance(result, np.ndarray)
        np.testing.assert_allclose(result, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("dtype", "offset", "atol"), [("f8", 1e6, 1e-6), ("f4", 1e3, 2e-2)]
)
def test_far_from_the_origin(dtype, offset, atol):
    X, centers = tables()
    result = cluster_distance_difference(
        (X + offset).astype(dtype), (centers + offset).astype(dtype)
    )
    np.testing.assert_allclose(result, slow(X, centers), atol=atol)


@pytest.mark.parametrize("m", [2, 5])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_between_equal_centers_there_is_no_difference(m, dtype):
    X, centers = tables(m=1, dtype=dtype)
    result = cluster_distance_difference(X, np.repeat(centers, m, axis=0))
    np.testing.assert_allclose(result, 0, atol=1e-4 if dtype == "f4" else 1e-12)


def test_copies_of_rows_get_the_same():
    X, centers = tables(300)
    result = cluster_distance_difference(np.tile(X, (9, 1)), centers).reshape(9, 300)
    np.testing.assert_allclose(result, np.tile(result[0], (9, 1)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_chunks_change_nothing(rows, monkeypatch):
    X, centers = tables(500)
    expected = cluster_distance_difference(X, centers)
    monkeypatch.setattr(sub_pools, "_CHUNK_ROWS", rows)
    result = cluster_distance_difference(X, centers)
    np.testing.assert_allclose(result, expected, atol=1e-9)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_tensors(device, dtype):
    X, centers = tables(dtype=dtype)
    given_ = [torch.as_tensor(table, device=device) for table in (X, centers)]
    expected = cluster_distance_difference(X, centers)
    result = cluster_distance_difference(*given_)
    assert result.device.type == device
    assert str(result.dtype) == f"torch.{expected.dtype}"
    atol = 1e-9 if expected.dtype == np.float64 else 1e-3
    np.testing.assert_allclose(result.numpy(force=True), expected, atol=atol)


def test_no_rows_and_input_left_alone():
    X, centers = tables(50)
    kept = X.copy(), centers.copy()
    X.flags.writeable = centers.flags.writeable = False
    assert cluster_distance_difference(X[:0], centers).shape == (0,)
    cluster_distance_difference(X, centers)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(centers, kept[1])


def test_memory_stays_far_below_all_distances():
    X, centers = tables(40_000, 100)
    tracemalloc.start()
    cluster_distance_difference(X, centers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6  # the distances: 32e6


@pytest.mark.parametrize(
    ("X", "centers", "message"),
    [
        (np.ones(3), np.ones((2, 3)), "X must have 2 dimensions, got 1"),
        (np.ones((2, 3)), np.ones((2, 2)), r"centers must have shape \(m, 3\)"),
        (np.ones((2, 3)), np.ones(3), "centers must have 2 dimensions"),
        (np.ones((2, 3)), np.ones((1, 3)), "centers must be at least 2 .* got 1"),
        (np.ones((2, 3)), np.ones((0, 3)), "centers must be at least 2 .* got 0"),
        (sparse.eye_array(3), np.ones((1, 3)), "centers must be at least 2"),
    ],
)
def test_wrong_tables_are_refused(X, centers, message):
    with pytest.raises(ValueError, match=message):
        cluster_distance_difference(X, centers)


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (1, [(0, 3), (3, 6), (6, 9), (9, 12)]),
        (2, [(0, 6), (1, 7), (4, 10), (6, 12)]),
        (0.5, [(0, 1), (3, 5), (6, 8), (10, 12)]),
        (4, [(0, 12)] * 4),
        (float("inf"), [(0, 12)] * 4),
    ],
)
def test_worked_sub_pools(balance, expected):
    assert [sub_pool(slot, 4, 12, balance) for slot in range(4)] == expected


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (1, [(0, 3), (3, 6), (6, 9), (9, 12)]),
        (2, [(0, 4), (1, 7), (4, 10), (7, 12)]),
        (0.5, [(0, 2), (3, 5), (6, 8), (9, 11)]),
        (6, [(0, 7), (0, 10), (1, 12), (4, 12)]),  # as long as the pool, 4 slots
    ],
)
def test_worked_sub_pools_that_are_cut_off(balance, expected):
    parts = [sub_pool(slot, 4, 12, balance, shift=False) for slot in range(4)]
    assert parts == expected


def released(slot_after_first, n_slots, n, balance):
    """The authors' windows: whole at both ends, cut off in between."""
    first, last = (sub_pool(s, n_slots, n, balance) for s in (0, n_slots - 1))
    between = [
        sub_pool(slot, n_slots, n, balance, shift=False)
        for slot in range(slot_after_first, n_slots)
    ]
    return first, between, last


def test_windows_of_the_authors_medium_setting():
    first, between, last = released(2, 8, 50_000, 1.2)
    assert [first, *between[:-1], last] == [
        (0, 7500),
        (11875, 19375),
        (18125, 25625),
        (24375, 31875),
        (30625, 38125),
        (36875, 44375),
        (42500, 50000),
    ]


def test_windows_of_the_authors_large_setting():
    first, between, last = released(2, 10, 50_000, 2.0)
    middle = [(7500 + 5000 * c, 17500 + 5000 * c) for c in range(7)]
    expected = [(0, 10000), *middle, (42500, 50000), (40000, 50000)]
    assert [first, *between, last] == expected


SIZES = st.integers(0, 200) | st.integers(0, 10**12)
SLOTS = st.integers(1, 30) | st.integers(1, 10**6)
BALANCES = st.floats(1e-6, 10) | st.sampled_from([0.5, 1.2, 1.4, 2.0, 1e300])


@settings(max_examples=200, deadline=None)
@given(SIZES, st.integers(1, 300))
def test_at_one_the_parts_tile_the_pool(n, n_slots):
    parts = [sub_pool(slot, n_slots, n, 1.0) for slot in range(n_slots)]
    starts, stops = zip(*parts, strict=True)
    assert (0, *stops) == (*starts, n)
    lengths = {stop - start for start, stop in parts}
    assert lengths <= {n // n_slots, -(-n // n_slots)}
    assert parts == [sub_pool(s, n_slots, n, 1, shift=False) for s in range(n_slots)]


@settings(max_examples=100, deadline=None)
@given(SIZES, st.integers(1, 10**12), st.data())
def test_neighbors_of_very_many_slots_tile_too(n, n_slots, data):
    slot = data.draw(st.integers(0, n_slots - 1))
    start, stop = sub_pool(slot, n_slots, n, 1.0)
    assert (start, stop) == (slot * n // n_slots, (slot + 1) * n // n_slots)


@settings(max_examples=300, deadline=None)
@given(SIZES, SLOTS, BALANCES, st.data())
def test_any_part(n, n_slots, balance, data):
    slot = data.draw(st.integers(0, n_slots - 1) | st.just(n_slots - 1))
    start, stop = sub_pool(slot, n_slots, n, balance)
    assert type(start) is type(stop) is int
    assert 0 <= start <= stop <= n
    length = min(Fraction(balance) * n / n_slots, n)
    assert abs(stop - start - length) < 1 + 1e-6
    assert start == 0 or slot > 0
    assert stop == n or slot < n_slots - 1 or slot == 0
    cut = sub_pool(slot, n_slots, n, balance, shift=False)
    assert 0 <= cut[0] <= cut[1] <= n
    inside = cut[0] > 0 and cut[1] < n
    if inside and 0 < slot < n_slots - 1:
        assert cut == (start, stop)
        center = Fraction(n * (2 * slot + 1), n_slots)
        assert abs(start + stop - center) < 2 + 1e-6
    elif balance >= 1:  # what sticks out is cut off, or moved and whole
        assert start <= cut[0] <= cut[1] <= stop


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(2, 30), st.floats(0.1, 8))
def test_later_slots_lie_further_back(n, n_slots, balance):
    parts = np.array([sub_pool(slot, n_slots, n, balance) for slot in range(n_slots)])
    assert (np.diff(parts, axis=0) >= 0).all()
    if balance >= 1:
        assert (parts[1:, 0] <= parts[:-1, 1]).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(1, 30), st.floats(0.1, 8), st.data())
def test_the_far_end_is_the_mirror_of_the_near_one(n, n_slots, balance, data):
    slot = data.draw(st.integers(0, n_slots - 1))
    if n_slots > 1:
        start, stop = sub_pool(slot, n_slots, n, balance)
        mirrored = sub_pool(n_slots - 1 - slot, n_slots, n, balance)
        assert abs(start + mirrored[1] - n) <= 1
        assert abs(stop + mirrored[0] - n) <= 1


@pytest.mark.parametrize("kind", [np.int64, np.int32])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_numbers_of_numpy_do_not_overflow(kind, number):
    given_ = [3, 7, 50_000]
    expected = sub_pool(*given_, 1.2)
    given_[number] = kind(given_[number])
    assert sub_pool(*given_, np.float64(1.2)) == expected == (20714, 29285)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 4, 12, 1.0), "slot must be 0 to 3, got -1"),
        ((4, 4, 12, 1.0), "slot must be 0 to 3, got 4"),
        ((0, 4, 12, 0.0), "balance must be above 0, got 0"),
        ((0, 4, 12, -0.5), "balance must be above 0, got -0.5"),
        ((0, 4, 12, float("nan")), "balance must be above 0, got nan"),
    ],
)
@pytest.mark.parametrize("shift", [True, False])
def test_wrong_numbers_are_refused(arguments, message, shift):
    with pytest.raises(ValueError, match=message):
        sub_pool(*arguments, shift=shift)
