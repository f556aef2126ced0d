"""Similarities by blocks, columns and sums, against whole matrices by the formulas."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse

from skal.submodular import (
    FLQMI,
    FacilityLocation,
    GraphCut,
    LogDetCMI,
    LogDeterminant,
    LogDetMI,
    Similarity,
    maximize,
)

METRICS = ["cosine", "shifted", "dot", "rbf"]
KINDS = [
    "dense",
    "sparse",
    "torch",
    "gradients",
    "sparse gradients",
    "mixed gradients",
    "matrix",
]
SIZES = {"U": 23, "Q": 4, "P": 3}
all_metrics = pytest.mark.parametrize("metric", METRICS)


def pair(x, y, metric):
    """Similarity of two vectors, by its formula."""
    if metric == "dot":
        return sum(x * y)
    if metric == "rbf":
        return np.exp(-sum((x - y) ** 2) / len(x))
    lengths = np.sqrt(sum(x**2)) * np.sqrt(sum(y**2))
    cosine = sum(x * y) / lengths if lengths > 0 else 0.0
    return cosine if metric == "cosine" else (1 + cosine) / 2


def whole(A, B, metric):
    return np.array([[pair(x, y, metric) for y in B] for x in A])


def tables(d=5, seed=0):
    rng = np.random.default_rng(seed)
    sets = {name: rng.normal(size=(n, d)) for name, n in SIZES.items()}
    sets["U"][7] = 0
    sets["P"][1] = 0
    return sets


def gradients(seed=0):
    """Factors of each set, and what they stand for, with the bias."""
    rng = np.random.default_rng(seed)
    factors, formed = {}, {}
    for name, n in SIZES.items():
        a, h = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
        a[n // 2] = 0
        factors[name] = a, h
        with_bias = np.c_[h, np.ones(n)]
        formed[name] = np.array(
            [np.outer(a[i], with_bias[i]).ravel() for i in range(n)]
        )
    return factors, formed


def from_tables(sets, metric, convert=lambda x: x):
    U, Q, P = (convert(sets[name]) for name in "UQP")
    return Similarity.from_features(U, query=Q, private=P, metric=metric)


def make(kind, metric):
    """Return a similarity, and the features that it stands for."""
    if kind in ("gradients", "sparse gradients", "mixed gradients"):
        (factors, sets), table = gradients(), np.array
        if kind != "gradients":
            table = sparse.csr_array
        U, Q, P = ((a, table(h)) for a, h in (factors[name] for name in "UQP"))
        Q = factors["Q"] if kind == "mixed gradients" else Q
        similarity = Similarity.from_gradients(*U, query=Q, private=P, metric=metric)
        return similarity, sets
    sets = tables()
    if kind == "matrix":
        names = ["UU", "UQ", "QQ", "UP", "PP", "QP"]
        blocks = {ab: whole(sets[ab[0]], sets[ab[1]], metric) for ab in names}
        return Similarity.from_matrix(**blocks), sets
    convert = {"dense": np.array, "sparse": sparse.csr_array, "torch": torch.tensor}
    return from_tables(sets, metric, convert[kind]), sets


@all_metrics
@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_that_of_the_whole_matrix(kind, metric):
    similarity, sets = make(kind, metric)
    assert (similarity.n, similarity.n_query, similarity.n_private) == (23, 4, 3)
    same = np.testing.assert_allclose
    rows, columns = np.array([7, 2, 11]), np.array([2, 0])
    for a, b in ["UU", "UQ", "UP", "QU", "PU", "QP", "PQ", "QQ", "PP"]:
        full = whole(sets[a], sets[b], metric)
        same(similarity.block(a, b), full, atol=1e-12)
        some = similarity.block(a, b, rows % SIZES[a], columns)
        same(some, full[rows % SIZES[a]][:, columns], atol=1e-12)
        same(similarity.block(a, b, slice(1, 3)), full[1:3], atol=1e-12)
    for letter in "UQP":
        full = whole(sets[letter], sets["U"], metric)
        same(similarity.columns(letter, rows), full[:, rows].T, atol=1e-12)
        same(similarity.totals(letter), full.sum(axis=0), atol=1e-12)
        own = whole(sets[letter], sets[letter], metric)
        same(similarity.diagonal(letter), np.diag(own), atol=1e-12)
    same(similarity.pairs(11), 2 * whole(sets["U"], sets["U"], metric)[11], atol=1e-12)


@pytest.mark.parametrize("kind", ["dense", "sparse", "torch"])
@pytest.mark.parametrize("metric", ["cosine", "shifted", "dot"])
def test_vectors_whose_inner_products_are_the_similarities(kind, metric):
    similarity, sets = make(kind, metric)
    vectors = {name: similarity.linear(name).rows() for name in "UQP"}
    for a, b in ["UU", "UQ", "QP"]:
        expected = whole(sets[a], sets[b], metric)
        np.testing.assert_allclose(vectors[a] @ vectors[b].T, expected, atol=1e-12)
    linear, vector = similarity.linear(), np.arange(vectors["U"].shape[1]) - 2.5
    assert linear.size == len(vector)
    two = np.stack([vector, vector[::-1] ** 2])
    expected, rows = two @ vectors["U"].T, np.array([4, 0, 7])
    np.testing.assert_allclose(linear.times(two), expected, atol=1e-12)
    np.testing.assert_allclose(linear.times(two, rows), expected[:, rows], atol=1e-12)
    np.testing.assert_allclose(linear.rows(3), vectors["U"][3:4])


@pytest.mark.parametrize("kind", ["gradients", "matrix"])
def test_no_vectors_where_there_are_none(kind):
    assert make(kind, "cosine")[0].linear() is None
    assert make("dense", "rbf")[0].linear() is None


def test_gradients_without_bias():
    rng = np.random.default_rng(0)
    a, h = rng.normal(size=(9, 3)), rng.normal(size=(9, 4))
    formed = np.einsum("nc,nd->ncd", a, h).reshape(9, -1)
    block = Similarity.from_gradients(a, h, bias=False).block("U", "U")
    np.testing.assert_allclose(block, whole(formed, formed, "cosine"), atol=1e-12)


@pytest.mark.parametrize(("metric", "expected"), [("cosine", 0), ("shifted", 0.5)])
def test_rows_of_zeros_have_the_cosine_0_with_all(metric, expected):
    X = np.array([[1.0, 2.0], [0.0, 0.0], [-3.0, 1.0]])
    similarity = Similarity.from_features(X, metric=metric)
    np.testing.assert_array_equal(similarity.block("U", "U")[1], expected)
    assert similarity.diagonal()[1] == expected


@pytest.mark.parametrize("exponent", [-30, -18, 15])
def test_cosines_of_tiny_and_of_large_rows_in_single_precision(exponent):
    X = tables()["U"]
    small = (X * 10.0**exponent).astype("f4")
    similarity = Similarity.from_features(small)
    assert similarity.single
    expected = whole(X, X, "cosine")
    np.testing.assert_allclose(similarity.block("U", "U"), expected, atol=1e-5)
    np.testing.assert_allclose(similarity.totals("U"), expected.sum(0), atol=1e-5)
    np.testing.assert_allclose(similarity.diagonal(), np.diag(expected))
    vectors = similarity.linear().rows()
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-5)


def test_gradients_of_a_confident_model_keep_their_directions():
    rng = np.random.default_rng(0)
    a, h = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))
    expected = Similarity.from_gradients(a, h).block("U", "U")
    tiny = (a * 10.0 ** -np.arange(0, 30, 5)[:, None]).astype("f4")
    block = Similarity.from_gradients(tiny, h.astype("f4")).block("U", "U")
    np.testing.assert_allclose(block, expected, atol=1e-5)


@all_metrics
@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_single_precision_is_close_to_double(metric, dtype):
    sets = {name: table.astype(dtype) for name, table in tables().items()}
    single = from_tables(sets, metric)
    double = from_tables(sets, metric, lambda x: x.astype("f8"))
    assert single.block("U", "Q").dtype == np.float32
    assert (single.single, double.single) == (True, False)
    for a, b in ["UU", "UQ", "QP"]:
        np.testing.assert_allclose(single.block(a, b), double.block(a, b), atol=1e-5)
    np.testing.assert_allclose(single.totals("U"), double.totals("U"), atol=1e-4)


def test_integers_are_compared_in_double_precision():
    similarity = Similarity.from_features(np.array([[3, 4], [4, 3]]))
    np.testing.assert_allclose(similarity.block("U", "U"), [[1, 0.96], [0.96, 1]])


def test_row_of_a_given_matrix_is_who_is_served_and_column_who_serves():
    UU = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    similarity = Similarity.from_matrix(UU, UQ=[[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(similarity.columns("U", [1]), [[2, 5, 8]])
    np.testing.assert_array_equal(similarity.totals("U"), [12, 15, 18])
    np.testing.assert_array_equal(similarity.block("U", "U", [0], [2]), [[3]])
    np.testing.assert_array_equal(similarity.pairs(0), [2, 6, 10])
    np.testing.assert_array_equal(similarity.columns("Q", [2]), [[5, 6]])
    np.testing.assert_array_equal(similarity.block("Q", "U"), [[1, 3, 5], [2, 4, 6]])


def test_parts_are_new_arrays():
    UU = np.arange(9.0).reshape(3, 3)
    X = np.eye(3)
    for similarity in (
        Similarity.from_matrix(UU),
        Similarity.from_features(X, metric="dot"),
    ):
        before = similarity.block("U", "U").copy()
        for part in (
            similarity.block("U", "U"),
            similarity.columns("U", np.array([0])),
            similarity.diagonal(),
            similarity.totals("U"),
        ):
            part += 100
        np.testing.assert_array_equal(similarity.block("U", "U"), before)
        np.testing.assert_array_equal(similarity.diagonal(), np.diag(before))


def frozen(array):
    array.setflags(write=False)
    return array


@all_metrics
@pytest.mark.parametrize("function", [LogDetCMI, FLQMI, GraphCut])
def test_inputs_may_be_read_only(metric, function):
    sets = {name: frozen(0.3 * table) for name, table in tables().items()}
    similarity = from_tables(sets, metric)
    given = {
        a + b: frozen(similarity.block(a, b))
        for a, b in ["UU", "UQ", "QQ", "UP", "PP", "QP"]
    }
    picks, _ = maximize(function(similarity), 5)
    of_given, _ = maximize(function(Similarity.from_matrix(**given)), 5)
    np.testing.assert_array_equal(picks, of_given)


def test_gradients_are_never_formed():
    rng = np.random.default_rng(0)
    n, C, d = 1500, 40, 60
    a, h = rng.normal(size=(n, C)), rng.normal(size=(n, d))
    tracemalloc.start()
    similarity = Similarity.from_gradients(a, h, query=(a[:3], h[:3]), metric="shifted")
    similarity.totals("U")
    similarity.columns("U", np.arange(5))
    similarity.block("U", "Q")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * C * d * 8 / 5


def test_sparse_features_stay_sparse():
    X = sparse.random_array((1000, 3000), density=0.005, rng=0, format="csr")
    tracemalloc.start()
    similarity = Similarity.from_features(X, query=X[:4])
    picks, _ = maximize(FLQMI(similarity), 5)
    similarity.totals("U")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * 3000 * 8 / 8
    dense = Similarity.from_features(X.toarray(), query=X[:4].toarray())
    np.testing.assert_array_equal(picks, maximize(FLQMI(dense), 5)[0])


def test_other_sets_become_what_the_pool_is():
    sets = tables()
    expected = from_tables(sets, "cosine").block("U", "Q")
    X, Q = torch.tensor(sets["U"]), sets["Q"].tolist()
    assert isinstance(
        Similarity.from_features(X, query=Q).block("U", "Q"), torch.Tensor
    )
    table = sparse.csr_array(sets["U"])
    block = Similarity.from_features(table, query=sets["Q"]).block("U", "Q")
    np.testing.assert_allclose(block, expected, atol=1e-12)
    factors, _ = gradients()
    pool = [torch.tensor(table) for table in factors["U"]]
    block = Similarity.from_gradients(*pool, query=factors["Q"]).block("U", "Q")
    expected = Similarity.from_gradients(*factors["U"], query=factors["Q"])
    assert isinstance(block, torch.Tensor)
    np.testing.assert_allclose(block, expected.block("U", "Q"), atol=1e-12)


@pytest.mark.parametrize("tensor", ["UU", "UQ"])
def test_one_tensor_among_given_matrices_makes_all_tensors(tensor):
    given = {"UU": np.eye(3), "UQ": np.ones((3, 2))}
    given[tensor] = torch.tensor(given[tensor])
    similarity = Similarity.from_matrix(**given)
    assert isinstance(similarity.block("U", "U"), torch.Tensor)
    assert isinstance(similarity.block("U", "Q"), torch.Tensor)


def test_a_table_without_rows_is_an_empty_set():
    similarity = Similarity.from_features(np.eye(3), private=np.empty((0, 3)))
    assert (similarity.n_query, similarity.n_private) == (None, 0)
    assert similarity.block("U", "P").shape == (3, 0)
    np.testing.assert_array_equal(similarity.totals("P"), 0)


def broken(shape, value, place=0):
    table = np.ones(shape)
    table[place] = value
    return table


A, H, NAN, INF = np.ones((4, 3)), np.ones((4, 2)), np.nan, np.inf
features, of_gradients = Similarity.from_features, Similarity.from_gradients
matrix = Similarity.from_matrix
WRONG = {
    "X is NaN": (features, [broken((9, 2), NAN, 5)], {}, "X holds NaN.* row 5"),
    "X is inf": (features, [broken((9, 2), -INF, 8)], {}, "X holds NaN.* row 8"),
    "X is far beyond 1000 rows": (
        features,
        [broken((9000, 2), NAN, 8999)],
        {},
        "X holds NaN.* row 8999",
    ),
    "X too large": (features, [np.full((2, 2), 3e38, "f4")], {}, "X holds .*too large"),
    "X is 1-D": (features, [np.ones(3)], {}, "X must have 2 dimensions"),
    "query is NaN": (features, [A], {"query": broken((2, 3), NAN, 1)}, "query .*row 1"),
    "private is inf": (features, [A], {"private": broken((2, 3), INF)}, "private hol"),
    "query is narrow": (features, [A], {"query": np.ones((2, 2))}, "query must have"),
    "private is 1-D": (features, [A], {"private": np.ones(3)}, "private must have"),
    "metric": (features, [A], {"metric": "euclidean"}, "metric is 'euclidean'"),
    "metric of gradients": (of_gradients, [A, H], {"metric": "cos"}, "metric is 'cos'"),
    "few embeddings": (of_gradients, [A, H[1:]], {}, "logit_gradient must have shape"),
    "logit_gradient is 1-D": (of_gradients, [A[:, 0], H], {}, "logit_gradient must"),
    "embedding is 1-D": (of_gradients, [A, H[:, 0]], {}, "embedding must have 2"),
    "logit_gradient is NaN": (
        of_gradients,
        [broken((4, 3), NAN), H],
        {},
        "logit_gradient holds NaN",
    ),
    "embedding is inf": (of_gradients, [A, broken((4, 2), INF)], {}, "embedding holds"),
    "sparse embedding is NaN": (
        of_gradients,
        [A, sparse.csr_array(broken((4, 2), NAN))],
        {},
        "embedding holds",
    ),
    "query gradient is NaN": (
        of_gradients,
        [A, H],
        {"query": (broken((4, 3), NAN), H)},
        "query: logit_gradient holds",
    ),
    "private has other classes": (
        of_gradients,
        [A, H],
        {"private": (np.ones((4, 5)), H)},
        "private must have as many columns",
    ),
    "query has other features": (
        of_gradients,
        [A, H],
        {"query": (A, np.ones((4, 5)))},
        "query must have as many columns",
    ),
    "query is no pair": (of_gradients, [A, H], {"query": (A, H, H)}, "query must be a"),
    "nothing": (matrix, [], {}, "UU, UQ and UP are None"),
    "nothing of the pool": (matrix, [], {"QQ": np.eye(2)}, "UU, UQ and UP are None"),
    "UU is NaN": (matrix, [broken((3, 3), NAN)], {}, "UU holds NaN"),
    "QP is inf": (matrix, [np.eye(3)], {"QP": broken((3, 3), INF)}, "QP holds NaN"),
    "UU is 1-D": (matrix, [np.ones(3)], {}, "UU must have 2 dimensions"),
    "UU is not square": (matrix, [np.ones((3, 2))], {}, r"UU has the shape \(3, 2\)"),
    "UQ is short": (matrix, [np.eye(3)], {"UQ": np.ones((2, 2))}, "UQ has the shape"),
    "QP does not fit": (
        matrix,
        [np.eye(3)],
        {"UQ": np.ones((3, 2)), "UP": np.ones((3, 4)), "QP": np.ones((4, 2))},
        "QP has the shape",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case):
    call, arguments, params, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        call(*arguments, **params)


def test_a_matrix_that_is_needed_and_was_not_given_is_named():
    similarity = Similarity.from_matrix(np.eye(3), UQ=np.ones((3, 1)))
    with pytest.raises(ValueError, match="UP is needed"):
        similarity.block("U", "P")
    with pytest.raises(ValueError, match="QQ is needed"):
        similarity.diagonal("Q")


def test_distances_far_from_the_origin_in_single_precision():
    X = (1000 + np.random.default_rng(0).normal(size=(80, 16))).astype("f4")
    before = X.copy()
    single = Similarity.from_features(X, query=X[:5], metric="rbf")
    double = Similarity.from_features(X.astype("f8"), query=X[:5], metric="rbf")
    for pair in ("UU", "UQ", "QU", "QQ"):
        np.testing.assert_allclose(
            single.block(*pair), double.block(*pair), rtol=0, atol=1e-4
        )
    np.testing.assert_allclose(np.diag(single.block("U", "U")), 1, atol=1e-5)
    assert np.array_equal(X, before)


def test_positions_from_the_end_and_of_numpy():
    similarity = Similarity.from_features(np.eye(5))
    rows = np.array([-2, -1])
    assert similarity.block("U", "U", rows).tolist() == np.eye(5)[rows].tolist()
    assert similarity.block("U", "U", np.array([-1, 0])).shape == (2, 5)
    assert similarity.linear().rows(np.int64(2)).shape == (1, 5)


@pytest.mark.parametrize("metric", ["cosine", "shifted", "dot", "rbf"])
def test_half_precision_tensors_work_as_single_ones(metric):
    X = torch.arange(24.0).reshape(8, 3).remainder(5).to(torch.bfloat16)
    half = Similarity.from_features(X, query=X[:2], metric=metric)
    whole = Similarity.from_features(X.float(), query=X[:2].float(), metric=metric)
    for kind in (LogDeterminant, LogDetMI, FacilityLocation):
        found, expected = maximize(kind(half), 3), maximize(kind(whole), 3)
        assert found[0].tolist() == expected[0].tolist()


def test_sums_of_sparse_gradients_are_never_dense():
    rng = np.random.default_rng(0)
    features = sparse.random_array((1500, 8000), density=1e-3, format="csr", rng=rng)
    gradient = rng.normal(size=(1500, 3))
    pair = (gradient[:2], features[:2])
    tracemalloc.start()
    totals = Similarity.from_gradients(gradient, features, query=pair).totals("Q")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert totals.shape == (1500,)
    assert peak < 1e7  # (n, d) is 96 MB
