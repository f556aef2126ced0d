"""Scores of new rows tell what belongs to no class."""

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression

from skal.metrics import ood_auroc
from skal.strategies import (
    BALD,
    CAL,
    DDU,
    DFM,
    SCAL,
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
)

CENTERS = np.array([[6.0, 0, 0, 0], [0, 6.0, 0, 0], [0, 0, 6.0, 0]])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X, inside = (
        np.repeat(CENTERS, 80, axis=0) + rng.normal(size=(240, 4)) for _ in range(2)
    )
    between = np.tile(CENTERS.mean(axis=0), (240, 1)) + rng.normal(size=(240, 4))
    aside = np.array([0, 0, 0, 6.0]) + rng.normal(size=(240, 4))
    y = np.repeat([0, 1, 2], 80)
    return X, np.where(np.arange(240) % 2, y, -1), y, inside, between, aside


def auroc(strategy, data, outside):
    X, labels, y, inside = data[:4]
    model = BaggingClassifier(LogisticRegression(), 20, random_state=0).fit(X, y)
    strategy.fit(X, labels, estimator=model)
    return ood_auroc(strategy.score_samples(inside), strategy.score_samples(outside))


@pytest.mark.parametrize(
    "strategy",
    [
        EntropySampling(),
        LeastConfidenceSampling(),
        MarginSampling(),
        BALD(n_draws=20),
        SCAL(),
        CAL(),
    ],
    ids=lambda s: type(s).__name__,
)
def test_what_lies_between_the_classes(strategy, data):
    assert auroc(strategy, data, data[4]) > 0.95


@pytest.mark.parametrize(
    "strategy",
    [CoreSet(), DDU(), SCAL(), DFM(n_components=1)],
    ids=lambda s: type(s).__name__,
)
def test_what_lies_far_from_all_classes(strategy, data):
    assert auroc(strategy, data, data[5]) > 0.95


def test_what_is_inside_is_not_told_apart(data):
    again = data[3][::-1]
    for strategy in (EntropySampling(), CoreSet(), DDU(), SCAL()):
        assert abs(auroc(strategy, data, again) - 0.5) < 0.02
