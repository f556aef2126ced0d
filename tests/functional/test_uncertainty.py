"""Uncertainty scores against worked examples, slow twins and their bounds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skal.functional import (
    entropy,
    least_confidence,
    margin,
    normalized_least_confidence,
)

WORKED = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.5, 0], [1 / 3] * 3])
SCORES = [entropy, least_confidence, margin]
LOGITS = np.array([[20.0, 19.0, -30.0], [1.0, 0.0, 0.0]])


@st.composite
def probabilities(draw):
    shape = draw(st.tuples(st.integers(1, 20), st.integers(2, 12)))
    weights = draw(hnp.arrays(float, shape, elements=st.floats(0, 1)))
    weights[:, 0] += 1e-3
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("score", "expected", "order"),
    [
        (entropy, [0.801819, 1.080528, 0.693147, 1.098612], [3, 1, 0, 2]),
        (least_confidence, [0.3, 0.6, 0.5, 0.666667], [3, 1, 2, 0]),
        (margin, [0.5, 0.05, 0, 0], [2, 3, 1, 0]),
    ],
)
def test_worked_example(score, expected, order):
    values = score(WORKED)
    np.testing.assert_allclose(values, expected, atol=5e-7)
    wanted = values if score is margin else -values
    np.testing.assert_array_equal(np.argsort(wanted.round(12), kind="stable"), order)


def softmax(logits):
    terms = np.exp(logits - logits.max(axis=1, keepdims=True))
    return terms / terms.sum(axis=1, keepdims=True)


def test_logits_of_unit_length_turn_the_order_of_confidence():
    true, normalized = (
        least_confidence(softmax(LOGITS)),
        normalized_least_confidence(LOGITS),
    )
    np.testing.assert_allclose(1 - true, [0.731059, 0.576117], atol=5e-7)
    np.testing.assert_allclose(1 - normalized, [0.440726, 0.576117], atol=5e-7)
    assert (true.argmax(), normalized.argmax()) == (1, 0)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(1, 20), st.integers(1, 12)),
        elements=st.floats(-50, 50).map(lambda value: round(value, 3)),
    ),
    st.floats(0.01, 100),
)
def test_normalized_least_confidence_of_any_logits(logits, factor):
    values = normalized_least_confidence(logits)
    lengths = np.linalg.norm(logits, axis=1, keepdims=True)
    unit = logits / np.where(lengths > 0, lengths, 1)
    expected = 1 - softmax(unit).max(axis=1)
    np.testing.assert_allclose(values, expected, atol=1e-12)
    assert (values >= 0).all()
    assert (values <= 1 - 1 / logits.shape[1] + 1e-12).all()
    stretched = normalized_least_confidence(factor * logits)
    np.testing.assert_allclose(stretched, values, atol=1e-12)


def test_logits_of_zeros_are_as_unsure_as_can_be():
    values = normalized_least_confidence([[0.0, 0, 0], [1, 0, 0], [0, 0, -1e300]])
    assert values[0] == pytest.approx(2 / 3)
    assert (values <= values[0]).all()
    assert normalized_least_confidence([[5.0], [0.0]]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("given", "returned"),
    [("f4", "f4"), ("f8", "f8"), ("f2", "f4"), ("i8", "f8"), ("?", "f8")],
)
def test_precision_of_normalized_least_confidence(given, returned):
    logits = (LOGITS / 5).astype(given)
    values = normalized_least_confidence(logits)
    assert values.dtype == np.dtype(returned)
    expected = normalized_least_confidence(logits.astype("f8"))
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_normalized_least_confidence_of_tensors(device, dtype):
    logits = (9 * np.random.default_rng(0).standard_normal((500, 7))).astype(dtype)
    expected = normalized_least_confidence(logits)
    values = normalized_least_confidence(torch.as_tensor(logits, device=device))
    assert values.device.type == device
    assert str(values.dtype) == f"torch.{expected.dtype}"
    np.testing.assert_allclose(values.numpy(force=True), expected, atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(probabilities())
def test_entropy_lies_between_zero_and_log_of_the_classes(proba):
    values = entropy(proba)
    logs = np.log(proba, where=proba > 0, out=np.zeros_like(proba))
    np.testing.assert_allclose(values, -(proba * logs).sum(axis=1), atol=1e-12)
    assert (values >= -1e-12).all()
    assert (values <= np.log(proba.shape[1]) + 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(probabilities())
def test_least_confidence_and_margin_against_sorting(proba):
    ordered = np.sort(proba, axis=1)
    np.testing.assert_array_equal(least_confidence(proba), 1 - ordered[:, -1])
    np.testing.assert_array_equal(margin(proba), ordered[:, -1] - ordered[:, -2])


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("given", "returned"),
    [("f4", "f4"), ("f8", "f8"), ("f2", "f4"), ("i8", "f8"), ("?", "f8")],
)
def test_dtype(score, given, returned):
    one_hot = np.eye(3, dtype=given)
    values = score(one_hot)
    assert values.dtype == np.dtype(returned)
    np.testing.assert_array_equal(values, np.full(3, score is margin))


def test_float16_is_computed_in_float32():
    proba = WORKED.astype("f2")
    np.testing.assert_array_equal(entropy(proba), entropy(proba.astype("f4")))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("n_classes", [2, 3, 20_000])
def test_chunks_agree_with_single_rows(score, n_classes):
    n_rows = 9000 if n_classes < 100 else 300
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), size=n_rows)
    values = score(proba)
    rows = [0, 63, 209, 210, n_rows - 1]
    singly = [score(proba[[row]])[0] for row in rows]
    np.testing.assert_allclose(values[rows], singly, rtol=1e-12)


@pytest.mark.parametrize("score", [*SCORES, normalized_least_confidence])
def test_layouts_and_read_only_input(score):
    proba = np.random.default_rng(0).dirichlet(np.ones(4), size=50)
    expected = score(proba.copy())
    proba.flags.writeable = False
    np.testing.assert_array_equal(score(proba), expected)
    np.testing.assert_allclose(score(np.asfortranarray(proba)), expected, rtol=1e-14)
    np.testing.assert_array_equal(score(proba[::-1])[::-1], expected)
    np.testing.assert_array_equal(score(proba.tolist()), expected)
    assert score(proba[:0]).shape == (0,)


@pytest.mark.parametrize("score", SCORES)
def test_a_flatter_row_is_less_sure(score):
    sure, unsure = score([[0.9, 0.05, 0.05], [0.4, 0.35, 0.25]])
    assert (unsure < sure) if score is margin else (unsure > sure)


def test_zero_probabilities_cost_nothing():
    values = entropy(np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert values[0] == 0
    assert not np.signbit(values[0])
    assert values[1] == pytest.approx(np.log(2))


@pytest.mark.parametrize("score", SCORES)
def test_wrong_shapes_are_refused(score):
    with pytest.raises(ValueError, match="proba must have 2 dimensions"):
        score([0.5, 0.5])
    with pytest.raises(ValueError, match="proba must have at least"):
        score(np.empty((3, 0)))


@pytest.mark.parametrize("logits", [[0.5, 0.5], np.empty((3, 0))])
def test_wrong_shapes_of_logits_are_refused(logits):
    with pytest.raises(ValueError, match="logits must have"):
        normalized_least_confidence(logits)


def test_margin_of_one_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 column"):
        margin([[1.0]])
