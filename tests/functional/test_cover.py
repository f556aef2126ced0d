"""ProbCover against all pairs, and its radius against balls one by one."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.spatial.distance import cdist

from skal.functional import _balls, k_center_greedy, prob_cover, purity_radius

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
POINTS = np.array([[0.0], [0.5], [1.0], [3.0], [3.4], [9.0]])


def slow_cover(X, n, radius, initial=None):
    """One pick at a time from all pairs; also how many rows each pick covered."""
    X = np.asarray(X, "f8")
    initial = (
        np.empty((0, X.shape[1])) if initial is None else np.asarray(initial, "f8")
    )
    balls = cdist(X, X) < radius * (1 - 1e-9)
    uncovered = ~(cdist(X, initial) < radius * (1 - 1e-9)).any(axis=1)
    picks, gains = [], []
    while len(picks) < min(n, len(X)) and uncovered.any():
        degrees = (balls & uncovered).sum(axis=1)
        picks.append(int(degrees.argmax()))
        gains.append(int(degrees.max()))
        uncovered &= ~balls[picks[-1]]
    rest = np.setdiff1d(np.arange(len(X)), picks)
    centers = np.concatenate([X[picks], initial])
    n_left = min(n, len(X)) - len(picks)
    picks += rest[k_center_greedy(X[rest], n_left, centers)].tolist()
    return picks, gains


def clustered(rng):
    centers = 6 * rng.standard_normal((12, 5))
    return centers[rng.integers(0, 12, 500)] + rng.standard_normal((500, 5))


POOLS = {
    "clustered": clustered,
    "isotropic": lambda rng: rng.standard_normal((500, 5)),
    "duplicates": lambda rng: np.ones((150, 5)) * rng.standard_normal(5),
    "few distinct": lambda rng: rng.standard_normal((9, 5))[rng.integers(0, 9, 300)],
    "grid": lambda rng: rng.integers(0, 4, (500, 5)).astype(float),
}


@pytest.fixture(params=POOLS)
def pool(request):
    return POOLS[request.param](np.random.default_rng(0))


def test_worked_example():
    assert prob_cover(POINTS, 3, 0.6).tolist() == [1, 3, 5]
    assert prob_cover(POINTS, 3, 0.6, [[0.2]]).tolist() == [3, 1, 5]


def test_the_ball_is_open():
    X = [[0.0], [0.5], [1.0], [5.0], [5.4]]
    assert prob_cover(X, 1, 0.5).tolist() == [3]
    assert prob_cover(X, 1, 0.5001).tolist() == [1]
    assert prob_cover(np.float32(X) + 10, 1, 0.5).tolist() == [3]


@pytest.mark.parametrize("n", [1, 25, 120])
@pytest.mark.parametrize("radius", [0.5, 2.0, 5.0, np.inf])
@pytest.mark.parametrize("labeled", [0, 3, 60])
def test_picks_are_those_of_all_pairs(pool, n, radius, labeled):
    initial = pool[:: max(1, len(pool) // max(1, labeled))][:labeled] + 0.1
    picks = prob_cover(pool, n, radius, initial)
    assert picks.dtype == np.intp
    assert picks.tolist() == slow_cover(pool, n, radius, initial)[0]
    if not labeled:
        assert prob_cover(pool, n, radius).tolist() == picks.tolist()


@pytest.mark.parametrize("chunk_cells", [1, 2**23])
@pytest.mark.parametrize("max_pairs", [0, 2**23])
def test_chunks_and_balls_measured_again_give_the_same(
    pool, chunk_cells, max_pairs, monkeypatch
):
    expected = prob_cover(pool, 60, 2.0, pool[:5] + 1)
    monkeypatch.setattr(_balls, "_CHUNK_CELLS", chunk_cells)
    monkeypatch.setattr(_balls, "_MAX_PAIRS", max_pairs)
    picks = prob_cover(pool, 60, 2.0, pool[:5] + 1)
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize(
    "kind", [np.float32, sparse.csr_array, sparse.csr_matrix, sparse.coo_array]
)
def test_float32_and_sparse_give_the_picks_of_dense_float64(kind):
    X = clustered(np.random.default_rng(0))
    X *= X > 0
    initial = X[:4] + 0.5
    expected = prob_cover(X, 80, 2.0, initial)
    np.testing.assert_array_equal(prob_cover(kind(X), 80, 2.0, kind(initial)), expected)
    np.testing.assert_array_equal(prob_cover(kind(X), 80, 2.0), prob_cover(X, 80, 2.0))


def test_dense_regions_come_first_and_outliers_last():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(30, 2)), 50 + 0.1 * rng.normal(size=(90, 2))])
    X[119] = -500
    picks = prob_cover(X, 40, 1.0).tolist()
    assert picks[0] >= 30
    assert picks[-1] != 119
    assert picks.index(119) > 5
    assert k_center_greedy(X, 2)[1] == 119


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(1, 30), st.just(2)),
        elements=st.integers(-3, 3).map(float),
    ),
    st.integers(0, 35),
    st.sampled_from([0.0, 0.5, 1.0, 1.2, 3.0]),
)
def test_picks_are_distinct_and_gains_never_grow(X, n, radius):
    picks = prob_cover(X, n, radius)
    assert len(set(picks.tolist())) == len(picks) == min(n, len(X))
    gains = slow_cover(X, n, radius)[1]
    assert gains == sorted(gains, reverse=True)


def test_duplicates_are_picked_in_order_of_position():
    assert prob_cover(np.ones((50, 3)), 9, 0.1).tolist() == list(range(9))
    assert prob_cover(np.ones((50, 3)), 9, 0.1, np.ones((2, 3))).tolist() == [*range(9)]


def test_a_pool_covered_from_the_start_goes_on_with_the_farthest():
    X = np.arange(6.0)[:, None]
    initial = np.array([[0.0], [2.0]])
    expected = k_center_greedy(X, 6, initial)
    np.testing.assert_array_equal(prob_cover(X, 6, 50.0, initial), expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    X = clustered(np.random.default_rng(0)).astype(dtype)
    tensor, initial = torch.as_tensor(X, device=device), X[:4] + 1
    picks = prob_cover(tensor, 60, 2.0, torch.as_tensor(initial, device=device))
    assert picks.device.type == device
    assert picks.dtype == torch.int64
    assert picks.tolist() == prob_cover(X, 60, 2.0, initial).tolist()
    labels = np.arange(500) % 7
    radius = purity_radius(tensor, torch.as_tensor(labels, device=device), purity=0.9)
    assert radius == pytest.approx(purity_radius(X, labels, purity=0.9), rel=1e-4)


def test_memory_stays_far_below_all_pairs():
    X = np.random.default_rng(0).standard_normal((12_000, 8)).astype("f4")
    tracemalloc.start()
    prob_cover(X, 20, 0.5)
    purity_radius(X, np.arange(12_000) % 3, rows=np.arange(1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6  # all pairs: 576e6


def test_input_is_left_as_it_was():
    X = clustered(np.random.default_rng(0))
    initial = X[:5] + 1
    kept = X.copy(), initial.copy()
    X.flags.writeable = initial.flags.writeable = False
    prob_cover(X, 50, 2.0, initial)
    purity_radius(X, np.arange(500) % 4)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(initial, kept[1])


def purity(X, labels, radius):
    balls = cdist(X, X) < radius
    mixed = balls & (labels[:, None] != labels)
    return 1 - mixed.any(axis=1).mean()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_radius_is_the_largest_of_that_purity(share, dtype):
    X = clustered(np.random.default_rng(0)).astype(dtype)
    labels = (X[:, 0] > 0).astype(int)
    radius = purity_radius(X, labels, purity=share)
    assert purity(X, labels, radius * (1 - 1e-3)) >= share
    assert purity(X, labels, radius * (1 + 1e-3)) < share
    assert purity_radius(sparse.csr_array(X), labels, purity=share) == pytest.approx(
        radius, rel=1e-4
    )


def test_radius_of_some_rows_and_of_one_label():
    X, labels = np.array([[0.0], [1.0], [4.0], [6.0]]), [0, 0, 1, 1]
    assert purity_radius(X, labels, rows=[0]) == 4
    assert purity_radius(X, labels, rows=[0, 3], purity=0.5) == 5
    assert purity_radius(X, labels, purity=0) == 5
    assert purity_radius(X, [3, 3, 3, 3]) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prob_cover(np.ones(3), 1, 1.0), "X must have 2 dimensions"),
        (lambda: prob_cover(POINTS, -1, 1.0), "n must not be negative, got -1"),
        (lambda: prob_cover(POINTS, 1, -1.0), "radius must not be negative, got -1"),
        (lambda: prob_cover(POINTS, 1, np.nan), "radius must not be negative, got nan"),
        (lambda: prob_cover(POINTS, 1, 1.0, np.ones((1, 2))), r"shape \(m, 1\)"),
        (lambda: purity_radius(POINTS, [0] * 6, purity=2), "between 0 and 1, got 2"),
        (lambda: purity_radius(POINTS[:0], []), "at least one row"),
    ],
)
def test_wrong_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_nothing_asked_and_nothing_there():
    assert prob_cover(POINTS, 0, 1.0).shape == (0,)
    assert prob_cover(POINTS[:0], 3, 1.0).shape == (0,)
