"""Rows from a circle inwards, then outwards."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skal.functional import inside_out_order


@pytest.mark.parametrize(
    ("distance", "radius", "order"),
    [
        ([1, 4, 4.5, 6, 9], 5.0, [2, 1, 0, 3, 4]),
        ([2.0, 3.0], np.inf, [1, 0]),
        ([2.0, 3.0], 0.0, [0, 1]),
        ([5.0, 5.0, 1.0], 5.0, [0, 1, 2]),  # on the circle is inside; ties
        ([7.0, 6.0, 6.0], 5.0, [1, 2, 0]),
        ([0.0, 0.0], 0.0, [0, 1]),
        ([], 1.0, []),
    ],
)
def test_worked_by_hand(distance, radius, order):
    assert inside_out_order(np.array(distance), radius).tolist() == order
    assert inside_out_order(distance, radius).dtype == np.intp
    assert inside_out_order(torch.tensor(distance), radius).tolist() == order


@given(
    st.lists(st.integers(0, 20), max_size=30),
    st.one_of(st.integers(0, 20), st.just(np.inf)),
)
def test_a_slow_twin_agrees(distance, radius):
    rows = range(len(distance))
    inside = sorted((-distance[i], i) for i in rows if distance[i] <= radius)
    outside = sorted((distance[i], i) for i in rows if distance[i] > radius)
    expected = [i for _, i in inside + outside]
    assert inside_out_order(distance, radius).tolist() == expected


def test_distances_that_rounding_sets_apart_are_equal():
    distance = np.array([3.0, 3.0 * (1 + 1e-15), 3.0 * (1 - 1e-15)])
    assert inside_out_order(distance, 10.0).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("distance", "radius", "message"),
    [
        ([[1.0]], 1.0, r"shape \(1, 1\)"),
        ([np.nan], 1.0, "NaN"),
        ([1.0], np.nan, "radius is NaN"),
    ],
)
def test_what_is_refused(distance, radius, message):
    with pytest.raises(ValueError, match=message):
        inside_out_order(distance, radius)
