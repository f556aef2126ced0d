"""Greedy k-center in blocks against one pick at a time."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from skal.functional import k_center, k_center_greedy, round_to_grid


def slow_greedy(X, n, initial=None, first=0):
    """One pick at a time from exact differences, in float64."""
    X = np.asarray(X, "f8")
    nearest, picks = np.full(len(X), np.inf), []
    for center in [] if initial is None else np.asarray(initial, "f8"):
        nearest = np.minimum(nearest, ((X - center) ** 2).sum(axis=1))
    while len(picks) < min(n, len(X)):
        empty = np.isinf(nearest).all()
        pick = first if empty else int(round_to_grid(nearest).argmax())
        nearest = np.minimum(nearest, ((X - X[pick]) ** 2).sum(axis=1))
        picks.append(pick)
        nearest[picks] = -1
    return np.array(picks, dtype=np.intp)


def radii(X, picks, initial=None):
    """Distance of each pick to the centers before it, in float64."""
    X = np.asarray(X, "f8")
    centers = [] if initial is None else list(np.asarray(initial, "f8"))
    distances = []
    for pick in picks:
        gaps = np.linalg.norm(np.array(centers or [X[pick] + np.inf]) - X[pick], axis=1)
        distances.append(gaps.min())
        centers.append(X[pick])
    return np.array(distances)


def clustered(rng):
    centers = 10 * rng.standard_normal((12, 6))
    return centers[rng.integers(0, 12, 1500)] + rng.standard_normal((1500, 6))


POOLS = {
    "clustered": clustered,
    "isotropic": lambda rng: rng.standard_normal((1500, 6)),
    "duplicates": lambda rng: np.ones((400, 6)) * rng.standard_normal(6),
    "few distinct": lambda rng: rng.standard_normal((9, 6))[rng.integers(0, 9, 800)],
    "grid": lambda rng: rng.integers(0, 5, (1500, 6)).astype(float),
    "line": lambda rng: np.arange(900.0)[:, None],
}


@pytest.fixture(params=POOLS)
def pool(request):
    return POOLS[request.param](np.random.default_rng(0))


def test_worked_example():
    pool = [[1.0], [2.0], [6.0], [10.0]]
    np.testing.assert_array_equal(k_center_greedy(pool, 4, [[0.0]]), [3, 2, 1, 0])


@pytest.mark.parametrize("n", [1, 40, 350])
def test_picks_are_those_of_one_at_a_time(pool, n):
    initial = pool[::100] + 1
    picks = k_center_greedy(pool, n, initial)
    np.testing.assert_array_equal(picks, slow_greedy(pool, n, initial))


@pytest.mark.parametrize("first", [0, 7])
def test_without_initial_centers(pool, first):
    picks = k_center_greedy(pool, 100, first=first)
    assert picks.dtype == np.intp
    np.testing.assert_array_equal(picks, slow_greedy(pool, 100, first=first))
    empty = pool[:0]
    np.testing.assert_array_equal(k_center_greedy(pool, 100, empty, first=first), picks)


def test_small_blocks_give_the_same_picks(pool, monkeypatch):
    picks = k_center_greedy(pool, 300)
    monkeypatch.setattr(k_center, "_MIN_BLOCK", 2)
    monkeypatch.setattr(k_center, "_MAX_BLOCK", 16)
    np.testing.assert_array_equal(k_center_greedy(pool, 300), picks)


def test_float32_has_the_radii_of_float64(pool):
    initial = pool[::100] + 1
    picks = k_center_greedy(pool.astype("f4"), 300, initial.astype("f4"))
    assert len(set(picks.tolist())) == 300
    expected = radii(pool, slow_greedy(pool, 300, initial), initial)
    np.testing.assert_allclose(
        radii(pool, picks, initial), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csr_matrix, sparse.csc_array]
)
def test_sparse_equals_dense(kind):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((900, 30)) * (rng.random((900, 30)) < 0.2)
    expected = k_center_greedy(X, 200, X[:5] + 1)
    picks = k_center_greedy(kind(X), 200, kind(X[:5] + 1))
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("d", [2, 2048])
def test_duplicates_come_last_in_order_of_position(dtype, d):
    rng = np.random.default_rng(0)
    distinct = rng.standard_normal((5, d)).astype(dtype)
    X = distinct[np.arange(200) % 5]
    picks = k_center_greedy(X, 200)
    assert set(picks[:5].tolist()) == set(range(5))
    np.testing.assert_array_equal(picks[5:], np.arange(5, 200))


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(float, (8, 2), elements=st.integers(0, 20).map(float)),
    st.integers(1, 4),
)
def test_radius_within_twice_the_optimum(X, n):
    gaps = np.linalg.norm(X[:, None] - X, axis=2)
    best = min(gaps[list(s)].min(0).max() for s in combinations(range(8), n))
    radius = gaps[k_center_greedy(X, n)].min(axis=0).max()
    assert radius <= 2 * best + 1e-9


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(1, 40), st.just(2)),
        elements=st.integers(-3, 3).map(float),
    ),
    st.integers(0, 50),
)
def test_radii_never_grow(X, n):
    picks = k_center_greedy(X, n)
    assert len(set(picks.tolist())) == len(picks) == min(n, len(X))
    distances = radii(X, picks)[1:]
    assert (distances[1:] <= distances[:-1] + 1e-9).all()


def test_the_first_pick_is_the_farthest():
    X = np.random.default_rng(0).standard_normal((500, 4))
    X[123] = 50
    assert k_center_greedy(X, 3, X[:10])[0] == 123


def test_shifting_the_pool_changes_nothing():
    X = np.random.default_rng(0).standard_normal((2000, 4))
    picks = k_center_greedy(X, 100)
    np.testing.assert_array_equal(k_center_greedy(X + 1e4, 100), picks)


@pytest.mark.parametrize("dtype", ["f2", "i4", "?"])
def test_other_dtypes(dtype):
    X = np.random.default_rng(0).integers(0, 9, (60, 5)).astype(dtype)
    picks = k_center_greedy(X, 30)
    np.testing.assert_array_equal(picks, slow_greedy(X, 30))


def test_input_is_left_as_it_was():
    X = np.random.default_rng(0).standard_normal((300, 4))
    initial = X[:3] + 1
    kept = X.copy(), initial.copy()
    X.flags.writeable = initial.flags.writeable = False
    k_center_greedy(X, 50, initial)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(initial, kept[1])


def test_memory_stays_far_below_all_pairs():
    X = np.random.default_rng(0).standard_normal((20_000, 32))
    tracemalloc.start()
    k_center_greedy(X, 500, X[:1000] + 0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_nothing_asked_and_nothing_there():
    assert k_center_greedy(np.ones((3, 2)), 0).shape == (0,)
    assert k_center_greedy(np.ones((0, 2)), 3).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones(3), "n": 1}, "X must have 2 dimensions"),
        ({"X": np.ones((3, 2)), "n": -1}, "n must not be negative, got -1"),
        ({"X": np.ones((3, 2)), "n": 1, "first": 3}, "0 to 2, got 3"),
        (
            {"X": np.ones((3, 2)), "n": 1, "initial": np.ones((1, 3))},
            r"initial must have shape \(m, 2\)",
        ),
    ],
)
def test_wrong_values_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        k_center_greedy(**arguments)
