"""Strategies that choose for the sake of labeled rows held out of the pool."""

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from skal.functional import fisher_matches, glister_greedy, round_to_grid
from skal.strategies._held_out import read_held_out
from skal.strategies.base import QueryStrategy


class GLISTER(QueryStrategy):
    """Choose the rows that would lower the loss on held-out rows the most.

    Each row's step is the gradient of the last layer under the predicted label; the
    row whose step lowers the validation loss most, to first order, comes next, and the
    validation loss is taken anew after its step. With a validation set of rare classes
    the choice is aimed at them. A row that the model is wrong about has the step of a
    wrong label: early on, when many have, this is the wrong tool.

    O(n * query_size * n_classes * d) in matrix products, without a validation set
    twice that, and one pass of the model over the validation set for each query.

    Parameters
    ----------
    validation_set : pair (X, y) or None, default=None
        Held-out labeled rows, read with the same model; their labels are among those
        of the pool or of the model. None: the candidates with their predicted labels
        and the labeled rows with theirs.
    learning_rate : float, default=0.01
        The length of a step, that of the model's training in the paper.

    Notes
    -----
    Models say probabilities, not logits; their logarithms, used here, have the same
    softmax. The regularizers of the authors' code are left out.

    References
    ----------
    .. [1] Killamsetty, Sivasubramanian, Ramakrishnan & Iyer (2021). GLISTER:
       Generalization Based Data Subset Selection for Efficient and Robust Learning.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import GLISTER
    >>> proba = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])
    >>> X = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> GLISTER().fit(X, [1, -1, -1], proba=proba, classes=[0, 1]).query(1)
    array([1])
    """

    validation_set: Any = None
    learning_rate: float = 0.01

    def _select(
        self,
        query_size,
        proba,
        logit_gradient,
        embedding,
        labeled_proba,
        labeled_logit_gradient,
        labeled_embedding,
    ):
        if not (isinstance(self.learning_rate, Real) and self.learning_rate > 0):
            raise ValueError(
                f"learning_rate is {self.learning_rate!r}: give a number > 0."
            )
        own = {
            "proba": (proba, labeled_proba),
            "logit_gradient": (logit_gradient, labeled_logit_gradient),
            "embedding": (embedding, labeled_embedding),
        }
        if self.validation_set is None:
            validation = {name: _stacked(*parts) for name, parts in own.items()}
        else:
            validation = read_held_out(self, self.validation_set, list(own))
        positions, _ = glister_greedy(
            logit_gradient,
            embedding,
            query_size,
            **{f"validation_{name}": values for name, values in validation.items()},
            labeled_logit_gradient=labeled_logit_gradient,
            labeled_embedding=labeled_embedding,
            learning_rate=self.learning_rate,
        )
        return positions


def _stacked(above, below):
    if below.shape[0] == 0:
        return above
    if sp.issparse(above):
        return sp.vstack([above, below], format="csr")
    return np.concatenate([above, below])


class FISHER(QueryStrategy):
    """Choose the rows that are most like held-out rows the model gets wrong.

    Rows are alike in their features and in the gradient of their loss by the features,
    both standardized entry by entry (the practical Fisher kernel). The rows gotten
    wrong take turns, each with its closest candidates. Made for pools with another mix
    of classes than the data that count; where the validation rows are few or fit
    already, it has nothing to go by.

    O(n * min(query_size, n_wrong) * (d + log(query_size))), and one pass of the model
    over the validation set for each query.

    Parameters
    ----------
    validation_set : pair (X, y) or None, default=None
        Held-out labeled rows, read with the same model; their labels are among those
        of the pool or of the model. None: the labeled rows of the pool, which a model
        that fits them hardly gets wrong.

    Notes
    -----
    The authors take features and gradients of several layers of a convolutional net;
    here there is one scale, the features that every strategy reads. Their gradient is
    known where the model ends in a linear map of them (linear classifiers, nets with a
    linear last layer); over any other model, over arrays and with a `representation`,
    rows are compared by features alone. Gradients are under predicted labels, those of
    validation rows too.

    Nothing gotten wrong: the `query_size` rows with the lowest probability of their
    true label stand in. No labeled rows at all: the choice is random.

    References
    ----------
    .. [1] Gudovskiy, Hodgkinson, Yamaguchi & Tsukizawa (2020). Deep Active Learning for
       Biased Datasets via Fisher Kernel Self-Supervision.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies import FISHER
    >>> proba = np.array([[0.8, 0.2], [0.7, 0.3], [0.4, 0.6]])
    >>> X = np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [2.0, 4.0, 6.0]])
    >>> FISHER().fit(X, [1, -1, -1], proba=proba, classes=[0, 1]).query(1)
    array([2])
    """

    validation_set: Any = None

    def _select(
        self,
        query_size,
        rng,
        embedding,
        logit_gradient,
        labeled_proba,
        labeled_logit_gradient,
        labeled_embedding,
    ):
        known = {
            "proba": labeled_proba,
            "logit_gradient": labeled_logit_gradient,
            "embedding": labeled_embedding,
        }
        if self.validation_set is not None:
            known = read_held_out(self, self.validation_set, list(known))
        if len(known["proba"]) == 0:
            return rng.permutation(embedding.shape[0])[:query_size]
        rows = _gotten_wrong(known["proba"], known["logit_gradient"], query_size)
        queries, wrong = known["embedding"][rows], known["proba"][rows]
        gradients = {}
        if (head := self._model().head()) is not None:
            gradients = {
                "logit_gradient": logit_gradient,
                "query_logit_gradient": _under_prediction(wrong),
                "head": head,
            }
        return fisher_matches(embedding, queries, query_size, rng, **gradients)


def _gotten_wrong(proba, logit_gradient, n):
    """Rows whose label is not the predicted one; else the n least sure of theirs."""
    labels = (proba - logit_gradient).argmax(axis=1)
    wrong = np.flatnonzero(proba.argmax(axis=1) != labels)
    if len(wrong):
        return wrong
    of_label = proba[np.arange(len(proba)), labels]
    return np.argsort(round_to_grid(of_label), kind="stable")[:n]


def _under_prediction(proba):
    return proba - np.eye(proba.shape[1])[proba.argmax(axis=1)]
