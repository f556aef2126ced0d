"""The nearest rows, against all differences in float64."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse

from skal.functional import nearest, nearest_rows, round_to_grid

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def slow(X, reference, k, unit=False):
    X, reference = np.asarray(X, "f8"), np.asarray(reference, "f8")
    if unit:
        X, reference = (
            a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-300)
            for a in (X, reference)
        )
    squared = ((X[:, None] - reference) ** 2).sum(axis=2)
    squared[squared < 1e-13] = 0
    order = np.argsort(round_to_grid(squared), axis=1, kind="stable")
    return np.sort(order[:, :k], axis=1)


def clustered(rng, n):
    return 5 * rng.standard_normal((4, 6))[rng.integers(0, 4, n)] + rng.random((n, 6))


def few_distinct(rng, n):
    return np.random.default_rng(7).standard_normal((9, 6))[rng.integers(0, 9, n)]


KINDS = {
    "clustered": clustered,
    "isotropic": lambda rng, n: rng.standard_normal((n, 6)),
    "duplicates": lambda rng, n: np.full((n, 6), 0.3),
    "few distinct": few_distinct,
    "grid": lambda rng, n: rng.integers(0, 4, (n, 6)).astype(float),
    "zeros": lambda rng, n: rng.standard_normal((n, 6)) * (rng.random((n, 1)) < 0.7),
}


@pytest.fixture(params=KINDS)
def tables(request):
    rng = np.random.default_rng(0)
    return [KINDS[request.param](rng, n) for n in (700, 150)]


def test_worked_example():
    X, reference = [[0.4], [9.0], [0.5]], [[0.0], [1.0], [10.0]]
    found = nearest_rows(X, reference, 2)
    assert found.dtype == np.intp
    assert found.tolist() == [[0, 1], [1, 2], [0, 1]]
    assert nearest_rows(X, reference, 1).tolist() == [[0], [2], [0]]
    assert nearest_rows(X, reference, 5).tolist() == [[0, 1, 2]] * 3


def test_unit_length_changes_who_is_near():
    X, reference = [[2.0, 0.5]], [[1.0, 0.0], [3.0, 1.0], [0.0, 2.0]]
    assert nearest_rows(X, reference, 1).tolist() == [[0]]
    assert nearest_rows(X, reference, 1, unit=True).tolist() == [[1]]


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("k", [1, 7, 149])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_against_all_differences(tables, k, unit, dtype):
    X, reference = (table.astype(dtype) for table in tables)
    expected = slow(X, reference, k, unit)
    np.testing.assert_array_equal(nearest_rows(X, reference, k, unit=unit), expected)
    given = sparse.csr_array(X), sparse.csc_array(reference)
    np.testing.assert_array_equal(nearest_rows(*given, k, unit=unit), expected)


def test_small_chunks_find_the_same(tables, monkeypatch):
    expected = nearest_rows(*tables, 5)
    monkeypatch.setattr(nearest, "_CHUNK_ROWS", 17)
    np.testing.assert_array_equal(nearest_rows(*tables, 5), expected)


@pytest.mark.parametrize("unit", [False, True])
def test_single_precision_where_the_expansion_has_no_digits_left(unit):
    rng = np.random.default_rng(0)
    X, reference = (1 + 1e-3 * rng.standard_normal((n, 40)) for n in (300, 200))
    reference[0] = -1e4  # far away, so that the mean is no help
    X, reference = X.astype("f4"), reference.astype("f4")
    expected = slow(X, reference, 10, unit)
    np.testing.assert_array_equal(nearest_rows(X, reference, 10, unit=unit), expected)


@pytest.mark.parametrize("dtype", ["f2", "i4"])
def test_other_dtypes(dtype):
    rng = np.random.default_rng(0)
    X, reference = (rng.integers(0, 9, (n, 5)).astype(dtype) for n in (60, 30))
    np.testing.assert_array_equal(nearest_rows(X, reference, 4), slow(X, reference, 4))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(tables, device, dtype):
    X, reference = (table.astype(dtype) for table in tables)
    given = [torch.as_tensor(table, device=device) for table in (X, reference)]
    for k, unit in ((3, False), (10, True), (1000, False)):
        found = nearest_rows(*given, k, unit=unit)
        assert found.device.type == device
        assert found.dtype == torch.int64
        expected = nearest_rows(X, reference, k, unit=unit)
        np.testing.assert_array_equal(found.numpy(force=True), expected)


def test_memory_stays_far_below_all_pairs():
    X = np.random.default_rng(0).standard_normal((40_000, 16))
    tracemalloc.start()
    nearest_rows(X, X[:2000] + 0.1, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_nothing_there_and_input_left_alone():
    X = np.ones((3, 2))
    X.flags.writeable = False
    assert nearest_rows(X[:0], X, 2).shape == (0, 2)
    assert nearest_rows(X, X[:0], 2).shape == (3, 0)
    nearest_rows(X, X, 2, unit=True)


@pytest.mark.parametrize(
    ("X", "reference", "k", "message"),
    [
        (np.ones(3), np.ones((1, 3)), 1, "X must have 2 dimensions, got 1"),
        (np.ones((2, 3)), np.ones((1, 2)), 1, r"reference must have shape \(m, 3\)"),
        (np.ones((2, 3)), np.ones((1, 3)), 0, "k must be at least 1, got 0"),
    ],
)
def test_wrong_values_are_refused(X, reference, k, message):
    with pytest.raises(ValueError, match=message):
        nearest_rows(X, reference, k)
