"""Ranking with ties: against a full sort, over seeds, and under rounding noise."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skal.functional import round_to_grid, top

EXTREMES = [0.0, -0.0, np.inf, -np.inf, 1e-40, 3.4e38, -3.4e38, 1.0, -1.5]


def generator(seed=0):
    return np.random.default_rng(seed)


def rounded_exactly(value, bits):
    """Nearest number of so many significant bits, in exact arithmetic."""
    exponent = int(np.frexp(value)[1])
    scale = Fraction(2) ** (bits - exponent)
    return float(round(Fraction(float(value)) * scale) / scale)


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_grid_keeps_thirty_bits(value):
    assert round_to_grid(value) == rounded_exactly(value, 30)


@settings(max_examples=100, deadline=None)
@given(st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False))
def test_grid_keeps_seventeen_bits_of_float32(value):
    assert round_to_grid(np.float32(value)) == rounded_exactly(value, 17)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(float, st.integers(0, 30), elements=st.floats(allow_nan=False)))
def test_grid_is_monotone_idempotent_and_close(values):
    values = np.sort(values)
    rounded = round_to_grid(values)
    assert not np.isnan(rounded).any()
    assert (rounded[1:] >= rounded[:-1]).all()
    np.testing.assert_array_equal(round_to_grid(rounded), rounded)
    close = np.abs(values) < 1e308
    np.testing.assert_allclose(rounded[close], values[close], rtol=1e-9)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_grid_at_the_extremes(dtype):
    values = np.array(EXTREMES, dtype)
    values.flags.writeable = False
    rounded = round_to_grid(values)
    assert rounded.dtype == values.dtype
    np.testing.assert_allclose(rounded, values, rtol=1e-5)
    np.testing.assert_array_equal(np.isinf(rounded), np.isinf(values))


def test_grid_dtypes():
    assert round_to_grid(np.float16([1])).dtype == np.float32
    assert round_to_grid([1, 2]).dtype == np.float64


def slow_top(scores, n):
    """Full sort on the grid; ties by position."""
    return np.lexsort((np.arange(len(scores)), -round_to_grid(scores)))[:n]


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        float,
        st.integers(1, 300),
        elements=st.integers(-20, 20).map(float) | st.sampled_from([np.inf, -np.inf]),
    ),
    st.integers(0, 12),
    st.integers(0, 5),
)
def test_top_has_the_scores_of_a_full_sort(scores, n, seed):
    picks = top(scores, n, generator(seed))
    assert picks.dtype == np.intp
    assert len(set(picks.tolist())) == len(picks) == min(n, len(scores))
    np.testing.assert_array_equal(scores[picks], scores[slow_top(scores, n)])


@pytest.mark.parametrize(("dtype", "grid"), [("f4", 2e-5), ("f8", 2e-9)])
@pytest.mark.parametrize("n", [1, 100, 5000, 20_000, 30_000])
@pytest.mark.parametrize("arrange", [np.array, np.sort, lambda s: np.sort(s)[::-1]])
def test_top_of_distinct_scores(dtype, grid, n, arrange):
    scores = arrange(generator().standard_normal(20_000)).astype(dtype)
    picks = top(scores, n, generator(1))
    assert len(set(picks.tolist())) == len(picks)
    expected = np.sort(scores)[::-1][:n]
    np.testing.assert_allclose(scores[picks], expected, rtol=grid, atol=grid)


@pytest.mark.parametrize(("dtype", "noise"), [("f8", 4e-16), ("f4", 1.2e-7)])
@pytest.mark.parametrize("largest", [1.0, 0.5, 2.302585092994046])
def test_last_bit_noise_does_not_move_the_picks(dtype, noise, largest):
    values = largest * (1 - np.arange(40) / 64)
    scores = generator().choice(values, 5000).astype(dtype)
    picks = top(scores, 300, generator(7))
    for seed in range(10):
        shaken = scores * (1 + noise * generator(seed).uniform(-1, 1, len(scores)))
        np.testing.assert_array_equal(
            top(shaken.astype(dtype), 300, generator(7)), picks
        )


def test_noise_around_zero_does_not_rank():
    noise = 1e-16 * np.arange(50)
    scores = np.concatenate([-1 + 0 * noise, -noise])
    picks = [tuple(top(scores, 2, generator(seed))) for seed in range(200)]
    assert len(set(picks)) > 100


def test_the_floor_does_not_jump_at_one():
    scores = np.append(3e-16 * np.arange(500), 1.0)
    picks = top(scores, 100, generator())
    scores[-1] = np.nextafter(1, 0)
    np.testing.assert_array_equal(top(scores, 100, generator()), picks)


def test_ties_are_uniform_and_not_by_position():
    scores = np.array([1.0, 0.5, 0.5, 0.5, 0.5, 0.1])
    counts = np.zeros(6)
    rng = generator()
    for _ in range(2000):
        picks = top(scores, 3, rng)
        assert picks[0] == 0
        counts[picks] += 1
    assert counts[0] == 2000
    assert counts[5] == 0
    assert (np.abs(counts[1:5] - 1000) < 120).all()


def test_ties_above_the_last_place_are_shuffled_too():
    orders = {tuple(top([2.0, 2.0, 1.0], 3, generator(seed))) for seed in range(30)}
    assert orders == {(0, 1, 2), (1, 0, 2)}


@pytest.mark.parametrize("scores", [np.zeros(50), np.full(50, np.inf), -np.arange(50)])
def test_same_generator_same_picks(scores):
    first, second = (top(scores, 20, generator(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_infinities_rank_last_and_first():
    scores = np.array([0.0, -np.inf, 3.0, np.inf, -1e300])
    np.testing.assert_array_equal(top(scores, 5, generator()), [3, 2, 0, 4, 1])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_bound_at_the_lowest_number(dtype):
    scores = np.full(1000, np.finfo(dtype).min, dtype)
    scores[-1] = -np.inf
    assert 999 not in top(scores, 2, generator())


def test_tiny_and_read_only_scores():
    scores = np.array([3e-310, 1e-310, 2e-310])
    scores.flags.writeable = False
    np.testing.assert_array_equal(top(scores, 3, generator()), [0, 2, 1])
    np.testing.assert_array_equal(top([3, 1, 2], 3, generator()), [0, 2, 1])


def test_nothing_asked_and_nothing_there():
    assert top([1.0, 2.0], 0, generator()).shape == (0,)
    assert top([], 3, generator()).shape == (0,)


@pytest.mark.parametrize(
    ("scores", "n", "message"),
    [
        ([[1.0]], 1, "scores must have 1 dimension, got 2"),
        ([1.0, np.nan, np.inf, np.nan], 1, "NaN; the first is in row 1"),
        ([1.0], -1, "n must not be negative, got -1"),
    ],
)
def test_wrong_values_are_refused(scores, n, message):
    with pytest.raises(ValueError, match=message):
        top(scores, n, generator())
