"""CoreSet: a worked example, its first pick, and which way it points."""

import numpy as np
import pytest
import scipy.sparse as sp

from skal.strategies import CoreSet

LINE = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
Y = [1, -1, -1, -1, -1]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, np.float32])
def test_worked_example(kind):
    strategy = CoreSet().fit(kind(LINE), Y)
    assert strategy.query(4).tolist() == [4, 3, 2, 1]
    np.testing.assert_allclose(strategy.score_samples(), [0, 1, 2, 6, 10], rtol=1e-6)
    assert CoreSet().fit(np.zeros((5, 1)), Y, embedding=LINE).query(2).tolist() == [
        4,
        3,
    ]


def test_far_rows_come_first():
    X = np.random.default_rng(0).standard_normal((200, 3))
    far = [20, 77, 130]
    X[far] += 50 * np.eye(3)
    assert sorted(CoreSet().fit(X, [0] * 10 + [-1] * 190).query(3)) == far


def test_the_first_pick_while_nothing_is_labeled():
    assert CoreSet().fit(LINE).query(2).tolist() == [0, 4]
    assert CoreSet().fit(LINE).query(2, candidates=[2, 3, 4]).tolist() == [2, 4]
    firsts = {
        int(CoreSet(first="random", random_state=seed).fit(LINE).query()[0])
        for seed in range(30)
    }
    assert firsts == {0, 1, 2, 3, 4}
    with pytest.raises(ValueError, match="first is 'last'"):
        CoreSet(first="last").fit(LINE).query()


def test_rows_out_of_distribution_are_no_centers():
    picked = CoreSet(ood_label=-2).fit(LINE, [1, -1, -1, -1, -2]).query(1)
    assert picked.tolist() == [3]
    assert CoreSet(ood_label=-2).fit(LINE, [-1, -1, -1, 1, -2]).query(1).tolist() == [0]
