"""BALD and BatchBALD against sums over all labelings."""

import tracemalloc
import warnings
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.functional import batch_bald, committee, mutual_information

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
DRAWS = np.array(
    [
        [[1, 0], [1, 0], [1, 0], [0.9, 0.1], [0.5, 0.5]],
        [[1, 0], [1, 0], [0, 1], [0.9, 0.1], [0.5, 0.5]],
        [[0, 1], [0, 1], [1, 0], [0.6, 0.4], [0.5, 0.5]],
        [[0, 1], [0, 1], [0, 1], [0.6, 0.4], [0.5, 0.5]],
    ]
)


def xlogx(p):
    return np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0.0)


def joint_information(draws, rows):
    """Mutual information of the draw and the labels of some rows, term by term."""
    draws = np.asarray(draws, "f8")[:, list(rows)]
    _, n_rows, n_classes = draws.shape
    joint = 0.0
    for labels in product(range(n_classes), repeat=n_rows):
        likely = draws[:, np.arange(n_rows), labels].prod(axis=1).mean()
        joint -= float(xlogx(np.asarray(likely)))
    return joint + xlogx(draws).sum(axis=(1, 2)).mean()


def slow_batch_bald(draws, n):
    picks = []
    while len(picks) < n:
        left = [row for row in range(draws.shape[1]) if row not in picks]
        gains = [round(joint_information(draws, [*picks, row]), 8) for row in left]
        picks.append(left[int(np.argmax(gains))])
    return picks


def random_draws(n_draws=20, n=40, n_classes=3, dtype="f8", seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(1, n, n_classes))
    logits = common + spread * rng.normal(size=(n_draws, n, n_classes))
    proba = np.exp(logits)
    return (proba / proba.sum(axis=2, keepdims=True)).astype(dtype)


def test_worked_example():
    ln2 = np.log(2)
    scores = mutual_information(DRAWS)
    np.testing.assert_allclose(scores, [ln2, ln2, ln2, 0.063288, 0], atol=1e-6)
    assert batch_bald(DRAWS, 2).tolist() == [0, 2]
    joint = [joint_information(DRAWS, [0, row]) for row in (1, 2, 3, 4)]
    expected = [0.693147, 1.386294, 0.693147 + 0.0, 0.693147]
    np.testing.assert_allclose(joint, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "returned"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8")]
)
def test_scores_against_sums(dtype, returned):
    draws = random_draws(dtype=dtype)
    scores = mutual_information(draws)
    assert scores.dtype == np.dtype(returned)
    expected = [joint_information(draws, [row]) for row in range(40)]
    np.testing.assert_allclose(scores, expected, atol=2e-3 if dtype == "f2" else 1e-6)


def test_disagreement_counts_and_ambiguity_does_not():
    sure = np.eye(2)[[[0, 0], [1, 0]]]
    unsure = np.full((2, 2, 2), 0.5)
    scores = mutual_information(np.concatenate([sure, unsure], axis=1))
    np.testing.assert_allclose(scores, [np.log(2), 0, 0, 0], atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**31), st.floats(0, 30))
def test_bounds_and_order_of_draws(n_draws, n_classes, seed, spread):
    draws = random_draws(n_draws, 9, n_classes, seed=seed, spread=spread)
    scores = mutual_information(draws)
    assert (scores >= 0).all()
    assert (scores <= np.log(min(n_draws, n_classes)) + 1e-12).all()
    np.testing.assert_allclose(mutual_information(draws[::-1]), scores, atol=1e-12)


def test_chunks_and_layout_change_nothing():
    draws = random_draws(n=9000, dtype="f4")
    scores = mutual_information(draws)
    pieces = [mutual_information(draws[:, rows]) for rows in (slice(1), slice(1, None))]
    np.testing.assert_allclose(scores, np.concatenate(pieces), atol=1e-6)
    turned = np.ascontiguousarray(draws.transpose(1, 0, 2)).transpose(1, 0, 2)
    np.testing.assert_allclose(mutual_information(turned), scores, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_exact_picks_against_sums(n_classes, seed):
    draws = random_draws(15, 25, n_classes, seed=seed)
    picks = batch_bald(draws, 3)
    assert picks.dtype == np.intp
    assert picks.tolist() == slow_batch_bald(draws, 3)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", [1, 4, 6])
def test_small_blocks_look_at_all_that_matters(dtype, n, monkeypatch):
    draws = random_draws(30, 200, 3, dtype=dtype, spread=2)
    picks = batch_bald(draws, n)
    monkeypatch.setattr(committee, "_MIN_BLOCK", 1)
    assert batch_bald(draws, n).tolist() == picks.tolist()
    monkeypatch.setattr(committee, "_MIN_BLOCK", 1000)
    assert batch_bald(draws, n).tolist() == picks.tolist()


def test_sampled_labelings_estimate_what_counting_finds():
    draws = random_draws(50, 60, 4, spread=2)
    exact = batch_bald(draws, 5, n_samples=4**5)
    values = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        picks = batch_bald(draws, 5, n_samples=200, rng=rng)
        values.append(joint_information(draws, picks))
    best = joint_information(draws, exact)
    assert min(values) > 0.98 * best
    few = batch_bald(draws, 5, n_samples=1, rng=np.random.default_rng(0))
    assert len(set(few.tolist())) == 5


def test_chance_enters_only_where_labelings_are_drawn():
    draws = random_draws(50, 60, 4, spread=2)
    rngs = [np.random.default_rng(seed) for seed in (0, 0, 1)]
    picks = [batch_bald(draws, 8, n_samples=60, rng=rng).tolist() for rng in rngs]
    assert picks[0] == picks[1] == batch_bald(draws, 8, n_samples=60).tolist()
    untouched = np.random.default_rng(0)
    batch_bald(draws, 3, n_samples=60, rng=untouched)
    assert untouched.random() == np.random.default_rng(0).random()


def test_copies_are_not_bought_twice():
    draws = np.repeat(random_draws(30, 6, 3, spread=3), 5, axis=1)
    picks = batch_bald(draws, 4)
    assert len({pick // 5 for pick in picks.tolist()}) == 4
    assert (picks % 5 == 0).all()  # the lowest position of equals


def test_a_batch_that_tells_all_draws_apart():
    rest = np.argsort(-mutual_information(DRAWS), kind="stable")
    with pytest.warns(UserWarning, match="tell the 4 draws apart"):
        picks = batch_bald(DRAWS, 5)
    expected = [0, 2, *(row for row in rest if row not in (0, 2))]
    assert picks.tolist() == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batch_bald(DRAWS, 2)


def test_many_picks_do_not_underflow():
    draws = random_draws(60, 300, 10, dtype="f4", spread=0.1)
    picks = batch_bald(draws, 120, n_samples=60)
    assert len(set(picks.tolist())) == 120


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_committee_that_agrees(dtype):
    draws = np.full((7, 300, 3), 1 / 3, dtype)
    assert (mutual_information(draws) == 0).all() or dtype == "f4"
    np.testing.assert_allclose(mutual_information(draws), 0, atol=1e-6)
    assert batch_bald(draws, 4).tolist() == [0, 1, 2, 3]
    certain = np.zeros((7, 300, 3), dtype)
    certain[..., 1] = 1
    assert batch_bald(certain, 4).tolist() == [0, 1, 2, 3]


@pytest.mark.filterwarnings("ignore:The labels of the first picks tell")
def test_a_pool_of_duplicates_and_all_of_a_pool():
    draws = np.repeat(random_draws(10, 1, 3, spread=3), 50, axis=1)
    assert batch_bald(draws, 20).tolist() == list(range(20))
    assert sorted(batch_bald(draws, 99).tolist()) == list(range(50))
    assert batch_bald(draws, 0).shape == (0,)
    assert batch_bald(draws[:, :0], 3).shape == (0,)
    assert mutual_information(draws[:, :0]).shape == (0,)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors(device, dtype):
    draws = random_draws(30, 500, 4, dtype=dtype, spread=2)
    tensor = torch.as_tensor(draws, device=device)
    scores = mutual_information(tensor)
    assert scores.device.type == device
    assert str(scores.dtype) == f"torch.{dtype}"
    expected = mutual_information(draws)
    np.testing.assert_allclose(scores.numpy(force=True), expected, atol=2e-6)
    picks = batch_bald(tensor, 8, n_samples=300)
    assert picks.dtype == torch.int64
    assert picks.device.type == device
    assert picks.tolist() == batch_bald(draws, 8, n_samples=300).tolist()


def test_memory_is_that_of_chunks():
    draws = random_draws(20, 20_000, 5, dtype="f4")
    tracemalloc.start()
    mutual_information(draws)
    batch_bald(draws, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


def test_input_is_left_as_it_was():
    draws = random_draws()
    kept = draws.copy()
    draws.flags.writeable = False
    mutual_information(draws)
    batch_bald(draws, 5)
    np.testing.assert_array_equal(draws, kept)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mutual_information(np.ones((2, 3))), "must have 3 dimensions"),
        (lambda: mutual_information(np.ones((0, 3, 2))), "at least one draw"),
        (lambda: batch_bald(np.ones((2, 3, 0)), 1), r"got the shape \(2, 3, 0\)"),
        (lambda: batch_bald(DRAWS, -1), "n must not be negative, got -1"),
        (lambda: batch_bald(DRAWS, 1, n_samples=0), "n_samples must be at least 1"),
    ],
)
def test_wrong_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
