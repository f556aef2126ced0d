"""RandomSampling: every row has the same chance."""

import numpy as np

from skal.strategies import RandomSampling


def test_every_candidate_has_the_same_chance_and_no_score():
    counts, candidates = np.zeros(20), np.arange(5, 15)
    for seed in range(1000):
        strategy = RandomSampling(random_state=seed).fit(np.zeros((20, 1)))
        counts[strategy.query(3, candidates=candidates)] += 1
    assert counts[:5].sum() == counts[15:].sum() == 0
    assert abs(counts[5:15] - 300).max() < 4 * np.sqrt(210)
    assert strategy.score_samples().tolist() == [0] * 20
