"""D² sampling in batches of stale draws against one exact draw at a time."""

import importlib
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse, stats

from skal.functional import d2_sampling

module = importlib.import_module("skal.functional.d2_sampling")
frame = importlib.import_module("skal.functional._frame")

PROBA = np.array([[0.6, 0.4], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
H = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def logit_gradient(proba):
    return proba - np.eye(proba.shape[1])[proba.argmax(axis=1)]


def outer(a, h):
    return np.einsum("nc,nd->ncd", np.asarray(a, "f8"), h).reshape(len(a), -1)


def squared(X):
    X = np.asarray(X, "f8")
    return ((X[:, None] - X) ** 2).sum(axis=2)


def slow_draws(X, n, rng, first=None, initial=None):
    """One draw at a time by exact weights, from the numbers that `rng` gives."""
    X = np.asarray(X, "f8")
    picks = [] if first is None else [first]
    before = X[picks] if initial is None else np.asarray(initial, "f8")
    nearest = ((X[:, None] - before) ** 2).sum(axis=2).min(axis=1)
    while len(picks) < n and nearest.any():
        cdf = np.cumsum(nearest)
        place, _ = rng.random((1, 2)).T
        picks.append(int(np.searchsorted(cdf, place[0] * cdf[-1], side="right")))
        nearest = np.minimum(nearest, ((X - X[picks[-1]]) ** 2).sum(axis=1))
    rest = np.setdiff1d(np.arange(len(X)), picks)
    return (picks + rng.permutation(rest).tolist() * (len(picks) < n))[:n]


def clustered(rng):
    centers = 10 * rng.standard_normal((9, 6))
    return centers[rng.integers(0, 9, 600)] + rng.standard_normal((600, 6))


POOLS = {
    "clustered": clustered,
    "isotropic": lambda rng: rng.standard_normal((600, 6)),
    "duplicates": lambda rng: np.ones((200, 6)) * rng.standard_normal(6),
    "few distinct": lambda rng: rng.standard_normal((9, 6))[rng.integers(0, 9, 500)],
}


@pytest.fixture(params=POOLS)
def pool(request):
    return POOLS[request.param](np.random.default_rng(0))


@pytest.fixture
def one_at_a_time(monkeypatch):
    """Measure all rows after each draw, so that all draws are from true weights."""
    for name, value in {"_MIN_BATCH": 1, "_MAX_BATCH": 1, "_PASS": -(10**12)}.items():
        monkeypatch.setattr(module, name, value)


class Always:
    """A generator that draws the same number again and again."""

    def __init__(self, number):
        self.number = number

    def random(self, size):
        return np.full(size, self.number)


@pytest.mark.parametrize(("number", "second"), [(0.05, 0), (0.3, 2), (0.5, 3)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_worked_example(number, second, dtype):
    a = logit_gradient(PROBA).astype(dtype)
    options = {"logit_gradient": a, "first": "max_norm"}
    picks = d2_sampling(H.astype(dtype), 2, Always(number), **options)
    assert picks.tolist() == [1, second]
    assert picks.dtype == np.intp


def test_a_weight_of_zero_is_never_drawn():
    X = [[0.0], [0.0], [1.0], [1.0]]
    assert d2_sampling(X, 2, Always(0.0), first=1).tolist() == [1, 2]
    assert d2_sampling(X, 2, Always(1 - 2.0**-53), first=2).tolist() == [2, 1]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_picks_are_those_of_one_at_a_time(pool, dtype, one_at_a_time):
    pool = pool.astype(dtype)
    expected = slow_draws(pool, 150, np.random.default_rng(1), first=3)
    picks = d2_sampling(pool, 150, np.random.default_rng(1), first=3)
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_gradients_are_those_written_out(pool, dtype, one_at_a_time):
    proba = np.random.default_rng(2).dirichlet(np.ones(4), len(pool))
    if (pool == pool[0]).all():
        proba[:] = proba[0]
    a = logit_gradient(proba).astype(dtype)
    pool = pool.astype(dtype)
    options = {"logit_gradient": a, "first": "max_norm"}
    picks = d2_sampling(pool, 120, np.random.default_rng(1), **options)
    first = int((outer(a, pool) ** 2).sum(axis=1).round(3).argmax())
    expected = slow_draws(outer(a, pool), 120, np.random.default_rng(1), first)
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("as_gradients", [True, False])
def test_factors_pick_what_gradients_pick(pool, as_gradients):
    proba = np.random.default_rng(2).dirichlet(np.ones(4), len(pool))
    a = logit_gradient(proba) if as_gradients else np.ones((len(pool), 1))
    draw = {"n": 120, "first": 3}
    factored = d2_sampling(pool, rng=np.random.default_rng(1), logit_gradient=a, **draw)
    written = d2_sampling(outer(a, pool), rng=np.random.default_rng(1), **draw)
    np.testing.assert_array_equal(factored, written)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("m", [1, 40])
def test_picks_after_initial_points(pool, dtype, m, one_at_a_time):
    pool = pool.astype(dtype)
    initial = pool[:m] + np.linspace(0.1, 0.5, m, dtype=dtype)[:, None]
    for given_ in (initial, pool[:m]):
        expected = slow_draws(pool, 120, np.random.default_rng(1), initial=given_)
        picks = d2_sampling(pool, 120, np.random.default_rng(1), initial=given_)
        np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("kind", ["clustered", "isotropic"])
def test_an_initial_row_counts_like_a_first_pick(kind):
    pool = POOLS[kind](np.random.default_rng(0))
    expected = d2_sampling(pool, 120, np.random.default_rng(1), first=3)
    given_ = {"n": 119, "initial": pool[[3]]}
    tables = (pool, np.asfortranarray(pool), sparse.csr_array(pool), pool.tolist())
    for X in tables:
        picks = d2_sampling(X, rng=np.random.default_rng(1), **given_)
        np.testing.assert_array_equal(picks, expected[1:])
    given_["initial"] = sparse.csr_matrix(given_["initial"])
    picks = d2_sampling(tables[2], rng=np.random.default_rng(1), **given_)
    np.testing.assert_array_equal(picks, expected[1:])


def test_the_first_pick_after_initial_points_has_the_distribution():
    X, initial = np.array([[0.0], [1.0], [1.5], [4.0], [9.0]]), [[0.0], [5.0]]
    squares, rng = np.array([0, 1, 2.25, 1, 16]), np.random.default_rng(0)
    draws = [int(d2_sampling(X, 1, rng, initial=initial)[0]) for _ in range(4000)]
    counts = np.bincount(draws, minlength=5)
    assert counts[0] == 0
    expected = 4000 * squares[1:] / squares.sum()
    assert stats.chisquare(counts[1:], expected).pvalue > 1e-3


def test_initial_points_that_hold_the_whole_pool():
    X = np.arange(20.0).reshape(-1, 1) // 5
    draws = [
        d2_sampling(X, 4, np.random.default_rng(s), initial=[[0.0], [1], [2], [3]])
        for s in range(1000)
    ]
    assert all(len(set(draw.tolist())) == 4 for draw in draws)
    assert stats.chisquare(np.bincount(np.ravel(draws))).pvalue > 1e-3
    some = d2_sampling(X, 20, np.random.default_rng(0), initial=[[0.0], [1], [2]])
    assert some[0] >= 15  # the one that is far comes first
    assert sorted(some) == list(range(20))


def triples(X, first):
    """The probability of each ordered pair of draws after a first pick."""
    gaps, chances = squared(X), {}
    for second in range(len(X)):
        share = gaps[first, second] / gaps[first].sum()
        nearest = np.minimum(gaps[first], gaps[second])
        for third in range(len(X)):
            if share * nearest[third]:
                chances[second, third] = share * nearest[third] / nearest.sum()
    return chances


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_draws_have_the_distribution(batch, monkeypatch):
    monkeypatch.setattr(module, "_MIN_BATCH", batch)
    X = np.array([[0.0], [1.0], [1.5], [4.0], [4.5], [9.0]])
    chances, rng = triples(X, first=1), np.random.default_rng(0)
    draws = [tuple(d2_sampling(X, 3, rng, first=1)[1:].tolist()) for _ in range(6000)]
    counts = [draws.count(pair) for pair in chances]
    assert sum(counts) == 6000
    expected = 6000 * np.array(list(chances.values()))
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_many_draws_have_the_distribution():
    rng = np.random.default_rng(0)
    X = np.vstack(
        [rng.standard_normal((40, 3)), 5 + 0.1 * rng.standard_normal((40, 3))]
    )
    runs, shape = 1500, (2, len(X))
    counts = np.zeros(shape)
    for _ in range(runs):
        counts[0, d2_sampling(X, 12, rng, first=0)] += 1
        counts[1, slow_draws(X, 12, rng, 0)] += 1
    share = counts[:, 1:].mean(axis=0) / runs
    error = np.sqrt(2 * share * (1 - share) / runs)
    deviation = (counts[0, 1:] - counts[1, 1:]) / runs / error
    assert np.abs(deviation).max() < 4.5
    assert 0.7 < np.mean(deviation**2) < 1.4


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_chunks_do_not_move_the_picks(pool, rows, monkeypatch):
    picks = d2_sampling(pool, 100, np.random.default_rng(1))
    monkeypatch.setattr(frame, "_CHUNK_ROWS", rows)
    monkeypatch.setattr(frame, "_CHUNK_CENTERS", rows)
    again = d2_sampling(pool, 100, np.random.default_rng(1))
    np.testing.assert_array_equal(again, picks)


def test_a_shorter_draw_is_the_start_of_a_longer_one(pool):
    picks = d2_sampling(pool, 190, np.random.default_rng(1))
    for n in (1, 2, 50, 189):
        shorter = d2_sampling(pool, n, np.random.default_rng(1))
        np.testing.assert_array_equal(shorter, picks[:n])


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("gradient", [True, False])
def test_sparse_equals_dense(kind, gradient):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 30)) * (rng.random((700, 30)) < 0.2)
    a = logit_gradient(rng.dirichlet(np.ones(3), 700)) if gradient else None
    expected = d2_sampling(X, 200, np.random.default_rng(1), logit_gradient=a)
    picks = d2_sampling(kind(X), 200, np.random.default_rng(1), logit_gradient=a)
    np.testing.assert_array_equal(picks, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("d", [2, 2048])
@pytest.mark.parametrize("gradient", [True, False])
def test_copies_of_picks_come_last(dtype, d, gradient):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5, d)).astype(dtype)[np.arange(200) % 5]
    a = np.tile(np.array([[0.3, -0.3]], dtype), (200, 1)) if gradient else None
    picks = d2_sampling(X, 200, rng, logit_gradient=a)
    assert sorted(picks[:5] % 5) == list(range(5))
    assert sorted(picks) == list(range(200))


def test_a_pool_of_copies_is_drawn_evenly():
    X, a = np.ones((20, 3)), np.tile([[0.4, -0.4]], (20, 1))
    draws = [
        d2_sampling(X, 4, np.random.default_rng(s), logit_gradient=a, first="max_norm")
        for s in range(2000)
    ]
    assert {draw[0] for draw in draws} == {0}
    counts = np.bincount(np.array(draws)[:, 1:].ravel(), minlength=20)[1:]
    assert stats.chisquare(counts).pvalue > 1e-3


def test_gradients_of_zero():
    a = np.zeros((6, 2))
    a[4] = [0.2, -0.2]
    options = {"logit_gradient": a, "first": "max_norm"}
    picks = d2_sampling(np.ones((6, 3)), 6, np.random.default_rng(0), **options)
    assert picks[0] == 4
    assert sorted(picks) == list(range(6))


def test_the_first_pick():
    X = np.random.default_rng(0).standard_normal((6, 3))
    firsts = [int(d2_sampling(X, 1, np.random.default_rng(s))[0]) for s in range(600)]
    assert stats.chisquare(np.bincount(firsts, minlength=6)).pvalue > 1e-3
    assert d2_sampling(X, 1, np.random.default_rng(0), first=5).tolist() == [5]


def test_shifting_the_pool_changes_nothing():
    X = np.random.default_rng(0).standard_normal((900, 4))
    picks = d2_sampling(X, 100, np.random.default_rng(1))
    shifted = d2_sampling(X + 1e4, 100, np.random.default_rng(1))
    np.testing.assert_array_equal(shifted, picks)


@pytest.mark.parametrize("dtype", ["f2", "i4", "?"])
def test_other_dtypes(dtype):
    X = np.random.default_rng(0).integers(0, 9, (60, 5)).astype(dtype)
    picks = d2_sampling(X, 30, np.random.default_rng(1))
    expected = d2_sampling(X.astype("f8"), 30, np.random.default_rng(1))
    np.testing.assert_array_equal(picks, expected)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(1, 30), st.just(2)),
        elements=st.integers(-3, 3).map(float),
    ),
    st.integers(0, 40),
)
def test_picks_are_distinct_and_new_points_first(X, n):
    picks = d2_sampling(X, n, np.random.default_rng(0))
    assert len(set(picks.tolist())) == len(picks) == min(n, len(X))
    n_distinct = len(np.unique(X, axis=0))
    assert len(np.unique(X[picks[:n_distinct]], axis=0)) == min(n, n_distinct)


def test_input_is_left_as_it_was():
    X, a = np.tile(H, (30, 1)), np.tile(logit_gradient(PROBA), (30, 1))
    kept = X.copy(), a.copy()
    X.flags.writeable = a.flags.writeable = False
    d2_sampling(X, 50, np.random.default_rng(0), logit_gradient=a)
    d2_sampling(X, 50, np.random.default_rng(0), initial=X[:5])
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(a, kept[1])


def test_memory_stays_far_below_gradients_written_out():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10_000, 128), dtype="f4")
    a = logit_gradient(rng.dirichlet(np.ones(50), 10_000)).astype("f4")
    tracemalloc.start()
    d2_sampling(X, 300, rng, logit_gradient=a)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6  # the gradients: 256e6


def test_nothing_asked_and_nothing_there():
    rng = np.random.default_rng(0)
    assert d2_sampling(np.ones((3, 2)), 0, rng).shape == (0,)
    assert d2_sampling(np.ones((0, 2)), 3, rng).shape == (0,)
    for X in (np.ones((3, 2)), np.ones((0, 2))):
        picks = d2_sampling(X, 3 - len(X), rng, initial=np.ones((1, 2)))
        assert picks.dtype == np.intp
        assert picks.shape == (0,)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("gradient", [True, False])
def test_tensors(pool, device, dtype, gradient):
    pool = pool.astype(dtype)
    proba = np.random.default_rng(2).dirichlet(np.ones(4), len(pool))
    a = logit_gradient(proba).astype(dtype) if gradient else None
    expected = d2_sampling(pool, 100, np.random.default_rng(1), logit_gradient=a)
    if gradient:
        a = torch.as_tensor(a, device=device)
    X = torch.as_tensor(pool, device=device)
    picks = d2_sampling(X, 100, np.random.default_rng(1), logit_gradient=a)
    assert picks.device == X.device
    assert picks.dtype == torch.int64
    np.testing.assert_array_equal(picks.numpy(force=True), expected)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_tensors_after_initial_points(pool, device, dtype):
    pool = pool.astype(dtype)
    expected = d2_sampling(pool, 100, np.random.default_rng(1), initial=pool[:7])
    X = torch.as_tensor(pool, device=device)
    for initial in (X[:7], pool[:7]):
        picks = d2_sampling(X, 100, np.random.default_rng(1), initial=initial)
        assert picks.device == X.device
        assert picks.dtype == torch.int64
        np.testing.assert_array_equal(picks.numpy(force=True), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones(3)}, "X must have 2 dimensions"),
        ({"n": -1}, "n must not be negative, got -1"),
        ({"first": 3}, "0 to 2, .* got 3"),
        ({"first": "last"}, "first must be .* got 'last'"),
        ({"first": "max_norm"}, "'max_norm' where there is a logit_gradient"),
        ({"logit_gradient": np.ones((2, 2))}, r"logit_gradient must have .*\(3, C\)"),
        ({"logit_gradient": np.ones(3)}, r"got \(3,\)"),
        ({"initial": np.ones((1, 3))}, r"initial must have shape \(m, 2\)"),
        ({"initial": np.ones((0, 2))}, "initial must"),
        ({"initial": np.ones((1, 2)), "logit_gradient": np.ones((3, 2))}, "initial"),
    ],
)
def test_wrong_values_are_refused(arguments, message):
    given = {"X": np.ones((3, 2)), "n": 1, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        d2_sampling(**given | arguments)
