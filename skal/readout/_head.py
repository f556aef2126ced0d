"""The linear map from features to logits, of the models that end in one."""

import sys

import numpy as np
import scipy.sparse as sp

from skal.readout._dispatch import inner_model


def linear_head(estimator):
    """Return the weights (classes, features) of the map that a model ends in, or None.

    Its features are those that `read_rows` gives of the model. None: it ends otherwise,
    or does not show it.
    """
    inner = inner_model(estimator)
    if inner is not None:
        return linear_head(inner)
    weights = _weights(estimator)
    if weights is not None and len(weights) == 1:  # of the second class over the first
        weights = np.concatenate([np.zeros_like(weights), weights])
    return weights


def _weights(estimator):
    if _is(estimator, "sklearn.linear_model._base", "LinearClassifierMixin"):
        weights = estimator.coef_
        return np.asarray(weights.toarray() if sp.issparse(weights) else weights)
    if _is(estimator, "skorch", "NeuralNet"):
        from skal.readout._skorch import last_linear

        layer = last_linear(estimator.module_)
        its_own = getattr(estimator, "reads_its_head", True)
        elsewhere = getattr(estimator, "embedding_layer", None) is not None
        if layer is not None and its_own and not elsewhere:
            return layer.weight.numpy(force=True)
    return None


def _is(estimator, module, name):
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(estimator, kind)
