"""The best rows of each class, against a loop over the rules."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.functional import balanced_top

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def pick(scores, classes, n_classes, n, seed=0):
    rng = np.random.default_rng(seed)
    return balanced_top(np.asarray(scores), np.asarray(classes), n_classes, n, rng)


def slow(scores, classes, n_classes, n):
    """Rule by rule, for scores without ties."""
    order = np.argsort(-scores)
    chosen = []
    for code in range(n_classes):
        chosen += [row for row in order if classes[row] == code][: n // n_classes]
    chosen += [row for row in order if row not in chosen][: n - len(chosen)]
    return [row for row in order if row in chosen]


@pytest.mark.parametrize(
    ("n", "expected"),
    [(2, [0, 3]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (1, [0]), (0, []), (9, None)],
)
def test_worked_examples(n, expected):
    picked = pick([0.9, 0.8, 0.7, 0.1], [0, 0, 0, 1], 2, n)
    assert picked.dtype == np.intp
    assert picked.tolist() == ([0, 1, 2, 3] if expected is None else expected)


def test_a_class_without_rows_leaves_its_share_to_the_best():
    assert pick([0.4, 0.3, 0.2, 0.1], [0, 0, 2, 2], 4, 4).tolist() == [0, 1, 2, 3]
    assert pick([4.0, 3.0, 2.0, 1.0], [2, 2, 2, 0], 3, 3).tolist() == [0, 1, 3]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=30), st.integers(5, 7), st.integers(0, 40))
def test_shares_and_order(classes, n_classes, n):
    classes = np.array(classes, dtype=int)
    scores = np.random.default_rng(0).permutation(len(classes)).astype(float)
    picked = pick(scores, classes, n_classes, n)
    assert picked.tolist() == slow(scores, classes, n_classes, n)
    assert len(picked) == min(n, len(classes))
    taken = np.bincount(classes[picked], minlength=n_classes)
    held = np.bincount(classes, minlength=n_classes)
    assert (taken >= np.minimum(n // n_classes, held)).all()


def test_ties_fall_by_chance():
    picks = {
        tuple(sorted(pick(np.zeros(9), np.arange(9) % 3, 3, 3, s))) for s in range(40)
    }
    assert len(picks) > 15
    assert all(len({row % 3 for row in picked}) == 3 for picked in picks)


@pytest.mark.parametrize("device", DEVICES)
def test_tensors(device):
    rng = np.random.default_rng(0)
    scores, classes = rng.random(500), rng.integers(0, 7, 500)
    given = [torch.as_tensor(values, device=device) for values in (scores, classes)]
    picked = balanced_top(*given, 9, 60, np.random.default_rng(0))
    assert picked.device.type == device
    assert picked.tolist() == pick(scores, classes, 9, 60).tolist()


def test_wrong_values_are_refused():
    with pytest.raises(ValueError, match="n must not be negative, got -1"):
        pick([1.0], [0], 1, -1)
    with pytest.raises(ValueError, match="NaN; the first is in row 1"):
        pick([1.0, np.nan], [0, 0], 1, 1)
