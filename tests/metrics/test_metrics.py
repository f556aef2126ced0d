"""The metrics: worked examples, slow twins, properties, refusals."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

import skal.metrics
from skal.metrics import (
    cost_per_accuracy,
    expected_calibration_error,
    ood_auroc,
    sampling_bias,
)

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=60)
SEEDS = st.integers(0, 2**32 - 1)


def test_all_is_sorted_and_complete():
    assert sorted(skal.metrics.__all__) == skal.metrics.__all__
    assert all(callable(getattr(skal.metrics, name)) for name in skal.metrics.__all__)


# Sampling bias


@pytest.mark.parametrize(
    ("y", "classes", "expected"),
    [
        ([0, 0, 0, 1], None, 0.188722),
        ([0, 0, 1, 1], [0, 1, 2], 0.369070),
        ([0] * 4, [0, 1], 1.0),
        ([0, 0, 1, 1], None, 0.0),
        (["a", "b"] * 3, None, 0.0),
        (["a", "a", "a", "b"], ["b", "a"], 0.188722),
        ([True, False, True, True], None, 0.188722),
        ([1.0, 1.0, 1.0, 2.0], [1, 2], 0.188722),
        ([-1, -1, -1, 1], None, 0.188722),
        (["a", 1, "a", "a"], [1, "a"], 0.188722),
        (np.array(["a", "a", "a", "b"], dtype=object), np.array(["a", "b"]), 0.188722),
        (pd.Series([1, 1, 1, 2], dtype="Int64"), pd.Series([2, 1]), 0.188722),
        (pd.Series(["a", "a", "a", "b"], dtype="category"), None, 0.188722),
        ([0, 0, 0, 1], [0, 1, 1, 0], 0.188722),
    ],
)
def test_sampling_bias_worked_examples(y, classes, expected):
    bias = sampling_bias(y, classes=classes)
    assert type(bias) is float
    assert bias == pytest.approx(expected, abs=1e-6)


@given(y=LABELS, seed=SEEDS)
def test_sampling_bias_properties(y, seed):
    bias = sampling_bias(y, classes=range(7))
    assert 0 <= bias <= 1
    shuffled = np.random.default_rng(seed).permutation(y)
    assert sampling_bias(shuffled, classes=range(7)) == bias
    shares = np.bincount(y, minlength=7) / len(y)
    entropy = -sum(p * np.log(p) for p in shares if p > 0)
    assert bias == pytest.approx(1 - entropy / np.log(7), abs=1e-12)


@given(n_classes=st.integers(2, 60), n_each=st.integers(1, 40))
def test_sampling_bias_is_exactly_zero_when_balanced_and_one_when_not(
    n_classes, n_each
):
    assert sampling_bias(np.repeat(np.arange(n_classes), n_each)) == 0
    assert sampling_bias([0] * n_each, classes=range(n_classes)) == 1


@given(y=LABELS)
def test_a_class_that_is_neglected_raises_the_bias(y):
    one_more = sampling_bias([*y, 0, 1], classes=range(8))
    assert one_more > sampling_bias([*y, 0, 1], classes=range(7))


@pytest.mark.parametrize(
    ("y", "classes", "message"),
    [
        ([], None, "y is empty"),
        ([], [0, 1], "y is empty"),
        ([0, 0], None, "at least two classes; name all classes"),
        ([0, 0], [0], "at least two classes"),
        ([0, 0], [0, 0], "at least two classes"),
        ([0, 7], [0, 1], "label 7, which is not in classes"),
        (["a", "x"], ["a", "b"], "label 'x', which is not in classes"),
        (["0", "1"], [0, 1], "label '0', which is not in classes"),
        ([0.0, np.nan], None, r"y has a missing label \(row 1\)"),
        ([None, "a"], ["a", "b"], r"y has a missing label \(row 0\)"),
        (["a", pd.NA], None, r"y has a missing label \(row 1\)"),
    ],
)
def test_sampling_bias_refuses(y, classes, message):
    with pytest.raises(ValueError, match=message):
        sampling_bias(y, classes=classes)


# Expected calibration error


def five_samples(dtype=np.float64):
    confidence = np.array([0.5, 0.5, 0.75, 0.875, 1])
    proba = np.column_stack([confidence, 1 - confidence]).astype(dtype)
    return np.array([0, 1, 0, 0, 1]), proba  # all but the second and last are right


@st.composite
def dyadic_predictions(draw):
    """Labels and probabilities in 64ths: no bin edge is a matter of rounding."""
    first = draw(arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 64)))
    share = draw(arrays(np.int64, first.shape, elements=st.integers(0, 64)))
    second = np.minimum(share, 64 - first)
    y = draw(arrays(np.int64, first.shape, elements=st.integers(0, 2)))
    return y, np.column_stack([first, second, 64 - first - second]) / 64


def calibration_error_by_bins(y, proba, n_bins):
    """The definition, bin by bin, in exact arithmetic."""
    rows = [[Fraction(float(p)) for p in row] for row in proba]
    error = Fraction(0)
    for b in range(n_bins):
        low, high = Fraction(b, n_bins), Fraction(b + 1, n_bins)
        members = [i for i, row in enumerate(rows) if low < max(row) <= high]
        if members:
            confidence = sum(max(rows[i]) for i in members) / len(members)
            hits = sum(rows[i].index(max(rows[i])) == y[i] for i in members)
            gap = abs(Fraction(int(hits), len(members)) - confidence)
            error += gap * Fraction(len(members), len(rows))
    return float(error)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_calibration_error_holds_the_upper_edge(dtype):
    y, proba = five_samples(dtype)  # .125 were a bin to hold its lower edge
    error = expected_calibration_error(y, proba, n_bins=4)
    assert type(error) is float
    assert error == pytest.approx(0.225, abs=1e-12)


def test_calibration_error_is_zero_when_confidence_is_accuracy():
    y = [0, 1] * 4 + [0, 0, 0, 1] * 2 + [0] * 8
    proba = np.repeat([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]], 8, axis=0)
    assert expected_calibration_error(y, proba, n_bins=4) == 0
    assert expected_calibration_error(y, proba) == 0


def test_calibration_error_of_the_certain_and_wrong_is_one():
    assert expected_calibration_error([1, 0], [[1.0, 0.0], [0.0, 1.0]]) == 1


def test_a_single_bin_compares_the_means():
    y, proba = five_samples()
    expected = abs(0.6 - proba.max(axis=1).mean())
    assert expected_calibration_error(y, proba, n_bins=1) == pytest.approx(expected)


@given(data=dyadic_predictions(), n_bins=st.sampled_from([1, 2, 4, 8, 16, 32]))
def test_calibration_error_equals_its_definition(data, n_bins):
    y, proba = data
    error = expected_calibration_error(y, proba, n_bins=n_bins)
    assert error == pytest.approx(
        calibration_error_by_bins(y, proba, n_bins), abs=1e-12
    )
    assert 0 <= error <= 1
    again = expected_calibration_error(y, proba.astype(np.float32), n_bins=n_bins)
    assert again == error


@given(data=dyadic_predictions(), seed=SEEDS)
def test_calibration_error_does_not_depend_on_order(data, seed):
    y, proba = data
    order = np.random.default_rng(seed).permutation(len(y))
    shuffled = expected_calibration_error(y[order], proba[order])
    assert shuffled == pytest.approx(expected_calibration_error(y, proba), abs=1e-12)


@given(data=dyadic_predictions())
def test_calibration_error_does_not_depend_on_the_names_of_the_classes(data):
    y, proba = data
    expected = expected_calibration_error(y, proba, classes=[0, 1, 2])
    names = np.array(["cat", "dog", "emu"])
    assert expected_calibration_error(names[y], proba, classes=names) == expected
    as_objects = names.astype(object)
    assert expected_calibration_error(as_objects[y], proba, classes=names) == expected
    assert expected_calibration_error(y, proba) == expected


def test_columns_are_named_by_classes():
    proba = [[0.75, 0.25], [0.25, 0.75]]
    right = expected_calibration_error(["b", "a"], proba, classes=["b", "a"])
    wrong = expected_calibration_error(["b", "a"], proba, classes=["a", "b"])
    assert (right, wrong) == (0.25, 0.75)
    assert expected_calibration_error(["b", "a"], proba) == wrong  # sorted


def test_a_label_outside_classes_is_a_miss():
    proba = [[0.75, 0.25]] * 2
    assert expected_calibration_error([2, 2], proba, classes=[0, 1]) == 0.75
    assert expected_calibration_error(["?", "?"], proba, classes=[0, 1]) == 0.75
    assert expected_calibration_error([0, 2], proba, classes=[0, 1]) == 0.25


@pytest.mark.parametrize(
    ("y_prob", "message"),
    [
        (
            [[0.5, np.nan]],
            r"y_prob has NaN or infinity in 1 of 1 rows \(first: row 0\)",
        ),
        ([[0.5, np.inf]], "y_prob has NaN or infinity"),
        ([[1.5, -0.5]], "y_prob has a negative probability"),
        ([[0.9, 0.9]], "y_prob has a sum that is not 1"),
        ([[0.5, 0.502]], "y_prob has a sum that is not 1"),
        ([[]], "y_prob has a sum that is not 1"),
        ([0.5], r"y_prob has shape \(1,\)"),
        (0.5, r"y_prob has shape \(\)"),
        ([[0.5, 0.5]] * 2, r"y_prob has shape \(2, 2\); .*\(1, n_classes\)"),
        ([["a", "b"]], "y_prob is no table of numbers"),
        ([[0.5, 0.5], [1.0]], "y_prob is no table of numbers"),
    ],
)
def test_calibration_error_refuses_what_is_no_probability(y_prob, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error([0], y_prob)


def test_calibration_error_names_the_first_bad_row():
    with pytest.raises(ValueError, match=r"in 2 of 3 rows \(first: row 1\)"):
        expected_calibration_error([0, 0, 0], [[0.5, 0.5], [1, 1], [0, 0]])


def test_calibration_error_takes_a_sum_near_one():
    error = expected_calibration_error([0], [[0.7505, 0.25]], classes=[0, 1])
    assert error == pytest.approx(0.2495)


@pytest.mark.parametrize(
    ("y_true", "n_bins", "classes", "message"),
    [
        ([0, 1], 0, None, "n_bins == 0"),
        ([0, np.nan], 15, None, r"y_true has a missing label \(row 1\)"),
        ([5, 9], 15, [5], "classes"),
        (["a", "a"], 15, None, "classes"),
    ],
)
def test_calibration_error_refuses(y_true, n_bins, classes, message):
    proba = [[0.5, 0.5]] * 2
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(y_true, proba, n_bins=n_bins, classes=classes)


def test_calibration_error_refuses_no_rows_and_half_bins():
    with pytest.raises(ValueError, match="are empty"):
        expected_calibration_error([], np.zeros((0, 2)))
    with pytest.raises(TypeError, match="n_bins"):
        expected_calibration_error([0], [[1.0, 0.0]], n_bins=2.5)


# Detection

SCORES = st.one_of(
    st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
)


def test_auroc_worked_examples():
    assert ood_auroc([1, 2, 3], [2, 4]) == 0.75
    assert ood_auroc([0, 1], [2, 3]) == 1
    assert ood_auroc([2, 3], [0, 1]) == 0
    assert ood_auroc([1, 1], [1, 1, 1]) == 0.5
    assert ood_auroc([-np.inf, 0], [np.inf]) == 1
    assert type(ood_auroc(np.float32([1]), np.float32([2]))) is float


@given(score_in=SCORES, score_out=SCORES)
def test_auroc_equals_pairwise_comparison_and_scikit_learn(score_in, score_out):
    got = ood_auroc(score_in, score_out)
    inside, outside = np.array(score_in, float), np.array(score_out, float)[:, None]
    pairs = (outside > inside) + 0.5 * (outside == inside)
    assert got == pytest.approx(pairs.mean(), abs=1e-12)
    truth = np.repeat([0, 1], [len(score_in), len(score_out)])
    assert got == pytest.approx(
        roc_auc_score(truth, np.concatenate([inside, outside[:, 0]])), abs=1e-12
    )


@given(score_in=SCORES, score_out=SCORES)
def test_auroc_turns_round_with_the_score_and_with_the_sides(score_in, score_out):
    got = ood_auroc(score_in, score_out)
    turned = ood_auroc(np.negative(score_in), np.negative(score_out))
    assert got == pytest.approx(1 - turned, abs=1e-12)
    assert got == pytest.approx(1 - ood_auroc(score_out, score_in), abs=1e-12)


def test_auroc_of_many_samples_needs_no_table_of_pairs():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(size=200_000), rng.normal(1, size=200_000)
    expected = 0.760250  # the normal distribution function at 1 / sqrt(2)
    assert ood_auroc(inside, outside) == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize(
    ("score_in", "score_out", "message"),
    [
        ([], [1], r"score_in has shape \(0,\)"),
        ([1], [], r"score_out has shape \(0,\)"),
        ([[1]], [1], r"score_in has shape \(1, 1\)"),
        ([1], 2, r"score_out has shape \(\)"),
        ([1, np.nan], [1], r"score_in has NaN \(first: position 1\)"),
        ([1], [np.nan], r"score_out has NaN \(first: position 0\)"),
    ],
)
def test_auroc_refuses(score_in, score_out, message):
    with pytest.raises(ValueError, match=message):
        ood_auroc(score_in, score_out)


# Cost


@pytest.mark.parametrize(
    ("accuracy", "cost", "expected"),
    [
        (93.84, 440, 4.69),
        (96.80, 6582, 68.00),
        (96.07, 420, 4.37),
        (96.65, 406, 4.20),
        (66.38, 27891, 420.17),
    ],
)
def test_published_costs(accuracy, cost, expected):
    ratio = cost_per_accuracy(cost, accuracy)
    assert type(ratio) is float
    assert round(ratio, 2) == expected


def test_cost_of_a_curve():
    assert cost_per_accuracy([100, 200], [50, 80]).tolist() == [2.0, 2.5]
    assert cost_per_accuracy(100, np.array([50, 100])).tolist() == [2.0, 1.0]
    assert cost_per_accuracy(0, 100) == 0


@pytest.mark.parametrize("accuracy", [0, -1, 100.5, np.nan, [50, 0]])
def test_cost_refuses_what_is_no_percentage(accuracy):
    with pytest.raises(ValueError, match=r"accuracy is .* percents above 0"):
        cost_per_accuracy(10, accuracy)


@pytest.mark.parametrize("cost", [-1, np.nan, np.inf])
def test_cost_refuses_what_nobody_can_pay(cost):
    with pytest.raises(ValueError, match=r"cost is .* 0 or more"):
        cost_per_accuracy(cost, 50)
