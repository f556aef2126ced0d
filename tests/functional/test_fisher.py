"""The Fisher kernel and the matches that queries take in turn, against brute force."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skal.functional import fisher_matches, standardized_products

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def standardized(X):
    X = np.asarray(X, "f8")
    deviation = X.std(axis=1, ddof=1, keepdims=True) + 1e-10
    return (X - X.mean(axis=1, keepdims=True)) / deviation


def slow_matches(similarity, n):
    """All first matches by similarity, then all second ones; each row once."""
    picks, order = [], np.argsort(-similarity, axis=0, kind="stable")
    for turn in order:
        matches = [(-similarity[row, query], row) for query, row in enumerate(turn)]
        for _, row in sorted(matches):
            if row not in picks:
                picks.append(int(row))
    return picks[:n]


def slow_queries(similarity, n, first):
    chosen = [first]
    while len(chosen) < n:
        closest = similarity[:, chosen].max(axis=1)
        closest[chosen] = np.inf
        chosen.append(int(closest.argmin()))
    return chosen


def tables(n=200, m=12, d=7, n_classes=3, kind="isotropic"):
    rng = np.random.default_rng(0)
    H, HQ = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    if kind == "clustered":
        centers = 3 * rng.standard_normal((4, d))
        H, HQ = H + centers[rng.integers(0, 4, n)], HQ + centers[rng.integers(0, 4, m)]
    if kind == "duplicates":
        H[:], HQ[:] = H[0], HQ[0]
    proba = rng.dirichlet(np.ones(n_classes), n + m)
    a = proba - np.eye(n_classes)[proba.argmax(axis=1)]
    return H, HQ, a[:n], a[n:], rng.standard_normal((n_classes, d))


def test_worked_example():
    products = standardized_products([[1, 2, 3]], [[2, 4, 6], [3, 1, 2]])
    np.testing.assert_allclose(products, [[2, -1]], atol=1e-8)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_products_against_a_direct_computation(dtype, kind):
    H, HQ, a, aq, head = (table.astype(dtype) for table in tables(n=5000))
    H[H < 0.5] = HQ[HQ < 0.5] = 0
    expected = standardized(H) @ standardized(HQ).T
    products = standardized_products(kind(H), kind(HQ))
    assert products.dtype == dtype
    np.testing.assert_allclose(products, expected, atol=1e-5)
    expected = standardized(a @ head) @ standardized(aq @ head).T
    np.testing.assert_allclose(
        standardized_products(a, aq, head), expected, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rows_of_one_value_are_like_nothing(dtype):
    X = np.full((3, 50), 0.1, dtype)
    X[1] = 0
    other = np.random.default_rng(0).standard_normal((2, 50)).astype(dtype)
    np.testing.assert_array_equal(standardized_products(X, other), 0)
    np.testing.assert_array_equal(standardized_products(other[:, :1], X[:, :1]), 0)


def test_level_and_scale_do_not_count():
    H, HQ, *_ = tables()
    moved = standardized_products(3 * H + 5, HQ)
    np.testing.assert_allclose(moved, standardized_products(H, HQ))


@pytest.mark.parametrize("kind", ["clustered", "isotropic", "duplicates"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", [5, 12, 40, 200])
@pytest.mark.parametrize("how", ["features", "logits", "head"])
def test_picks_are_those_of_brute_force(kind, dtype, n, how):
    H, HQ, a, aq, head = (table.astype(dtype) for table in tables(kind=kind))
    if kind == "duplicates":
        a[:], aq[:] = a[0], aq[0]
    profiles, options = [(H, HQ)], {}
    if how != "features":
        options = {"logit_gradient": a, "query_logit_gradient": aq}
        options |= {"head": head} if how == "head" else {}
        profiles.append((a @ head, aq @ head) if how == "head" else (a, aq))
    to_queries, between = 0, 0
    for rows, queries in profiles:
        to_queries = to_queries + standardized(rows) @ standardized(queries).T
        between = between + standardized(queries) @ standardized(queries).T
    if n < 12:
        first = int(np.random.default_rng(3).integers(12))
        chosen = slow_queries(between.round(3), n, first)
        to_queries = to_queries[:, chosen]
    expected = slow_matches(to_queries.round(3), n)
    picks = fisher_matches(H, HQ, n, np.random.default_rng(3), **options)
    assert picks.dtype == np.intp
    if dtype == "f8" and kind != "duplicates":
        expected = slow_matches(to_queries, n)
    if dtype == "f8" or kind == "duplicates":
        np.testing.assert_array_equal(picks, expected)
    else:  # near-ties of single precision may change places
        assert len(set(picks.tolist()) & set(expected)) >= 0.95 * n


def test_first_matches_come_before_second_ones():
    far, near = np.array([1.0, 2, 3]), np.array([3.0, 1, 2])
    X = np.array([near, far, [3.1, 1, 2], [1, 2, 3.1]])
    picks = fisher_matches(X, np.array([near, far]), 4, np.random.default_rng(0))
    assert set(picks[:2].tolist()) == {0, 1}


@pytest.mark.parametrize("device", DEVICES)
def test_tensors(device):
    H, HQ, a, aq, head = tables()
    options = {"logit_gradient": a, "query_logit_gradient": aq, "head": head}
    expected = [
        fisher_matches(H, HQ, n, np.random.default_rng(0), **options) for n in (8, 50)
    ]
    put = {k: torch.as_tensor(v, device=device) for k, v in options.items()}
    H, HQ = torch.as_tensor(H, device=device), torch.as_tensor(HQ, device=device)
    for n, same in zip((8, 50), expected, strict=True):
        picks = fisher_matches(H, HQ, n, np.random.default_rng(0), **put)
        assert picks.device == H.device
        assert picks.numpy(force=True).tolist() == same.tolist()


def test_sparse_equals_dense():
    H, HQ, a, aq, head = tables()
    H[H < 0.5] = HQ[HQ < 0.5] = 0
    options = {"logit_gradient": a, "query_logit_gradient": aq, "head": head}
    dense, csr = (
        fisher_matches(kind(H), kind(HQ), 7, np.random.default_rng(0), **options)
        for kind in (np.asarray, sparse.csr_array)
    )
    np.testing.assert_array_equal(csr, dense)


def test_more_than_there_are_is_all_and_none_is_none():
    H, HQ, *_ = tables(n=5)
    rng = np.random.default_rng(0)
    assert sorted(fisher_matches(H, HQ, 9, rng)) == list(range(5))
    assert len(fisher_matches(H, HQ, 0, rng)) == 0


def test_wrong_values_are_refused():
    H, HQ, *_ = tables()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n must not be negative, got -1"):
        fisher_matches(H, HQ, -1, rng)
    with pytest.raises(ValueError, match="no query to match"):
        fisher_matches(H, HQ[:0], 1, rng)
    with pytest.raises(ValueError, match=r"\(m, 7\), as many columns"):
        fisher_matches(H, HQ[:, :3], 1, rng)
