"""Strategies that look at tasks whose answers need no labels."""

from typing import Any

import numpy as np

from skal._seeding import draw_seed, torch_seeded
from skal.functional import pretext_score, top
from skal.strategies._checks import check_labeled, check_number
from skal.strategies.base import QueryStrategy


class PAL(QueryStrategy):
    """Choose the images that a net of the labeled ones can't set upright nor classify.

    A net of its own learns of the labeled images by how many quarter turns an image is
    turned and of which class it is; it knows neither of images unlike them. The batch
    is chosen in parts: after each, a copy of the net also learns the turns of what is
    chosen, so that the next is unlike it. Where images have no upright (cells, views
    from above) half of the score is noise, and few labeled images teach the net little.

    Needs labeled rows and square images. The net is trained anew at each query, which
    is the most of it for small pools; each part takes one pass over the candidates,
    four turns each. Memory O(64) images besides X and the nets.

    Parameters
    ----------
    n_sub_rounds : int, default=5
        In how many parts a batch is chosen.
    class_weight : float, default=1.0
        Weight of the doubt about the class, relative to that of the turns.
    diversity_weight : float, default=1.0
        Weight of the turns that the copy misses, relative to that of the net's score.
    max_epochs : int, default=100
        Passes of the net over the labeled images.
    lr : float, default=0.05
        Learning rate of the net; its copies are trained for 5 epochs at a tenth of it.
    device : str, default="auto"
        Where it is trained, such as ``"cpu"``; ``"auto"`` takes a GPU where there is
        one.
    module : callable or None, default=None
        ``module(n_classes, in_channels=...)`` makes the net, which ends in a
        ``torch.nn.Linear``; None: :func:`skal.estimators.small_cnn`.

    Notes
    -----
    The parts are of equal size and the last may be smaller; the authors give the size
    of a part, about a fifth of their batches. Theirs keep the weights with the lowest
    loss on labeled images besides; here that is on a fifth of each class of the labeled
    images, from ten images on, else on those trained on. Their learning rates are 0.001
    to 0.1 by data set, with crops and flips.

    References
    ----------
    .. [1] Bhatnagar, Goyal, Tank & Sethi (2021). PAL: Pretext-based Active Learning.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.strategies import PAL
    >>> images, y = load_digits(return_X_y=True)
    >>> images = images[:300].reshape(-1, 8, 8) / 16
    >>> y = y[:300]
    >>> y[50:] = -1
    >>> PAL(max_epochs=5, random_state=0, device="cpu").fit(images, y).query(5).shape
    (5,)
    """

    n_sub_rounds: int = 5
    class_weight: float = 1.0
    diversity_weight: float = 1.0
    max_epochs: int = 100
    lr: float = 0.05
    device: str = "auto"
    module: Any = None

    def _select(
        self, query_size, rng, pool_X, candidates, labeled_X, labeled_y, n_classes
    ):
        from skal.estimators._backbones import small_cnn
        from skal.estimators._batches import Batches, find_device
        from skal.estimators._pal import PretextScorer

        check_number(self, "n_sub_rounds", "max_epochs", whole=True)
        check_number(self, "lr")
        check_number(self, "class_weight", "diversity_weight", zero=True)
        check_labeled(self, labeled_y, "learns from")
        device = find_device(self.device)
        labeled = Batches(labeled_X, device=device)
        scorer = PretextScorer(
            self.module or small_cnn, max_epochs=self.max_epochs, lr=self.lr
        )
        with torch_seeded(draw_seed(rng)):
            scorer.fit(labeled, labeled_y, n_classes)
            images = Batches(pool_X, candidates, device=device)
            return self._in_parts(scorer, images, query_size, rng)

    def _in_parts(self, scorer, images, query_size, rng):
        """Choose the first part by the net, the others by what its copies miss too."""
        size = -(-query_size // self.n_sub_rounds)
        novelty = pretext_score(*scorer.predict(images), class_weight=self.class_weight)
        left = np.arange(len(images))
        picked = left[top(novelty, size, rng)]
        while len(picked) < query_size:
            left = np.setdiff1d(left, picked)
            copy = scorer.tuned(images.of(picked))
            rotation_proba, _ = scorer.predict(images.of(left), copy)
            missed = -rotation_proba.sum(axis=1)
            scores = novelty[left] + self.diversity_weight * missed
            part = top(scores, min(size, query_size - len(picked)), rng)
            picked = np.concatenate([picked, left[part]])
        return picked
