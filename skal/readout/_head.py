"""The linear map from features to logits, of the models that end in one."""

import functools
import sys

import numpy as np
import scipy.sparse as sp

from skal.readout._dispatch import inner_model, register_late


def linear_head(estimator):
    """Return the weights (classes, features) of a model's last linear map.

    Its features are what `read_rows` gives of it. None where the model ends otherwise.
    """
    register_late()
    inner = inner_model(estimator)
    return _head(estimator) if inner is None else linear_head(inner)


@functools.singledispatch
def _head(estimator):
    linear = sys.modules.get("sklearn.linear_model._base")
    kind = getattr(linear, "LinearClassifierMixin", None)
    if kind is None or not isinstance(estimator, kind):
        return None
    weights = estimator.coef_
    weights = np.asarray(weights.toarray() if sp.issparse(weights) else weights)
    if len(weights) == 1:  # two classes: logits of the second over the first
        return np.concatenate([np.zeros_like(weights), weights])
    return weights
