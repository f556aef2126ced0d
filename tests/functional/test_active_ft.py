"""ActiveFT against its loss row by row, and against torch's autograd and Adam."""

import importlib
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skal.functional import active_ft, active_ft_loss, d2_sampling

module = importlib.import_module("skal.functional.active_ft")

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
CROSS = np.array([[1.0, 0.0], [0.0, 1.0]])
selves = pytest.mark.parametrize("include_self", [True, False])
with_labels = pytest.mark.parametrize("n_labeled", [0, 3])


def rng(seed=0):
    return np.random.default_rng(seed)


def unit(X):
    lengths = np.linalg.norm(np.asarray(X, "f8"), axis=1, keepdims=True)
    return X / np.where(lengths > 0, lengths, 1)


def problem(n=120, n_labeled=0, d=5, dtype="f8"):
    """Rows of any length around eight directions, and labeled ones (None: without)."""
    draw = rng()
    means = 2 * draw.standard_normal((8, d))
    X = means[np.arange(n + n_labeled) % 8] + 0.7 * draw.standard_normal(
        (n + n_labeled, d)
    )
    X = (X * draw.uniform(0.2, 5, (len(X), 1))).astype(dtype)
    return X[n_labeled:], (X[:n_labeled] if n_labeled else None)


def clusters(of, size=40, d=6):
    means = np.repeat(np.eye(d)[list(of)], size, axis=0)
    return means + 0.003 * rng(len(of)).standard_normal(means.shape)


def slow_loss(X, centroids, labeled, temperature, include_self, frozen=None):
    """The loss row by row; `frozen` stands for the centroids that are detached."""
    X, moving = unit(X), unit(centroids)
    fixed = np.empty((0, X.shape[1])) if labeled is None else unit(labeled)
    frozen = np.vstack([moving if frozen is None else unit(frozen), fixed])
    total = 0.0
    for x in X:
        k = int((moving @ x).argmax())
        similarity = moving[k] @ x
        if len(fixed) and (fixed @ x).max() >= similarity:
            continue
        others = [c for j, c in enumerate(frozen) if include_self or j != k]
        pushes = sum(np.exp(moving[k] @ c / temperature) for c in others)
        s = similarity / temperature
        total += np.log(np.exp(s) + pushes) - s
    return total / len(X)


def torch_centroids(
    X,
    start,
    labeled=None,
    temperature=0.07,
    learning_rate=1e-3,
    n_iterations=300,
    include_self=True,
):
    """The whole optimization as the authors write it, and labeled rows that stay."""
    X, fixed = torch.tensor(unit(X)), torch.tensor(unit(X[:0]))
    if labeled is not None:
        fixed = torch.tensor(unit(labeled))
    theta = torch.nn.Parameter(X[start].clone())
    optimizer = torch.optim.Adam([theta], lr=learning_rate)
    for _ in range(n_iterations):
        moving = torch.nn.functional.normalize(theta, dim=1)
        everyone = torch.cat([moving, fixed])
        similarity, k = ((X @ everyone.T) / temperature).max(dim=1)
        apart = everyone @ everyone.detach().T / temperature
        if not include_self:
            apart = apart.masked_fill(torch.eye(len(apart), dtype=bool), -torch.inf)
        apart = torch.logsumexp(apart, dim=1)[k]
        optimizer.zero_grad()
        (torch.logaddexp(similarity, apart) - similarity).mean().backward()
        optimizer.step()
    return unit(theta.detach().numpy())


def slow_picks(X, centroids):
    free, picks = list(range(len(X))), []
    for centroid in centroids:
        picks.append(max(free, key=lambda row: unit(X)[row] @ centroid))
        free.remove(picks[-1])
    return picks


@pytest.fixture
def moved(monkeypatch):
    """Return where the centroids of a call end, of unit length."""

    def run(*args, **options):
        with monkeypatch.context() as patch:
            patch.setattr(module, "_nearest_free", lambda X, centroids: centroids)
            return active_ft(*args, **options)

    return run


def test_worked_loss():
    loss = active_ft_loss(CROSS, [[1.0, 0.0]], temperature=1.0)
    assert loss == pytest.approx(1.003204, abs=5e-7)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include_self": False}, 0),
        # Row 0 is at its centroid: log(e + e + 1) - 1; row 1 at the labeled: 0.
        ({"labeled": [[0.0, 1.0]]}, 0.430997),
        ({"labeled": [[0.0, 1.0]], "include_self": False}, 0.156631),
        # And far from both: log(e + e + e ** -0.6) - 1 and log(1 + e + e ** -0.6).
        ({"labeled": [[-0.6, -0.8]]}, 1.120126),
    ],
)
def test_worked_loss_with_labeled_rows(options, expected):
    loss = active_ft_loss(CROSS, [[1.0, 0.0]], temperature=1.0, **options)
    assert loss == pytest.approx(expected, abs=5e-7)


@selves
@with_labels
@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize(("dtype", "rtol"), [("f8", 1e-10), ("f4", 1e-4)])
def test_loss_against_one_row_at_a_time(
    include_self, n_labeled, temperature, dtype, rtol
):
    X, labeled = problem(n_labeled=n_labeled, dtype=dtype)
    centroids = 3 * X[5:60:9] + 0.1
    loss = active_ft_loss(
        X,
        centroids,
        labeled=labeled,
        temperature=temperature,
        include_self=include_self,
    )
    assert type(loss) is float
    expected = slow_loss(X, centroids, labeled, temperature, include_self)
    assert loss == pytest.approx(expected, rel=rtol)


def test_loss_does_not_overflow():
    for temperature in (1e-3, 1e-6):
        loss = active_ft_loss(CROSS, [[1.0, 0.0]], temperature=temperature)
        assert loss == pytest.approx((np.log(2) + 1 / temperature) / 2)


def test_rows_nearest_to_a_labeled_one_add_nothing():
    X = problem()[0]
    assert active_ft_loss(X, X[:4] + 0.1, labeled=X) == 0
    assert active_ft_loss(CROSS, CROSS, labeled=CROSS) == 0  # as near as a centroid
    half = active_ft_loss(X, X[:4], labeled=X[60:]) * len(X)
    near = (unit(X) @ unit(X[:4]).T).max(1) > (unit(X) @ unit(X[60:]).T).max(1)
    alone = active_ft_loss(X[near], X[:4], labeled=X[60:]) * near.sum()
    assert 0 < near.sum() < 60
    assert half == pytest.approx(alone)


def test_loss_is_of_directions():
    X, labeled = problem(n_labeled=3)
    loss = active_ft_loss(X, X[:4], labeled=labeled)
    stretched = active_ft_loss(7 * X, 0.1 * X[:4], labeled=1e4 * labeled)
    assert stretched == pytest.approx(loss)


@selves
@with_labels
def test_gradient_against_differences_with_the_detached_centroids_kept(
    include_self, n_labeled
):
    X, labeled = problem(n_labeled=n_labeled)
    centroids, temperature, step = 2 * X[5:60:9] + 0.1, 0.3, 1e-6
    fixed = unit(X[:0] if labeled is None else labeled)
    loss = module._Loss(unit(X), fixed, temperature, include_self)
    value, gradient = loss.gradient(centroids)

    def frozen_loss(moving):
        arguments = moving, labeled, temperature, include_self, centroids
        return slow_loss(X, *arguments)

    expected = np.empty_like(centroids)
    for place in np.ndindex(centroids.shape):
        ahead, behind = centroids.copy(), centroids.copy()
        ahead[place] += step
        behind[place] -= step
        expected[place] = (frozen_loss(ahead) - frozen_loss(behind)) / (2 * step)
    assert value == pytest.approx(frozen_loss(centroids))
    np.testing.assert_allclose(gradient, expected, atol=1e-8)
    assert np.abs(gradient).max() > 1e-3


@selves
@with_labels
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_centroids_end_where_those_of_torch_end(include_self, n_labeled, init, moved):
    X, labeled = problem(n_labeled=n_labeled)
    if init == "random":
        start = rng().choice(len(X), 9, replace=False)
    else:
        initial = None if labeled is None else unit(labeled)
        start = d2_sampling(unit(X), 9, rng(), initial=initial)
    steps = {"temperature": 0.2, "learning_rate": 0.02, "n_iterations": 40}
    steps["include_self"] = include_self
    expected = torch_centroids(X, start, labeled, **steps)
    centroids = moved(X, 9, rng(), labeled=labeled, init=init, **steps)
    np.testing.assert_allclose(centroids, expected, atol=1e-8)
    assert np.abs(centroids - unit(X)[start]).max() > 0.1
    picks = active_ft(X, 9, rng(), labeled=labeled, init=init, **steps)
    assert picks.tolist() == slow_picks(X, expected)


@with_labels
def test_what_nobody_says_is_as_released(n_labeled):
    X, labeled = problem(n_labeled=n_labeled)
    start = d2_sampling(
        unit(X), 12, rng(), initial=None if labeled is None else unit(labeled)
    )
    expected = slow_picks(X, torch_centroids(X, start, labeled))
    assert active_ft(X, 12, rng(), labeled=labeled).tolist() == expected
    assert expected != start.tolist()


@selves
@with_labels
def test_the_loss_falls(include_self, n_labeled, moved):
    X, labeled = problem(n_labeled=n_labeled)
    how = {"labeled": labeled, "include_self": include_self}
    start = rng().choice(len(X), 9, replace=False)
    centroids = moved(X, 9, rng(), init="random", **how)
    after, before = (active_ft_loss(X, c, **how) for c in (centroids, X[start]))
    assert after < before - 0.05


def test_without_a_step_the_picks_are_the_first_centroids():
    X = problem()[0]
    picks = active_ft(X, 30, rng(), init="random", n_iterations=0)
    np.testing.assert_array_equal(picks, rng().choice(120, 30, replace=False))


def test_a_single_pick_stands_in_the_middle():
    angles = np.linspace(0, 1.2, 41)
    X = np.c_[np.cos(angles), np.sin(angles)]
    for seed in range(5):
        assert active_ft(X, 1, rng(seed), learning_rate=0.02, temperature=1.0) == [20]


@selves
def test_every_cluster_is_covered(include_self):
    X = clusters(range(6))
    for seed in range(8):
        picks = active_ft(X, 6, rng(seed), include_self=include_self, n_iterations=60)
        assert sorted(picks // 40) == list(range(6))


@selves
def test_picks_are_spread_away_from_labeled_rows(include_self):
    X, how = clusters(range(6)), {"include_self": include_self, "n_iterations": 60}
    for seed in range(8):
        picks = active_ft(X, 3, rng(seed), labeled=X[[3, 45, 90]], **how)
        assert sorted(picks // 40) == [3, 4, 5]


def test_labeled_rows_push_centroids_away(moved):
    X = np.c_[np.cos(np.linspace(0, 1, 30)), np.sin(np.linspace(0, 1, 30))]
    how = {"temperature": 0.3, "n_iterations": 100, "learning_rate": 0.01}
    (alone,), (pushed,) = (
        moved(X[20:], 1, rng(), labeled=labeled, **how) for labeled in (None, X[:3])
    )
    assert pushed[1] > alone[1] + 0.01


def test_no_labeled_rows_are_none():
    X = problem()[0]
    expected = active_ft(X, 9, rng(), n_iterations=20)
    picks = active_ft(X, 9, rng(), labeled=X[:0], n_iterations=20)
    np.testing.assert_array_equal(picks, expected)


def test_the_same_seed_gives_the_same():
    X = problem()[0]
    one, two, other = (active_ft(X, 9, rng(s), n_iterations=20) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_lengths_of_rows_change_nothing():
    X, labeled = problem(n_labeled=3)
    expected = active_ft(X, 9, rng(), labeled=labeled)
    picks = active_ft(100 * unit(X), 9, rng(), labeled=0.1 * unit(labeled))
    np.testing.assert_array_equal(picks, expected)


@selves
@pytest.mark.parametrize("cells", [1, 50, 333])
def test_chunks_change_nothing(include_self, cells, monkeypatch):
    X, labeled = problem(n_labeled=3)
    how = {"labeled": labeled, "include_self": include_self}
    expected = active_ft(X, 9, rng(), n_iterations=20, **how)
    loss = active_ft_loss(X, X[:9], **how)
    monkeypatch.setattr(module, "_CHUNK_CELLS", cells)
    monkeypatch.setattr(module, "_CHUNK_CENTROIDS", 2)
    picks = active_ft(X, 9, rng(), n_iterations=20, **how)
    np.testing.assert_array_equal(picks, expected)
    assert active_ft_loss(X, X[:9], **how) == pytest.approx(loss)


@pytest.mark.parametrize("n", [0, 1, 40])
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_none_and_all(n, init):
    X = problem(40)[0]
    picks = active_ft(X, n, rng(), init=init, n_iterations=10)
    assert picks.dtype == np.intp
    assert picks.shape == (n,)
    if n == 40:
        assert sorted(picks) == list(range(40))
    assert active_ft(X[:0], 0, rng()).shape == (0,)


@selves
def test_a_pool_of_copies(include_self):
    X = np.tile([[1.0, 2.0, 0.5]], (20, 1))
    for labeled in (None, X[:2]):
        how = {"labeled": labeled, "include_self": include_self}
        picks = active_ft(X, 12, rng(), n_iterations=20, **how)
        assert len(set(picks.tolist())) == 12


@selves
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rows_of_zeros_do_no_harm(include_self, dtype, moved):
    X = clusters(range(4), d=4).astype(dtype)
    X[::8] = 0
    for seed in range(4):
        how = {"include_self": include_self, "n_iterations": 50}
        centroids = moved(X, 5, rng(seed), **how)
        assert np.isfinite(centroids).all()
        picks = active_ft(X, 5, rng(seed), **how)
        some = picks[picks % 8 > 0]
        assert len(set(some // 40)) == 4
    zeros = active_ft(np.zeros((9, 3), dtype), 4, rng(), n_iterations=5)
    assert len(set(zeros.tolist())) == 4
    assert np.isfinite(active_ft_loss(X, X[:9]))


def tables_of(elements):
    rows, columns = st.integers(1, 20), st.integers(1, 4)
    return hnp.arrays(float, st.tuples(rows, columns), elements=elements)


@settings(max_examples=80, deadline=None)
@given(
    tables_of(st.integers(-2, 2).map(float)),
    st.integers(0, 20),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["k-means++", "random"]),
)
def test_picks_are_distinct_in_any_pool(X, n, n_labeled, include_self, init):
    n, labeled = min(n, len(X)), X[:n_labeled]
    how = {"include_self": include_self, "init": init, "n_iterations": 5}
    picks = active_ft(X, n, rng(), labeled=labeled, **how)
    assert len(set(picks.tolist())) == len(picks) == n
    assert set(picks.tolist()) <= set(range(len(X)))


@pytest.mark.parametrize("dtype", ["f2", "f4", "i8", "?"])
def test_other_dtypes(dtype):
    X = np.eye(4)[np.repeat(np.arange(4), 5)] * 9
    X = X.astype(dtype)
    picks = active_ft(X, 4, rng(), labeled=X[:0], n_iterations=20)
    assert sorted(picks // 5) == [0, 1, 2, 3]
    assert active_ft(X.tolist(), 4, rng(), n_iterations=20).tolist() == picks.tolist()


def test_single_precision_ends_near_double(moved):
    X, labeled = problem(n_labeled=3, dtype="f4")
    single = moved(X, 9, rng(), labeled=labeled, init="random")
    double = moved(X.astype("f8"), 9, rng(), labeled=labeled, init="random")
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-3)


def test_input_is_left_as_it_was():
    X, labeled = problem(n_labeled=3)
    X, labeled = unit(X), unit(labeled)
    kept = X.copy(), labeled.copy()
    X.flags.writeable = labeled.flags.writeable = False
    active_ft(X, 9, rng(), labeled=labeled, n_iterations=5)
    active_ft_loss(X, X[:9], labeled=labeled)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(labeled, kept[1])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@selves
@with_labels
def test_tensors(device, dtype, include_self, n_labeled):
    X, labeled = problem(n_labeled=n_labeled, dtype=dtype)
    given_ = [X] if labeled is None else [X, labeled]
    tensors = [torch.as_tensor(table, device=device) for table in given_]
    how = {"include_self": include_self, "n_iterations": 60}
    expected = active_ft(X, 9, rng(), labeled=labeled, **how)
    if labeled is not None:
        how["labeled"] = tensors[1]
    picks = active_ft(tensors[0], 9, rng(), **how)
    assert picks.device.type == device
    assert picks.dtype == torch.int64
    np.testing.assert_array_equal(picks.numpy(force=True), expected)
    none = active_ft(tensors[0], 0, rng())
    assert isinstance(none, torch.Tensor)
    assert none.shape == (0,)


@pytest.mark.parametrize("device", DEVICES)
@selves
@with_labels
def test_centroids_of_tensors_end_where_those_of_arrays_end(
    device, include_self, n_labeled, moved
):
    ends, how = [], {"include_self": include_self, "temperature": 0.2}
    for kind in (np.asarray, lambda table: torch.as_tensor(table, device=device)):
        X, labeled = (t if t is None else kind(t) for t in problem(120, n_labeled))
        how["labeled"] = labeled
        end = moved(X, 9, rng(), learning_rate=0.02, n_iterations=40, **how)
        ends.append(torch.as_tensor(end).numpy(force=True))
    np.testing.assert_allclose(*ends, atol=1e-8)


@pytest.mark.parametrize("device", DEVICES)
@selves
@with_labels
def test_loss_of_tensors(device, include_self, n_labeled):
    tables = [*problem(n_labeled=n_labeled)]
    expected = active_ft_loss(
        tables[0], tables[0][:9], labeled=tables[1], include_self=include_self
    )
    X, labeled = (
        None if table is None else torch.as_tensor(table, device=device)
        for table in tables
    )
    loss = active_ft_loss(X, X[:9], labeled=labeled, include_self=include_self)
    assert type(loss) is float
    assert loss == pytest.approx(expected)


@selves
def test_memory_stays_far_below_all_pairs(include_self, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_CELLS", 2**17)
    X = rng().standard_normal((15_000, 8))
    how = {"labeled": X[:3000] + 0.1, "init": "random", "n_iterations": 2}
    tracemalloc.start()
    active_ft(X, 1500, rng(), include_self=include_self, **how)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25e6  # rows by centroids: 180e6, centroids by all: 54e6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones(3)}, "X must have 2 dimensions"),
        ({"labeled": np.ones((1, 3))}, r"labeled must have shape \(m, 2\)"),
        ({"n": 4}, "n must be 0 to 3, .* got 4"),
        ({"n": -1}, "n must be 0 to 3, .* got -1"),
        ({"init": "first"}, "init must be .* got 'first'"),
    ],
)
def test_wrong_values_are_refused(arguments, message):
    given_ = {"X": np.ones((3, 2)), "n": 1, "rng": rng()}
    with pytest.raises(ValueError, match=message):
        active_ft(**given_ | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones(3)}, "X must have 2 dimensions"),
        ({"X": np.ones((0, 2))}, "X and centroids must have a row .* got 0 and 2"),
        ({"centroids": np.ones((0, 2))}, "must have a row at least, got 3 and 0"),
        ({"centroids": np.ones((1, 3))}, r"centroids must have shape \(m, 2\)"),
        ({"labeled": np.ones((1, 3))}, r"labeled must have shape \(m, 2\)"),
    ],
)
def test_a_loss_of_wrong_tables_is_refused(arguments, message):
    given_ = {"X": np.ones((3, 2)), "centroids": np.ones((2, 2))}
    with pytest.raises(ValueError, match=message):
        active_ft_loss(**given_ | arguments)
