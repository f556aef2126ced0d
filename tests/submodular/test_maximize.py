"""Greedy choices against a slow twin, with ties, costs and random parts of the rows."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context

from skal.submodular import (
    FLCG,
    FLCMI,
    FLQMI,
    FLVMI,
    GCCG,
    GCMI,
    DivGCMI,
    FacilityLocation,
    GraphCut,
    LogDetCG,
    LogDetCMI,
    LogDeterminant,
    LogDetMI,
    Similarity,
    _maximize,
    maximize,
)

SUBMODULAR = [
    FacilityLocation,
    FLVMI,
    FLQMI,
    FLCG,
    FLCMI,
    GraphCut,
    GCCG,
    GCMI,
    LogDeterminant,
    LogDetCG,
]
OTHERS = [LogDetMI, LogDetCMI, DivGCMI]
COVERAGE = SUBMODULAR[:5]
FILLED = [FLVMI, FLQMI, FLCG, FLCMI]  # by relevance, once nothing adds anything


def problem(kind, metric="shifted", seed=0, n=25, n_different=None, **params):
    rng = np.random.default_rng(seed)
    X, Q, P = (rng.normal(size=(m, 4)) for m in (n, 3, 2))
    if n_different is not None:
        X = X[rng.integers(0, n_different, n)]
    return kind(
        Similarity.from_features(X, query=Q, private=P, metric=metric), **params
    )


def relevance(f):
    B = {
        letter: np.asarray(f.similarity.columns(letter, range(f.similarity.n)))
        for letter in f.needs
    }
    value = B["Q"].max(axis=1) if "Q" in B else 0
    return value - f.nu * B["P"].max(axis=1) if "P" in B else value


def slow_greedy(f, budget, costs=None):
    """Try each row at each step; of equals, the first. Fill up as soon as none adds."""
    n = f.similarity.n
    costs = np.ones(n) if costs is None else np.asarray(costs)
    picks, gains, n_filled = [], [], 0
    while True:
        left = [j for j in range(n) if j not in picks and costs[j] <= budget + 1e-9]
        if not left:
            return picks, gains, n_filled
        value = f.evaluate(picks)
        gain = np.array([f.evaluate([*picks, j]) - value for j in left])
        if type(f) in FILLED and gain.max() < 1e-9:
            rank, n_filled = relevance(f)[left], n_filled + 1
            gain[:] = 0
        else:
            rank = gain / costs[left]
        place = int(np.flatnonzero(rank >= rank.max() - 1e-9)[0])
        picks.append(left[place])
        gains.append(gain[place])
        budget -= costs[left[place]]


def agree(chosen, expected):
    np.testing.assert_array_equal(chosen[0], expected[0])
    np.testing.assert_allclose(chosen[1], expected[1], atol=1e-8)
    assert chosen.n_filled == expected[2]
    assert chosen[0].dtype == np.intp
    assert chosen[1].dtype == np.float64


@pytest.mark.parametrize("metric", ["cosine", "shifted", "dot", "rbf"])
@pytest.mark.parametrize("kind", SUBMODULAR + OTHERS)
def test_every_step_takes_the_row_that_adds_the_most(kind, metric):
    f = problem(kind, metric)
    expected = slow_greedy(f, 12)
    for optimizer in ("naive", "auto"):
        agree(maximize(f, 12, optimizer=optimizer), expected)
    if f.submodular:
        agree(maximize(f, 12, optimizer="lazy"), expected)


@pytest.mark.parametrize("kind", SUBMODULAR + OTHERS)
@pytest.mark.parametrize("n", [0, 1, 25])
def test_none_one_and_all_rows(kind, n):
    f = problem(kind)
    expected = slow_greedy(f, n)
    for optimizer in ("naive", "auto"):
        agree(maximize(f, n, optimizer=optimizer), expected)
    optimizer = "lazier" if f.submodular else "stochastic"
    picks, gains = maximize(f, n, optimizer=optimizer, random_state=0)
    assert len(picks) == len(gains) == n
    assert len(set(picks.tolist())) == n


@pytest.mark.parametrize("kind", SUBMODULAR)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_lazy_is_naive_among_ties_and_duplicates(kind, data):
    seed = data.draw(st.integers(0, 2**20))
    rng = np.random.default_rng(seed)
    n, k = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 12))
    points = rng.integers(0, 3, size=(k, 3)).astype(float)  # few values: many ties
    X = points[rng.integers(0, k, n)]
    metric = data.draw(st.sampled_from(["shifted", "rbf", "cosine"]))
    sets = {"query": points[:1] + 1, "private": points[-1:]}
    f = kind(Similarity.from_features(X, metric=metric, **sets))
    budget = data.draw(st.integers(0, n))
    naive = maximize(f, budget, optimizer="naive")
    agree(maximize(f, budget, optimizer="lazy"), (*naive, naive.n_filled))


@pytest.mark.parametrize("kind", COVERAGE)
def test_lazy_is_naive_in_a_large_pool_of_duplicates(kind):
    rng = np.random.default_rng(0)
    points = rng.integers(-4, 5, size=(120, 6)).astype("f4")
    X = points[rng.integers(0, 120, 2500)]  # more rows than are looked at together
    similarity = Similarity.from_features(
        X, query=points[:5], private=points[5:9], metric="shifted"
    )
    naive = maximize(kind(similarity), 20, optimizer="naive")
    lazy = maximize(kind(similarity), 20, optimizer="lazy")
    np.testing.assert_array_equal(naive[0], lazy[0])
    np.testing.assert_allclose(naive[1], lazy[1], rtol=1e-5)


def test_ties_with_rows_that_lazy_has_not_looked_at(monkeypatch):
    monkeypatch.setattr(_maximize, "_ACTIVE", 2)
    # Alone 4, 5 and 7 are worth 5, and 2 and 3 are worth 4. After 4 was taken, 5 and 7
    # are worth no more than 2 and 3, and 2 is the first of the four.
    worth = [{}, {}, "abcd", "efgh", "ijklm", "mnopq", {}, "mrstu"]
    names = "abcdefghijklmnopqrstu"
    UQ = np.array([[float(name in has) for name in names] for has in worth])
    f = FLQMI(Similarity.from_matrix(UQ=UQ), eta=0)
    naive = maximize(f, 5, optimizer="naive")
    np.testing.assert_array_equal(naive[0], [4, 2, 3, 5, 7])
    np.testing.assert_array_equal(maximize(f, 5, optimizer="lazy")[0], naive[0])


@pytest.mark.parametrize("active", [1, 2, 5])
@pytest.mark.parametrize("kind", COVERAGE)
def test_lazy_is_naive_however_few_rows_it_looks_at(kind, active, monkeypatch):
    monkeypatch.setattr(_maximize, "_ACTIVE", active)
    for seed in range(4):
        f = problem(kind, "rbf", seed, n=40, n_different=15)
        naive = maximize(f, 20, optimizer="naive")
        agree(maximize(f, 20, optimizer="lazy"), (*naive, naive.n_filled))


def test_lazy_asks_for_fewer_gains():
    X = np.random.default_rng(0).normal(size=(800, 3))
    f, asked = FacilityLocation(Similarity.from_features(X, metric="rbf")), []
    start = f.start

    def spied():
        state = start()
        gains = state.gains
        state.gains = lambda rows: (asked.append(len(rows)), gains(rows))[1]
        return state

    f.start = spied
    maximize(f, 20, optimizer="naive")
    naive, asked[:] = sum(asked), []
    maximize(f, 20)
    assert sum(asked) < naive / 3


@pytest.mark.parametrize("optimizer", ["lazy", "lazier"])
@pytest.mark.parametrize("kind", OTHERS)
def test_lazy_bounds_are_refused_where_gains_may_grow(kind, optimizer):
    with pytest.raises(ValueError, match=f"{kind.__name__} is not submodular"):
        maximize(problem(kind), 3, optimizer=optimizer)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", SUBMODULAR + OTHERS)
def test_with_costs_the_largest_gain_for_its_price_comes_first(kind, seed):
    f = problem(kind, "rbf", seed, n=20)
    costs = np.random.default_rng(seed).uniform(0.3, 2, 20)
    for budget in (0.0, 0.2, 3.5, 100):
        expected = slow_greedy(f, budget, costs)
        for optimizer in ("naive", "auto"):
            chosen = maximize(f, budget, optimizer=optimizer, costs=costs)
            agree(chosen, expected)
            assert costs[chosen[0]].sum() <= budget


def test_costs_that_add_up_to_the_budget_are_paid():
    f = GCMI(Similarity.from_matrix(UQ=[[3.0], [2.0], [1.0], [5.0]]))
    picks, _ = maximize(f, 0.3, costs=[0.1, 0.1, 0.1, 0.31])
    np.testing.assert_array_equal(picks, [0, 1, 2])
    picks, gains = maximize(f, 0.41, costs=[0.1, 0.1, 0.1, 0.31])
    np.testing.assert_array_equal(
        picks, [0, 1, 2]
    )  # 3 is worth 16 a unit, too dear now
    np.testing.assert_array_equal(gains, [3, 2, 1])


def test_equal_costs_change_nothing():
    f = problem(FacilityLocation)
    plain, priced = maximize(f, 6), maximize(f, 3.0, costs=np.full(25, 0.5))
    np.testing.assert_array_equal(plain[0], priced[0])
    np.testing.assert_allclose(plain[1], priced[1])


@pytest.fixture
def parts(monkeypatch):
    """Collect the random parts of rows that are looked at."""
    seen, some = [], _maximize._Run.some

    def spied(self, n, rng):
        rows = some(self, n, rng)
        assert self.left[rows].all()
        seen.append(rows)
        return rows

    monkeypatch.setattr(_maximize._Run, "some", spied)
    return seen


@pytest.mark.parametrize("optimizer", ["stochastic", "lazier"])
@pytest.mark.parametrize(
    ("n", "epsilon", "size"), [(5, 0.1, 18), (5, 0.5, 5), (2, 0.1, 40), (39, 0.5, 1)]
)
def test_random_parts_have_the_size_of_the_paper(n, epsilon, size, optimizer, parts):
    f = problem(FacilityLocation, n=40)
    maximize(f, n, optimizer=optimizer, epsilon=epsilon, random_state=0)
    sizes = [len(rows) for rows in parts]
    assert sizes == [min(size, 40 - i) for i in range(n)]
    assert all(len(np.unique(rows)) == len(rows) for rows in parts)
    parts.clear()  # as many rows for the money
    given = {"optimizer": optimizer, "epsilon": epsilon, "random_state": 0}
    maximize(f, 2.5 * n, costs=np.full(40, 2.5), **given)
    assert [len(rows) for rows in parts] == sizes


@pytest.mark.parametrize("optimizer", ["stochastic", "lazier"])
@pytest.mark.parametrize("kind", [FacilityLocation, GraphCut, GCMI, LogDeterminant])
def test_each_pick_is_the_best_of_its_part(kind, optimizer, parts):
    f = problem(kind, n=40, seed=1)
    picks, gains = maximize(f, 10, optimizer=optimizer, random_state=3)
    for step, rows in enumerate(parts):
        before = picks[:step].tolist()
        gain = [f.evaluate([*before, j]) - f.evaluate(before) for j in rows]
        assert picks[step] == rows[int(np.argmax(gain))]
        assert gains[step] == pytest.approx(max(gain))


@pytest.mark.parametrize("kind", [FacilityLocation, LogDetMI])
def test_the_same_seed_draws_the_same_parts(kind):
    f = problem(kind, n=60)

    def choose(seed):
        return maximize(f, 8, optimizer="stochastic", random_state=seed)[0].tolist()

    assert choose(0) == choose(0)
    assert choose(np.random.default_rng(5)) == choose(np.random.default_rng(5))
    assert len({tuple(choose(seed)) for seed in range(5)}) > 1
    if f.submodular:
        lazier = maximize(f, 8, optimizer="lazier", random_state=0)
        assert lazier[0].tolist() == choose(0)


def test_random_parts_that_add_nothing_do_not_end_the_search():
    UU = np.eye(40)  # only rows 38 and 39 are like the queries
    f = FLVMI(Similarity.from_matrix(UU, UQ=np.r_[np.zeros(38), 1, 1][:, None]))
    for optimizer in ("stochastic", "lazier"):
        chosen = maximize(f, 20, optimizer=optimizer, epsilon=0.5, random_state=0)
        assert sorted(chosen[0][:2]) == [38, 39]
        assert chosen[1].sum() == 2
        assert chosen.n_filled == 18


def test_saturated_functions_are_filled_by_relevance():
    UU = [[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    UQ, UP = [[0.5], [0.4], [0], [0]], [[0], [0], [0.3], [0.1]]
    similarity = Similarity.from_matrix(UU, UQ=UQ, UP=UP)
    expected = {FLVMI: [0, 1, 2, 3], FLCMI: [0, 1, 3, 2]}  # by .5 .4 0 0 less 0 0 .3 .1
    for kind, picks in expected.items():
        chosen = maximize(kind(similarity), 4)
        np.testing.assert_array_equal(chosen[0], picks)
        np.testing.assert_allclose(chosen[1], [0.9, 0, 0, 0])
        assert chosen.n_filled == 3
        assert maximize(kind(similarity), 1).n_filled == 0


def test_filling_up_weighs_the_private_set_by_nu():
    given = {"UU": np.eye(3), "UQ": np.full((3, 1), 0.0), "UP": [[0.2], [0.1], [0]]}
    given["UQ"] = [[-0.1], [-0.15], [-0.4]]
    similarity = Similarity.from_matrix(**given)
    for nu, picks in [(0, [0, 1, 2]), (1, [1, 0, 2]), (4, [2, 1, 0])]:
        chosen = maximize(FLCMI(similarity, nu=nu), 3)
        np.testing.assert_array_equal(chosen[0], picks)
        assert chosen.n_filled == 3


def test_what_is_covered_is_filled_up_by_how_unlike_it_is():
    given = {"UU": np.eye(4) / 2, "UP": [[0.8], [0.6], [0], [0.7]]}
    chosen = maximize(FLCG(Similarity.from_matrix(**given)), 4)
    np.testing.assert_array_equal(chosen[0], [2, 1, 3, 0])
    np.testing.assert_array_equal(chosen[1], [0.5, 0, 0, 0])
    assert chosen.n_filled == 3


def test_what_fills_up_is_paid_for():
    given = {"UU": np.eye(4), "UQ": [[0.9], [0], [0], [0]]}
    f = FLVMI(Similarity.from_matrix(**given))
    chosen = maximize(f, 3.0, costs=[1, 5, 1.5, 1])
    np.testing.assert_array_equal(chosen[0], [0, 2])
    assert chosen.n_filled == 1


def test_duplicates_have_equal_gains_and_come_by_position():
    f = FacilityLocation(Similarity.from_features(np.ones((6, 2))))
    chosen = maximize(f, 4)
    np.testing.assert_array_equal(chosen[0], [0, 1, 2, 3])
    np.testing.assert_allclose(chosen[1], [6, 0, 0, 0], atol=1e-9)
    assert chosen.n_filled == 0


def test_negative_gains_are_returned():
    f = problem(GraphCut, lambda_=1.0)
    picks, gains = maximize(f, 25)
    assert (gains < 0).any()
    assert len(picks) == 25
    assert gains.sum() == pytest.approx(f.evaluate(range(25)))


def test_the_result_is_a_pair_that_unpacks():
    chosen = maximize(problem(GCMI), 2)
    assert isinstance(chosen, tuple)
    indices, gains = chosen
    assert (len(indices), len(gains), chosen.n_filled) == (2, 2, 0)


PRICED = {"costs": np.ones(25)}
WRONG = [
    ({"f": "FacilityLocation"}, "f is 'FacilityLocation'"),
    ({"optimizer": "greedy"}, "optimizer is 'greedy'"),
    *(({"epsilon": value}, f"epsilon is {value!r}") for value in (0, 1, np.nan, "1")),
    *(
        ({"n": value}, f"n is {value!r}: give an int from 0 to 25")
        for value in (-1, 26, 2.5, np.nan, np.inf, None, "a")
    ),
    *(
        ({"n": value} | PRICED, f"n is {value!r}: with costs")
        for value in (-0.5, np.nan, np.inf, "3")
    ),
    *(
        ({"costs": value}, "costs must be 25 positive numbers")
        for value in (1.0, np.ones(24), np.zeros(25), [np.nan] * 25, [np.inf] * 25)
    ),
    ({"random_state": "x"}, "random_state is 'x'"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=[w[1] for w in WRONG])
def test_what_is_wrong_is_named(given, message):
    given = {"f": problem(GCMI), "n": 3} | given
    with pytest.raises((ValueError, TypeError), match=message):
        maximize(given.pop("f"), given.pop("n"), **given)


@pytest.mark.parametrize("working_memory", [0, 0.001, 0.01, 1024])
def test_how_many_columns_are_kept_changes_no_pick(working_memory):
    X = np.random.default_rng(3).normal(size=(90, 4))
    f = FacilityLocation(Similarity.from_features(X))
    expected, gains = maximize(f, 30, optimizer="naive")
    with config_context(working_memory=working_memory):  # MB, half of it for columns
        found, same = maximize(f, 30)
    assert found.tolist() == expected.tolist()
    np.testing.assert_allclose(same, gains, rtol=1e-9)


def test_what_a_run_took_is_given_back_at_once():
    """Without waiting for cycles to be collected: tables of columns are large."""
    f = FacilityLocation(Similarity.from_features(np.eye(20)))
    state = f.start()
    state.add(3)
    seen = weakref.ref(state)
    gc.disable()
    try:
        del state
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("metric", ["cosine", "shifted", "dot"])
@pytest.mark.parametrize("kind", [FacilityLocation, LogDeterminant, LogDetCG, GCMI])
def test_lazy_picks_what_naive_picks_in_single_precision(kind, metric):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(9, 24))[rng.integers(9, size=1200)]
    X = (rng.normal(size=(1200, 24)) + centers).astype("f4")
    f = kind(Similarity.from_features(X, query=X[:5], private=X[20:60], metric=metric))
    lazy, naive = (maximize(f, 60, optimizer=name) for name in ("lazy", "naive"))
    np.testing.assert_array_equal(lazy[0], naive[0])
    np.testing.assert_allclose(lazy[1], naive[1], rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["naive", "lazy"])
def test_a_row_that_costs_next_to_nothing_does_not_end_the_choice(optimizer):
    """It has the most for its price, and adds next to nothing; another adds more."""
    UU = np.diag([1.0, 0.5, 1e-10, 1.0])
    UU[0, 3] = UU[3, 0] = 1
    f = FLVMI(Similarity.from_matrix(UU, UQ=[[1.0], [0.5], [0.4], [1.0]]))
    chosen = maximize(f, 11.5, costs=[1, 10, 1e-9, 10], optimizer=optimizer)
    assert chosen[0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(chosen[1], [2, 0.5, 0])
    assert chosen.n_filled == 1
