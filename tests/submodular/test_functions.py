"""Values of set functions and gains of their states, against sums by the formulas."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn import config_context

from skal import submodular
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
    _log_det,
    maximize,
)

UU = [[1, 0.8, 0.2], [0.8, 1, 0.4], [0.2, 0.4, 1]]
TINY = {
    "UU": UU,
    "UQ": [[0.9], [0.6], [0.1]],
    "QQ": [[1.0]],
    "UP": [[0.2], [0.7], [0.3]],
    "PP": [[1.0]],
    "QP": [[0.5]],
}
SETS = [[0], [1], [2], [0, 1], [0, 2], [1, 2]]
L2 = 0.693147
# function, parameters, values of SETS, greedy picks (None: filled up), their gains
TABLE = [
    (FacilityLocation, {}, [2, 2.2, 1.6, 2.4, 2.8, 2.8], [1, 2], [2.2, 0.6]),
    (GraphCut, {"lambda_": 0.5}, [1.5, 1.7, 1.1, 2.4, 2.4, 2.4], [1, 0], [1.7, 0.7]),
    (GraphCut, {"lambda_": 1}, [1, 1.2, 0.6, 0.6, 1.2, 1.0], [1, 2], [1.2, -0.2]),
    (
        LogDeterminant,
        {},
        [L2, L2, L2, 1.211941, 1.376244, 1.345472],
        [0, 2],
        [L2, 0.683097],
    ),
    (FLVMI, {}, [1.6, 1.5, 0.7, 1.6, 1.6, 1.5], [0, None], [1.6, 0]),
    (FLVMI, {"eta": 0.5}, [0.8, 0.8, 0.55, 0.8, 0.8, 0.8], [0, None], [0.8, 0]),
    (FLQMI, {}, [1.8, 1.2, 0.2, 2.4, 1.9, 1.3], [0, 1], [1.8, 0.6]),
    (FLQMI, {"eta": 0.1}, [0.99, 0.66, 0.11, 1.05, 1.0, 0.67], [0, 1], [0.99, 0.06]),
    (GCMI, {}, [0.9, 0.6, 0.1, 1.5, 1.0, 0.7], [0, 1], [0.9, 0.6]),
    (
        LogDetMI,
        {},
        [0.226273, 0.094311, 0.002503, 0.248004, 0.226305, 0.094425],
        [0, 1],
        [0.226273, 0.021730],
    ),
    (
        LogDetMI,
        {"eta": 1.5},
        [0.608117, 0.226273, 0.005641, 0.681607, 0.608221, 0.226567],
        [0, 1],
        [0.608117, 0.073490],
    ),
    (FLCG, {}, [0.9, 1.0, 0.7, 1.2, 1.6, 1.6], [1, 2], [1.0, 0.6]),
    (FLCG, {"nu": 0.5}, [1.4, 1.6, 1.0, 1.8, 2.2, 2.2], [1, 2], [1.6, 0.6]),
    (GCCG, {"lambda_": 0.5}, [1.3, 1.0, 0.8, 1.5, 1.9, 1.4], [0, 2], [1.3, 0.6]),
    (
        LogDetCG,
        {},
        [0.683097, 0.562469, 0.670390, 1.079090, 1.345993, 1.207168],
        [0, 2],
        [0.683097, 0.662896],
    ),
    (FLCMI, {}, [0.7, 0.6, 0, 0.7, 0.7, 0.6], [0, None], [0.7, 0]),
    (
        LogDetCMI,
        {},
        [0.216432, 0.056455, 0.000171, 0.222000, 0.217218, 0.057094],
        [0, 1],
        [0.216432, 0.005568],
    ),
    # by hand: .9 .6 .1 and, for a pair, what is left of 1 of its similarity
    (DivGCMI, {}, [0.9, 0.6, 0.1, 1.7, 1.8, 1.3], [0, 2], [0.9, 0.9]),
    (DivGCMI, {"gamma": 3}, [0.9, 0.6, 0.1, 2.1, 3.4, 2.5], [0, 2], [0.9, 2.5]),
]


@pytest.mark.parametrize(("kind", "params", "values", "picks", "gains"), TABLE)
def test_worked_examples(kind, params, values, picks, gains):
    f = kind(Similarity.from_matrix(**TINY), **params)
    np.testing.assert_allclose([f.evaluate(s) for s in SETS], values, atol=1e-6)
    for optimizer in ("naive", "auto"):
        chosen = maximize(f, 2, optimizer=optimizer)
        np.testing.assert_allclose(chosen[1], gains, atol=1e-6)
        assert chosen.n_filled == (picks[1] is None)
        expected = picks if picks[1] is not None else [0, 1]  # 1 is more like the query
        np.testing.assert_array_equal(chosen[0], expected)


TWO_QUERIES = {
    "UU": UU,
    "UQ": [[0.9, 0.85], [0.6, 0.6], [0.1, 0.1]],
    "QQ": [[1, 0.95], [0.95, 1]],
}


@pytest.mark.parametrize(
    ("eta", "smallest"), [(1, 1.0302), (1.3, 0.7888), (1.5, 0.5271), (2, -0.1877)]
)
def test_a_scaled_kernel_that_is_no_covariance_is_an_error(eta, smallest):
    similarity = Similarity.from_matrix(**TWO_QUERIES)
    U, UQ, Q = (similarity.block(*ab) for ab in ["UU", "UQ", "QQ"])
    kernel = np.block([[U, eta * UQ], [eta * UQ.T, Q]]) + np.eye(5)
    assert np.linalg.eigvalsh(kernel)[0] == pytest.approx(smallest, abs=5e-5)
    f = LogDetMI(similarity, eta=eta)
    if smallest > 0:
        assert len(maximize(f, 3)[0]) == 3
        return
    with pytest.raises(ValueError, match="reduce eta or nu, raise lambda_"):
        maximize(f, 3)
    with pytest.raises(ValueError, match="reduce eta or nu, raise lambda_"):
        f.evaluate([0, 1, 2])


def test_information_on_two_queries():
    f = LogDetMI(Similarity.from_matrix(**TWO_QUERIES))
    assert f.evaluate([0]) == pytest.approx(0.301280, abs=1e-6)


def test_a_determinant_of_two_negative_factors_is_an_error_too():
    given = {"UU": np.eye(2), "UP": 2 * np.eye(2), "PP": np.eye(2)}
    f = LogDetCG(Similarity.from_matrix(**given), nu=2)
    assert np.linalg.det(2 * np.eye(2) - 16 / 2 * np.eye(2)) > 0
    for call in (lambda: f.evaluate([0, 1]), lambda: maximize(f, 1)):
        with pytest.raises(ValueError, match="not positive definite"):
            call()


def test_sets_beside_the_pool_that_are_no_covariance_are_an_error():
    f = LogDetMI(Similarity.from_matrix(UU, UQ=[[0.1] * 2] * 3, QQ=[[1, 3], [3, 1]]))
    for call in (lambda: f.evaluate([0]), lambda: maximize(f, 1)):
        with pytest.raises(ValueError, match="not positive definite"):
            call()


# The formulas, element by element. B holds the blocks "UU", "UQ" ...
def best(B, name, i, among=None):
    among = range(B[name].shape[1]) if among is None else among
    return max([0.0, *(B[name][i, j] for j in among)])


def facility(B, A, eta=None, nu=None):
    total = 0.0
    for i in range(len(B["UU"])):
        value = best(B, "UU", i, A)
        if eta is not None:
            value = min(value, eta * best(B, "UQ", i))
        if nu is not None:
            value = max(value - nu * best(B, "UP", i), 0)
        total += value
    return total


def facility_of_queries(B, A, eta):
    to_queries = sum(best(B, "UQ", j) for j in A)
    return eta * to_queries + sum(best(B, "QU", q, A) for q in range(len(B["QU"])))


def cut(B, A, lambda_, nu=0.0):
    n = len(B["UU"])
    value = sum(B["UU"][i, j] for i in range(n) for j in A)
    value -= lambda_ * sum(B["UU"][i, j] for i in A for j in A)
    if nu:
        value -= 2 * lambda_ * nu * sum(B["UP"][j].sum() for j in A)
    return value


def diverse(B, A, gamma):
    unlike = sum(1 - B["UU"][i, j] for i, j in itertools.combinations(A, 2))
    return sum(B["UQ"][j].sum() for j in A) + gamma * unlike


def log_det(B, A, with_sets, lambda_, eta=1.0, nu=1.0):
    """Log-determinant of members and whole sets in one matrix, scaled across."""
    scale = {"UQ": eta, "QU": eta, "UP": nu, "PU": nu}
    parts = [("U", list(A)), *((s, range(len(B[s + s]))) for s in with_sets)]
    rows = [(letter, i) for letter, positions in parts for i in positions]
    kernel = np.array(
        [[scale.get(a + b, 1) * B[a + b][i, j] for b, j in rows] for a, i in rows]
    ).reshape(len(rows), len(rows))
    return np.linalg.slogdet(kernel + lambda_ * np.eye(len(rows)))[1]


def log_det_mi(B, A, lambda_, eta):
    def f(A, sets):
        return log_det(B, A, sets, lambda_, eta)

    return f(A, "") + f([], "Q") - f(A, "Q")


def log_det_cmi(B, A, lambda_, eta, nu):
    def f(A, sets):
        return log_det(B, A, sets, lambda_, eta, nu)

    return f(A, "P") + f([], "QP") - f(A, "QP") - f([], "P")


def log_det_cg(B, A, lambda_, nu):
    members = log_det(B, A, "P", lambda_, nu=nu)
    return members - log_det(B, [], "P", lambda_)


BY_FORMULA = {
    FacilityLocation: lambda B, A: facility(B, A),
    FLVMI: lambda B, A, eta: facility(B, A, eta),
    FLQMI: facility_of_queries,
    FLCG: lambda B, A, nu: facility(B, A, nu=nu),
    FLCMI: lambda B, A, eta, nu: facility(B, A, eta, nu),
    GraphCut: cut,
    GCCG: cut,
    GCMI: lambda B, A: sum(B["UQ"][j].sum() for j in A),
    DivGCMI: diverse,
    LogDeterminant: lambda B, A, lambda_: log_det(B, A, "", lambda_),
    LogDetMI: log_det_mi,
    LogDetCG: log_det_cg,
    LogDetCMI: log_det_cmi,
}
PARAMS = {
    FacilityLocation: [{}],
    FLVMI: [{"eta": eta} for eta in (0, 0.5, 1, 2)],
    FLQMI: [{"eta": eta} for eta in (0, 0.1, 1)],
    FLCG: [{"nu": nu} for nu in (0, 0.5, 1, 2)],
    FLCMI: [{"eta": eta, "nu": nu} for eta, nu in [(1, 1), (2, 0.5), (0.7, 0)]],
    GraphCut: [{"lambda_": lambda_} for lambda_ in (0, 0.5, 1)],
    GCCG: [{"lambda_": lam, "nu": nu} for lam, nu in [(0.5, 1), (1, 0.3), (0.2, 2)]],
    GCMI: [{}],
    DivGCMI: [{"gamma": gamma} for gamma in (0, 1, 2.5)],
    LogDeterminant: [{"lambda_": lambda_} for lambda_ in (1, 0.1)],
    LogDetMI: [{"lambda_": lam, "eta": e} for lam, e in [(1, 1), (0.3, 0.6), (2, 1.1)]],
    LogDetCG: [{"lambda_": lam, "nu": nu} for lam, nu in [(1, 1), (0.3, 0.5)]],
    LogDetCMI: [
        {"lambda_": lam, "eta": eta, "nu": nu}
        for lam, eta, nu in [(1, 1, 1), (0.5, 0.7, 0.4), (2, 1, 0.8)]
    ],
}
CASES = [(kind, params) for kind, variants in PARAMS.items() for params in variants]
METRICS = ["cosine", "shifted", "dot", "rbf"]
all_cases = pytest.mark.parametrize(("kind", "params"), CASES)
all_kinds = pytest.mark.parametrize("kind", BY_FORMULA)
all_metrics = pytest.mark.parametrize("metric", METRICS)
NAMES = ["UU", "UQ", "UP", "QQ", "PP", "QP"]


def problem(metric="cosine", seed=0, convert=lambda x: x, n=13):
    rng = np.random.default_rng(seed)
    X, Q, P = (0.4 * rng.normal(size=(m, 4)) for m in (n, 3, 2))
    X, Q, P = convert(X), convert(Q), convert(P)
    return Similarity.from_features(X, query=Q, private=P, metric=metric)


def blocks(similarity):
    pairs = [a + b for a in "UQP" for b in "UQP"]
    return {ab: np.asarray(similarity.block(*ab)) for ab in pairs}


def random_sets(n, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.permutation(n)[:size].tolist() for size in (0, 1, 2, 3, 5, n - 1, n)]


@all_metrics
@all_cases
def test_values_are_those_of_the_formulas(kind, params, metric):
    similarity = problem(metric)
    f, B = kind(similarity, **params), blocks(similarity)
    for members in random_sets(similarity.n):
        expected = BY_FORMULA[kind](B, members, **params)
        assert f.evaluate(members) == pytest.approx(expected, abs=1e-9)


@all_metrics
@all_cases
def test_gains_are_differences_of_values(kind, params, metric):
    f = kind(problem(metric, seed=1), **params)
    state, members, everything = f.start(), [], np.arange(f.similarity.n)
    for j in [8, 3, 0, 11, 5, 1, 7]:
        left = np.setdiff1d(everything, members)
        value = f.evaluate(members)
        expected = [f.evaluate([*members, i]) - value for i in left]
        np.testing.assert_allclose(state.gains(left), expected, atol=1e-9)
        state.add(j)
        members.append(j)


def test_facility_locations_take_similarities_below_0_for_0():
    given = {
        "UU": [[1, -0.5], [-0.5, 1]],
        "UQ": [[-0.9], [0.4]],
        "UP": [[0.3], [-0.6]],
    }
    similarity = Similarity.from_matrix(**given)
    assert FacilityLocation(similarity).evaluate([0]) == 1
    assert FLVMI(similarity).evaluate([0, 1]) == pytest.approx(0.4)
    assert FLQMI(similarity).evaluate([0]) == 0
    assert FLQMI(similarity).evaluate([0, 1]) == pytest.approx(0.8)
    assert FLCG(similarity).evaluate([0, 1]) == pytest.approx(1.7)
    assert FLCMI(similarity).evaluate([0, 1]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("kind", "params"),
    [(FacilityLocation, {}), (GraphCut, {"lambda_": 0.7}), (DivGCMI, {})],
)
def test_a_given_matrix_need_not_be_symmetric(kind, params):
    rng = np.random.default_rng(0)
    similarity = Similarity.from_matrix(rng.random((7, 7)), UQ=rng.random((7, 2)))
    f, B = kind(similarity, **params), {"UU": similarity.block("U", "U")}
    if kind is DivGCMI:  # a pair counts by the mean of its two similarities
        B = {"UU": (B["UU"] + B["UU"].T) / 2, "UQ": similarity.block("U", "Q")}
        params = {"gamma": 1}
    state, value = f.start(), 0.0
    for members in ([2], [2, 5], [2, 5, 0], [2, 5, 0, 6]):
        expected = BY_FORMULA[kind](B, members, **params)
        assert f.evaluate(members) == pytest.approx(expected)
        gain = state.gains(np.array(members[-1:]))[0]
        assert gain == pytest.approx(expected - value)
        state.add(members[-1])
        value = expected


def test_graph_cut_counts_whom_a_member_serves():
    f = GraphCut(Similarity.from_matrix([[0, 1], [10, 100]]), lambda_=0)
    assert [f.evaluate([0]), f.evaluate([1])] == [10, 101]
    f = FacilityLocation(f.similarity)
    assert [f.evaluate([0]), f.evaluate([1])] == [10, 101]


@pytest.mark.parametrize(
    ("kind", "plain", "params"),
    [
        (FLCG, FacilityLocation, {}),
        (GCCG, GraphCut, {"lambda_": 0.4}),
        (LogDetCG, LogDeterminant, {"lambda_": 0.7}),
        (FLCMI, FLVMI, {"eta": 0.8}),
        (LogDetCMI, LogDetMI, {"lambda_": 0.7, "eta": 0.8}),
    ],
)
@pytest.mark.parametrize("given", [False, True])
def test_an_empty_private_set_takes_nothing_off(kind, plain, params, given):
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(12, 5)), rng.normal(size=(3, 5))
    similarity = Similarity.from_features(X, query=Q, private=np.empty((0, 5)))
    if given:
        pairs = {ab: similarity.block(*ab) for ab in NAMES}
        similarity = Similarity.from_matrix(**pairs)
    f, expected = kind(similarity, nu=3, **params), plain(similarity, **params)
    for members in random_sets(12):
        assert f.evaluate(members) == pytest.approx(expected.evaluate(members))
    chosen, others = maximize(f, 6), maximize(expected, 6)
    np.testing.assert_array_equal(chosen[0], others[0])
    np.testing.assert_allclose(chosen[1], others[1])


def test_the_pool_as_queries_is_no_restriction():
    X = np.random.default_rng(0).normal(size=(12, 5))
    similarity = Similarity.from_features(X, query=X, private=X[:0])
    plain = FacilityLocation(similarity)
    for f in (FLVMI(similarity), FLCMI(similarity), FLCG(similarity)):
        for members in random_sets(12):
            assert f.evaluate(members) == pytest.approx(plain.evaluate(members))
    totals = similarity.block("U", "U").sum(axis=0)
    assert GCMI(similarity).evaluate([3, 5]) == pytest.approx(totals[[3, 5]].sum())


def test_a_conditional_gain_is_a_difference_of_plain_values():
    rng = np.random.default_rng(0)
    X, P = np.abs(rng.normal(size=(8, 4))), np.abs(rng.normal(size=(3, 4)))
    both = LogDeterminant(Similarity.from_features(np.r_[X, P]))
    f = LogDetCG(Similarity.from_features(X, private=P))
    for members in random_sets(8):
        expected = both.evaluate([*members, 8, 9, 10]) - both.evaluate([8, 9, 10])
        assert f.evaluate(members) == pytest.approx(expected)


def gradient_similarities():
    rng = np.random.default_rng(0)
    sets = {
        s: (rng.normal(size=(m, 3)), rng.normal(size=(m, 4)))
        for s, m in [("U", 30), ("Q", 3), ("P", 2)]
    }
    formed = {
        s: np.einsum("nc,nd->ncd", a, np.c_[h, np.ones(len(h))]).reshape(len(h), -1)
        for s, (a, h) in sets.items()
    }
    for metric in METRICS:
        one = Similarity.from_gradients(
            *sets["U"], query=sets["Q"], private=sets["P"], metric=metric
        )
        two = Similarity.from_features(
            formed["U"], query=formed["Q"], private=formed["P"], metric=metric
        )
        given = {ab: two.block(*ab) for ab in NAMES}
        yield one, two, Similarity.from_matrix(**given)


@all_kinds
def test_features_gradients_and_matrices_agree(kind):
    for similarities in gradient_similarities():
        functions = [kind(similarity) for similarity in similarities]
        values = [f.evaluate([4, 17, 2, 29]) for f in functions]
        assert values == pytest.approx([values[0]] * 3)
        chosen = [maximize(f, 8) for f in functions]
        for picks, gains in chosen[1:]:
            np.testing.assert_array_equal(picks, chosen[0][0])
            np.testing.assert_allclose(gains, chosen[0][1], atol=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "shifted", "dot"])
@pytest.mark.parametrize("kind", [LogDeterminant, LogDetMI, LogDetCG, LogDetCMI])
def test_variances_by_vectors_are_those_by_columns(kind, metric, monkeypatch):
    f = kind(problem(metric, n=40), lambda_=0.6)
    lazy = isinstance(f.start(), _log_det.LazyLogDet)
    assert lazy == kind.submodular
    assert lazy or isinstance(f.start().variances.covariances, _log_det._Lean)
    lean, naive = maximize(f, 25), maximize(f, 25, optimizer="naive")
    monkeypatch.setattr(_log_det, "_MOST_FEATURES", 0)
    assert isinstance(f.start().variances.covariances, _log_det._Columns)
    for picks, gains in (lean, naive):
        columns = maximize(f, 25)
        np.testing.assert_array_equal(picks, columns[0])
        np.testing.assert_allclose(gains, columns[1], atol=1e-9)


@pytest.mark.parametrize("optimizer", ["auto", "naive"])
def test_copies_that_rounding_leaves_no_variance_are_an_error(optimizer):
    X = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    similarity = Similarity.from_features(np.repeat(X, 3, axis=0))
    f = LogDeterminant(similarity, lambda_=1e-12)
    with pytest.raises(ValueError, match="not positive definite"):
        maximize(f, 60, optimizer=optimizer)


def test_a_scale_above_one_watches_all_variances():
    """It may leave no covariance, which rows that nobody asks for can tell alone."""
    similarity = problem("cosine", n=40)
    assert isinstance(LogDetCG(similarity, nu=1.0).start(), _log_det.LazyLogDet)
    state = LogDetCG(similarity, lambda_=3.0, nu=1.1).start()
    assert isinstance(state.variances.covariances, _log_det._Lean)


@all_metrics
@all_kinds
def test_tensors_give_the_same_picks(kind, metric):
    arrays = maximize(kind(problem(metric, seed=2, n=40)), 10)
    f = kind(problem(metric, seed=2, convert=torch.tensor, n=40))
    tensors = maximize(f, 10)
    np.testing.assert_array_equal(arrays[0], tensors[0])
    np.testing.assert_allclose(arrays[1], tensors[1], atol=1e-9)
    assert isinstance(f.evaluate([2, 3]), float)
    assert isinstance(tensors[0], np.ndarray)


@all_metrics
@all_kinds
def test_single_precision_is_close_to_double(kind, metric):
    double = kind(problem(metric, seed=3, n=40))
    single = kind(problem(metric, seed=3, convert=lambda x: x.astype("f4"), n=40))
    members = [1, 5, 9, 30]
    assert single.evaluate(members) == pytest.approx(double.evaluate(members), abs=1e-4)
    picks, gains = maximize(single, 8)
    np.testing.assert_allclose(gains, maximize(double, 8)[1], atol=1e-4)
    values = [double.evaluate(picks[: i + 1]) for i in range(8)]
    np.testing.assert_allclose(np.cumsum(gains), values, atol=1e-3)


def test_rounding_in_single_precision_is_not_taken_for_a_matrix_without_covariance():
    rng = np.random.default_rng(0)
    X, Q = 20 * rng.normal(size=(1000, 32)), np.eye(1, 32)
    X[:, 0] *= 1e-5  # the query tells nothing, so that both variances are the same
    X, Q = X.astype("f4"), Q.astype("f4")
    f = LogDetMI(Similarity.from_features(X, query=Q, metric="dot"))
    assert len(maximize(f, 200)[0]) == 200


def test_no_matrix_of_all_pairs_is_formed():
    X = np.random.default_rng(0).normal(size=(6000, 8)).astype("f4")
    for kind, most in [(FacilityLocation, 2**20 * 4), (GraphCut, 0), (LogDetMI, 0)]:
        tracemalloc.start()
        with config_context(working_memory=8):  # MB, of which half for columns
            maximize(kind(Similarity.from_features(X, query=X[:5])), 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most + 4e7  # all pairs: 1.44e8


@pytest.mark.parametrize("private", [None, [[0.2], [0.7], [0.3]]])
@all_kinds
def test_a_set_that_is_missing_is_named(kind, private):
    similarity = Similarity.from_matrix(UU, UP=private)
    missing = "query" if "Q" in kind.needs else "private"
    if "Q" not in kind.needs and (private is not None or "P" not in kind.needs):
        kind(similarity)
        return
    with pytest.raises(ValueError, match=f"{kind.__name__} needs a {missing} set"):
        kind(similarity)


@pytest.mark.parametrize("kind", [k for k in BY_FORMULA if "Q" in k.needs])
def test_an_empty_query_set_is_an_error(kind):
    X = np.eye(4)
    similarity = Similarity.from_features(X, query=X[:0], private=X[:1])
    with pytest.raises(ValueError, match=r"needs a query set, .* an empty one"):
        kind(similarity)


def test_a_table_is_no_similarity():
    with pytest.raises(TypeError, match="similarity is ndarray"):
        FacilityLocation(np.eye(3))


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, None, "1"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(k, name) for k, variants in PARAMS.items() for name in variants[0]],
)
def test_parameters_out_of_range_are_named(kind, name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        kind(problem(), **{name: value})


def test_a_determinant_needs_something_added_to_the_diagonal():
    with pytest.raises(ValueError, match="lambda_ is 0: give a number above 0"):
        LogDeterminant(problem(), lambda_=0)


@pytest.mark.parametrize("indices", [[3, 13], [-1], [2, 4, 2], [0.5], [True, False]])
@all_kinds
def test_positions_that_are_none_are_refused(kind, indices):
    with pytest.raises(ValueError, match="indices"):
        kind(problem()).evaluate(indices)


@all_kinds
def test_positions_come_in_any_order_and_container(kind):
    f = kind(problem())
    value = f.evaluate([7, 2, 5])
    for indices in ((2, 5, 7), np.array([5, 7, 2]), torch.tensor([5, 2, 7])):
        assert f.evaluate(indices) == pytest.approx(value)
    assert f.evaluate([]) == f.evaluate(np.array([])) == 0


def test_matrices_that_a_function_needs_are_named():
    UQ = [[0.9], [0.6], [0.1]]
    with pytest.raises(ValueError, match="UU is needed"):
        maximize(FLVMI(Similarity.from_matrix(UQ=UQ)), 1)
    with pytest.raises(ValueError, match="QQ is needed"):
        LogDetMI(Similarity.from_matrix(UU, UQ=UQ)).evaluate([0])
    f = LogDetCMI(Similarity.from_matrix(UU, UQ=UQ, UP=UQ, QQ=[[1]], PP=[[1]]))
    with pytest.raises(ValueError, match="QP is needed"):
        maximize(f, 1)


def test_functions_of_single_rows_need_no_similarities_among_the_pool():
    similarity = Similarity.from_matrix(UQ=TINY["UQ"])
    assert GCMI(similarity).evaluate([0, 2]) == pytest.approx(1.0)
    np.testing.assert_array_equal(maximize(FLQMI(similarity), 3)[0], [0, 1, 2])


def test_what_is_submodular_says_so():
    everything = [getattr(submodular, name) for name in submodular.__all__]
    functions = {k for k in everything if isinstance(k, type) and k in BY_FORMULA}
    assert functions == set(BY_FORMULA)
    assert {k for k in functions if not k.submodular} == {LogDetMI, LogDetCMI, DivGCMI}


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (kind, metric)
        for kind in BY_FORMULA
        for metric in METRICS
        if kind.submodular
        # rows of negative similarity add to each other
        and not (kind in (GraphCut, GCCG) and metric in ("cosine", "dot"))
    ],
)
def test_gains_of_submodular_functions_never_grow(kind, metric):
    f, rng = kind(problem(metric, seed=4)), np.random.default_rng(0)
    for _ in range(20):
        order = rng.permutation(f.similarity.n).tolist()
        few, many, j = order[:2], order[:6], order[6]
        gain = [f.evaluate([*s, j]) - f.evaluate(s) for s in (few, many)]
        assert gain[0] >= gain[1] - 1e-9
