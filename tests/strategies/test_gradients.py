"""BADGE: a worked example, what it prefers, its first pick."""

import numpy as np
import pytest
import scipy.sparse as sp

from skal.strategies import BADGE

PROBA = np.array([[0.6, 0.4], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
H = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def over(strategy, proba=PROBA, embedding=H, y=None):
    classes = np.arange(np.shape(proba)[1])
    n = len(proba)
    return strategy.fit(
        np.zeros((n, 1)), y, proba=proba, embedding=embedding, classes=classes
    )


@pytest.mark.parametrize("kind", [np.asarray, np.float32, sp.csr_array])
def test_badge_draws_by_squared_distance_from_the_longest_gradient(kind):
    queries = [
        over(BADGE(random_state=seed), embedding=kind(H)).query(2)
        for seed in range(600)
    ]
    first, second = np.transpose(queries)
    assert set(first) == {1}
    share = np.bincount(second, minlength=4) / 600
    np.testing.assert_allclose(share, np.array([0.72, 0, 2.02, 3.56]) / 6.3, atol=0.06)


def test_badge_prefers_rows_the_model_is_unsure_of():
    rng = np.random.default_rng(0)
    top = np.r_[rng.uniform(0.5, 0.6, 100), rng.uniform(0.99, 1, 100)]
    proba, X = np.column_stack([top, 1 - top]), rng.standard_normal((200, 8))
    picked = over(BADGE(random_state=0), proba, X).query(40)
    assert (picked < 100).mean() > 0.9
    scaled = over(BADGE(random_state=0, normalize=True), proba, X).query(40)
    assert 0.3 < (scaled < 100).mean() < 0.7


def test_badge_spreads():
    proba = np.full((200, 2), 0.5)
    X = np.repeat(np.eye(20), 10, axis=0) * 5
    picked = over(BADGE(random_state=0), proba, X).query(20)
    assert sorted(picked // 10) == list(range(20))


def test_the_first_pick_of_badge():
    firsts = {int(over(BADGE(random_state=s)).query()[0]) for s in range(20)}
    assert firsts == {1}
    firsts = {
        int(over(BADGE(random_state=s, first="random")).query()[0]) for s in range(40)
    }
    assert firsts == {0, 1, 2, 3}
    same = over(BADGE(), np.full((5, 2), 0.5), np.ones((5, 3)))
    assert same.query().tolist() == [0]


def test_normalized_badge():
    picked = over(BADGE(normalize=True, random_state=0)).query(4)
    assert picked[0] == 1  # still the longest
    assert picked[3] == 0  # parallel to the first: at no distance from it
    firsts = {
        int(over(BADGE(random_state=s, first="random", normalize=True)).query()[0])
        for s in range(40)
    }
    assert firsts == {0, 1, 2, 3}
    sure = np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    picked = over(BADGE(normalize=True, random_state=0), sure, H[:3]).query(3)
    assert sorted(picked) == [0, 1, 2]


def test_badge_without_room_for_chance():
    with pytest.raises(ValueError, match="first is 'last': give 'max_norm'"):
        over(BADGE(first="last")).query()
