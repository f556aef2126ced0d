"""The classical scores: worked examples, and which way they point."""

import numpy as np
import pytest

from skal.readout import read_rows
from skal.strategies import (
    BAL,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    NormalizedConfidenceSampling,
)

PROBA = np.array(
    [[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]
)
CLASSICAL = [EntropySampling, LeastConfidenceSampling, MarginSampling]


@pytest.mark.parametrize(
    ("cls", "scores", "orders"),
    [
        (EntropySampling, [0.801819, 1.080528, 0.693147, 1.098612], ["3102"]),
        (LeastConfidenceSampling, [0.3, 0.6, 0.5, 0.666667], ["3120"]),
        (MarginSampling, [-0.5, -0.05, 0, 0], ["2310", "3210"]),
    ],
)
def test_worked_example(cls, scores, orders):
    found = set()
    for seed in range(20):
        strategy = cls(random_state=seed).fit(np.zeros((4, 1)), proba=PROBA)
        found.add("".join(map(str, strategy.query(4))))
    np.testing.assert_allclose(strategy.score_samples(), scores, atol=5e-7)
    assert sorted(found) == orders


@pytest.mark.parametrize("cls", CLASSICAL)
def test_the_less_certain_comes_first(cls):
    certainty = np.random.default_rng(0).permutation(50) / 50
    proba = np.column_stack([(1 + certainty) / 2, (1 - certainty) / 2])
    picked = cls().fit(np.zeros((50, 1)), proba=proba).query(50)
    assert np.array_equal(picked, np.argsort(certainty))


@pytest.mark.parametrize("cls", CLASSICAL)
def test_equal_rows_take_turns(cls):
    proba = np.vstack([np.full((50, 2), 0.5), np.tile([1.0, 0.0], (50, 1))])
    picked = [
        cls(random_state=seed).fit(np.zeros((100, 1)), proba=proba).query(5).tolist()
        for seed in range(40)
    ]
    first = np.array(picked)[:, 0]
    assert first.max() < 50
    assert first.min() < 15 < 35 < first.max()


class Logits:
    """A net whose logits are the rows themselves."""

    classes_ = np.arange(3)


@read_rows.register(Logits)
def _read_logits(model, X, what, **options):
    terms = np.exp(X - X.max(axis=1, keepdims=True))
    out = {"logit": X, "proba": terms / terms.sum(axis=1, keepdims=True)}
    return {name: out[name] for name in what}


LOGITS = np.array([[20.0, 19, -30], [1, 0, 0], [0, 0, 0], [7, 7, 7]])


def test_normalized_confidence_forgets_how_large_logits_are():
    strategy = NormalizedConfidenceSampling().fit(LOGITS[:2], estimator=Logits())
    scores = strategy.score_samples()
    np.testing.assert_allclose(scores, [0.559274, 0.423883], atol=1e-6)
    assert strategy.query(2).tolist() == [0, 1]
    plain = LeastConfidenceSampling().fit(LOGITS[:2], estimator=Logits())
    assert plain.query(2).tolist() == [1, 0]
    longer = NormalizedConfidenceSampling().fit(100 * LOGITS, estimator=Logits())
    scores = longer.score_samples()
    np.testing.assert_allclose(scores, longer.score_samples(LOGITS))
    np.testing.assert_allclose(scores[2:], 2 / 3)  # all alike: nothing is known


def test_normalized_confidence_as_the_sampler_of_bal():
    y = np.array([-1, -1, 0, 1])
    for sampler, first in [(NormalizedConfidenceSampling(), 0), (None, 1)]:
        strategy = BAL(n_rounds=1, sampler=sampler).fit(
            LOGITS, y, estimator=Logits(), embedding=LOGITS
        )
        assert strategy.query(2).tolist() == [first, 1 - first]


def test_normalized_confidence_reads_logits_alone():
    proba = np.full((4, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"`logit`.*estimator"):
        NormalizedConfidenceSampling().fit(LOGITS, proba=proba).query(1)
