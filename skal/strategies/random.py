"""The baseline."""

import numpy as np

from skal.strategies.base import QueryStrategy


class RandomSampling(QueryStrategy):
    """Choose rows uniformly at random.

    The baseline that a strategy has to beat, and the least biased sample of the pool.
    Needs no model. O(n).

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import RandomSampling
    >>> picked = RandomSampling(random_state=0).fit(np.zeros((100, 2))).query(5)
    >>> len(set(picked.tolist()))
    5
    """

    def _select(self, query_size, rng, candidates):
        return rng.choice(len(candidates), query_size, replace=False)

    def _score(self, candidates):
        return np.zeros(len(candidates))
