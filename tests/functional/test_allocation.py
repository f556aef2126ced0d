"""Proportional shares in whole numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.functional import largest_remainder


@pytest.mark.parametrize(
    ("n", "sizes", "expected"),
    [
        (3, [5, 2], [2, 1]),
        (1, [4, 4], [1, 0]),
        (4, [4, 3, 3], [2, 1, 1]),
        (5, [4, 3], [3, 2]),
        (2, [1, 0, 1], [1, 0, 1]),
        (0, [3, 1], [0, 0]),
        (0, [], []),
        (0, [0, 0], [0, 0]),
        (10**15, [10**18, 3 * 10**18], [25 * 10**13, 75 * 10**13]),
    ],
)
def test_worked_examples(n, sizes, expected):
    shares = largest_remainder(n, sizes)
    assert shares.dtype == np.intp
    assert shares.tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.data())
def test_shares_sum_up_within_one_of_the_proportion(sizes, data):
    total = sum(sizes)
    n = data.draw(st.integers(0, total))
    shares = largest_remainder(n, sizes)
    assert shares.sum() == n
    assert (shares >= 0).all()
    assert (shares <= sizes).all()
    if total:
        assert (np.abs(shares - n * np.array(sizes) / total) < 1).all()


def test_larger_groups_get_no_less():
    shares = largest_remainder(17, [5, 40, 12, 3])
    assert (np.diff(shares[[3, 0, 2, 1]]) >= 0).all()


@pytest.mark.parametrize(
    ("n", "sizes", "message"),
    [
        (-1, [1, 2], r"n must lie between 0 and sum\(sizes\) = 3, got -1"),
        (4, [1, 2], "got 4"),
        (1, [0, 0], "sum.sizes. = 0"),
        (1, [3, -1], "must not be negative, got -1"),
        (1, [[1, 2]], "sizes must have 1 dimension"),
    ],
)
def test_wrong_values_are_refused(n, sizes, message):
    with pytest.raises(ValueError, match=message):
        largest_remainder(n, sizes)


def test_fractional_sizes_are_refused():
    with pytest.raises(TypeError, match="sizes must be integers"):
        largest_remainder(1, [0.5, 0.5])
