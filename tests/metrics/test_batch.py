"""Metrics of a batch: worked examples, slow twins, direction, refusals."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from skal.metrics import (
    _neighbors,
    batch_uncertainty,
    feature_diversity,
    input_diversity,
    representativeness,
)

LINE = np.array([[0.0], [1.0], [2.0], [10.0]])
BATCHES = [
    [1, 3],
    [False, True, False, True],
    np.array([3, 1]),
    [[1.0], [10.0]],
    pd.DataFrame([[1.0], [10.0]]),
    sp.csr_array([[1.0], [10.0]]),
]
TOKENS = st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=5)


# Diversity of the input


@pytest.mark.parametrize(
    ("queried", "rest", "special", "expected"),
    [
        ([["a", "b", "c"]], [["b", "c", "d", "e"]], None, 0.4),
        ([["a"], ["b", "c"]], [["b", "c"], ["d", "e", "e"]], None, 0.4),
        ([["a", "b", "c", "[PAD]"]], [["b", "c", "d", "e", "[PAD]"]], None, 0.5),
        ([["a", "b", "c", "[PAD]"]], [["b", "c", "d", "e", "[PAD]"]], ["[PAD]"], 0.4),
        (np.array([[1, 2, 3, 0]]), np.array([[2, 3, 0, 0], [4, 5, 0, 0]]), [0], 0.4),
        ([np.array([1, 2]), [3]], [(2, 3, 4), {5}], None, 0.4),
        ([["a"]], [["b"]], None, 0.0),
        ([["a"]], [["a", "a"]], None, 1.0),
        ([], [["a"]], None, 0.0),
        (iter([["a", "b", "c"]]), iter([["b", "c", "d", "e"]]), None, 0.4),
    ],
)
def test_input_diversity_worked_examples(queried, rest, special, expected):
    diversity = input_diversity(queried, rest, special=special)
    assert type(diversity) is float
    assert diversity == pytest.approx(expected)


def test_input_diversity_of_counts():
    texts = ["aa bb cc", "bb cc", "dd ee"]
    counts = CountVectorizer().fit_transform(texts)
    assert input_diversity(counts[:1], counts[1:]) == pytest.approx(0.4)
    explicit_zero = sp.csr_array(([1.0, 0.0], ([0, 0], [0, 1])), shape=(1, 3))
    assert input_diversity(explicit_zero, sp.csr_array([[1, 0, 0]])) == 1
    assert input_diversity(counts[:1], counts[1:], special=[0]) == 0.5


@given(TOKENS, TOKENS)
def test_input_diversity_is_the_index_of_jaccard(queried, rest):
    one, other = ({t for text in texts for t in text} for texts in (queried, rest))
    if one | other:
        expected = len(one & other) / len(one | other)
        assert input_diversity(queried, rest) == pytest.approx(expected)
        assert input_diversity(rest, queried) == pytest.approx(expected)
    else:
        with pytest.raises(ValueError, match="hold no token"):
            input_diversity(queried, rest)


def test_input_diversity_refuses():
    with pytest.raises(TypeError, match=r"tokens_queried\[0\] is 'a text'"):
        input_diversity(["a text"], [["a"]])
    with pytest.raises(TypeError, match=r"tokens_rest\[1\] is 3"):
        input_diversity([[1]], [[2], 3])
    with pytest.raises(ValueError, match="special names them all"):
        input_diversity([[0]], [[0]], special=[0])
    with pytest.raises(TypeError, match="sparse matrix of counts and the other"):
        input_diversity(sp.csr_array([[1]]), [[1]])


# Diversity of the features, representativeness


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.coo_matrix, np.float32])
def test_worked_examples(batch, kind):
    pool = kind(LINE)
    assert feature_diversity(batch, pool) == pytest.approx(2.0)
    released = feature_diversity(batch, pool, released=True)
    assert released == pytest.approx(0.111111, abs=1e-6)
    expected = {"knn_density": 0.558824, "paper": 1.789474, "released": 3.166667}
    for sense, value in expected.items():
        found = representativeness(batch, pool, n_neighbors=2, kind=sense)
        assert type(found) is float
        assert found == pytest.approx(value, abs=1e-6)
    assert representativeness(batch, pool, n_neighbors=2) == pytest.approx(0.558824)


def test_densities_of_single_rows():
    found = [representativeness([row], LINE, n_neighbors=2) for row in (1, 3)]
    assert found == pytest.approx([1, 0.117647], abs=1e-6)


def slow_diversity(batch, pool, rank):
    return 1 / np.mean(
        [sorted(np.linalg.norm(x - q) for q in batch)[rank] for x in pool]
    )


def slow_representativeness(positions, pool, k):
    means = []
    for row in positions:
        others = np.delete(pool, row, axis=0)
        means.append(np.mean(sorted(np.linalg.norm(others - pool[row], axis=1))[:k]))
    density = np.mean(1 / np.array(means))
    released = np.mean(np.array(means) * k / (k + 1))
    return {"knn_density": density, "paper": 1 / density, "released": released}


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("kind", ["isotropic", "clustered"])
@pytest.mark.parametrize("chunk", [2**22, 40])
def test_slow_twins(monkeypatch, offset, kind, chunk):
    monkeypatch.setattr(_neighbors, "_CHUNK_CELLS", chunk)
    rng = np.random.default_rng(0)
    pool = rng.standard_normal((70, 3))
    if kind == "clustered":
        pool = pool * 1e-3 + rng.integers(0, 4, 70)[:, None]
    pool += offset
    positions = rng.permutation(70)[:9]
    for batch in (positions, pool[positions]):
        for released in (False, True):
            expected = slow_diversity(pool[positions], pool, int(released))
            found = feature_diversity(batch, pool, released=released)
            assert found == pytest.approx(expected, rel=1e-7)
        for sense, value in slow_representativeness(positions, pool, 5).items():
            found = representativeness(batch, pool, n_neighbors=5, kind=sense)
            assert found == pytest.approx(value, rel=1e-7)


def test_sparse_and_single_precision_are_the_same():
    rng = np.random.default_rng(0)
    pool = rng.standard_normal((50, 6)) * (rng.random((50, 6)) < 0.4)
    batch = np.arange(0, 50, 7)
    for other in (sp.csr_array(pool), sp.csc_matrix(pool), pool.astype(np.float32)):
        for measure in (feature_diversity, representativeness):
            assert measure(batch, other) == pytest.approx(measure(batch, pool))
    mixed = feature_diversity(sp.csr_array(pool[batch]), pool)
    assert mixed == pytest.approx(feature_diversity(batch, pool))


def test_a_batch_from_elsewhere_leaves_no_row_out():
    found = representativeness([[0.5]], LINE, n_neighbors=2, kind="paper")
    assert found == pytest.approx(0.5)  # the rows at 0 and at 1


def test_duplicates():
    same = np.full((12, 2), 3.0)
    assert feature_diversity([0, 1], same) == np.inf
    assert representativeness([0, 1], same) == np.inf
    assert representativeness([0, 1], same, kind="paper") == 0
    assert representativeness([0, 1], same, kind="released") == 0
    assert feature_diversity([0, 1, 2, 3], LINE) == np.inf
    doubled = np.repeat(LINE, 2, axis=0)  # the copy is a neighbor at distance 0
    found = representativeness([2], doubled, n_neighbors=2, kind="paper")
    assert found == pytest.approx(0.5)
    assert found == representativeness([[1.0]], doubled, n_neighbors=2, kind="paper")


def test_directions():
    rng = np.random.default_rng(0)
    crowd = rng.standard_normal((90, 2))
    pool = np.vstack([crowd, 30 + 10 * rng.standard_normal((10, 2))])
    dense, sparse, spread = np.arange(10), np.arange(90, 100), np.arange(0, 100, 10)
    assert representativeness(dense, pool) > representativeness(sparse, pool)
    for sense in ("paper", "released"):  # the inverted sense of the paper
        inverted = [representativeness(b, pool, kind=sense) for b in (dense, sparse)]
        assert inverted[0] < inverted[1]
    assert feature_diversity(spread, pool) > feature_diversity(sparse, pool)
    covered = feature_diversity(np.arange(0, 100, 5), pool)
    assert covered > feature_diversity(spread, pool)


@pytest.mark.parametrize("measure", [feature_diversity, representativeness])
@pytest.mark.parametrize(
    ("batch", "pool", "message"),
    [
        ([0], LINE[:, 0], r"pool has the shape \(4,\)"),
        ([0], LINE[:0], r"pool has the shape \(0, 1\)"),
        ([0], [["a"]], "pool has .* the dtype <U1"),
        ([0], np.where(LINE > 5, np.nan, LINE), "pool holds NaN"),
        ([0], sp.csr_array([[np.inf], [1.0]]), "pool holds NaN or infinity"),
        ([[np.nan]], LINE, "queried holds NaN"),
        ([[0.0, 1.0]], LINE, "queried has 2 columns and pool has 1"),
        (np.zeros((0, 1)), LINE, r"queried has the shape \(0, 1\)"),
        ([4], LINE, "queried holds 4: positions in a pool of 4"),
        ([1, 1], LINE, "queried holds 1 more than once"),
        ([], LINE, "queried is empty"),
        ([True, False], LINE, r"queried is a mask of the shape \(2,\)"),
        ([0.5], LINE, "queried has the shape"),
    ],
)
def test_bad_tables_are_named(measure, batch, pool, message):
    with pytest.raises((ValueError, TypeError), match=message):
        measure(batch, pool)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="queried has one row, and released=True"):
        feature_diversity([0], LINE, released=True)
    with pytest.raises(ValueError, match="kind is 'density'"):
        representativeness([0], LINE, kind="density")
    for wrong in (0, 4, 10):
        with pytest.raises(ValueError, match=f"n_neighbors is {wrong} and the pool"):
            representativeness([0], LINE, n_neighbors=wrong)


# Uncertainty


def test_batch_uncertainty():
    proba = np.array([[0.5, 0.5], [1.0, 0.0]])
    assert batch_uncertainty(proba) == pytest.approx(np.log(2) / 2)
    assert batch_uncertainty(np.full((3, 4), 0.25)) == pytest.approx(np.log(4))
    assert type(batch_uncertainty(proba.astype(np.float32))) is float
    proba = np.random.default_rng(0).dirichlet(np.ones(5), 30)
    slow = np.mean([-sum(p * np.log(p) for p in row) for row in proba])
    assert batch_uncertainty(proba.tolist()) == pytest.approx(slow)


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        ([0.5, 0.5], r"proba has shape \(2,\)"),
        ([[0.5, 0.6]], "proba has a sum that is not 1"),
        ([[0.5, np.nan]], "proba has NaN"),
        ([[1.5, -0.5]], "proba has a negative probability"),
        ([["a", "b"]], "proba is no table of numbers"),
        (np.zeros((0, 2)), "proba has no rows"),
    ],
)
def test_batch_uncertainty_refuses(proba, message):
    with pytest.raises(ValueError, match=message):
        batch_uncertainty(proba)
