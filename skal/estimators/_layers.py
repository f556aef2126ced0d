"""The layers of a module that training schemes read or replace."""

import contextlib

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skal.readout._skorch import last_linear

_NEVER = -100.0  # the logit of a class that nobody has seen


def head_of(module):
    """Return the last linear layer of a module; what goes into it are the features."""
    head = last_linear(module)
    if head is None:
        raise TypeError(
            f"module is a {type(module).__name__} without a torch.nn.Linear: end it in "
            f"one, whose input are the features and whose output are the logits."
        )
    return head


def replace(module, layer, make):
    """Put ``make(layer)`` where `layer` is in a module; return the module."""
    name = next(name for name, m in module.named_modules() if m is layer)
    if not name:
        return make(layer)
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, make(layer))
    return module


@contextlib.contextmanager
def caught(layers, *, inputs=False):
    """Collect, inside the block, what goes through layers: a list of their outputs.

    With `inputs`, of what goes in. Gradients flow through what is collected.
    """
    values = [None] * len(layers)

    def keep(number):
        if inputs:
            return lambda _layer, args: values.__setitem__(number, args[0])
        return lambda _layer, _args, out: values.__setitem__(number, out)

    handles = [
        layer.register_forward_pre_hook(keep(number))
        if inputs
        else layer.register_forward_hook(keep(number))
        for number, layer in enumerate(layers)
    ]
    try:
        yield values
    finally:
        for handle in handles:
            handle.remove()


def features_of(module, X):
    """Run a module; return what goes into its last linear layer, (n, n_features)."""
    with caught([head_of(module)], inputs=True) as values:
        module(X)
    return values[0].flatten(1)


def head_inputs(net, X):
    """Read what goes into the last linear layer of a net, (n, n_features)."""
    batches = []
    with caught([head_of(net.module_)], inputs=True) as values:
        for _ in net.forward_iter(X):
            batches += [values[0].flatten(1).float().cpu()]
    return torch.cat(batches).numpy()


class Projection(torch.nn.Sequential):
    """Two layers from features to the space in which the contrastive loss compares."""

    def __init__(self, n_features, size):
        super().__init__(
            torch.nn.Linear(n_features, n_features),
            torch.nn.ReLU(),
            torch.nn.Linear(n_features, size),
        )


def set_head(head, features, y, C):
    """Fit a linear layer on frozen features, (n, d), and codes of classes, (n,)."""
    if not np.isfinite(features).all():
        raise ValueError(
            "The features hold NaN or infinity: the training diverged. Lower `lr`, or "
            "look for NaN in X."
        )
    scaler = StandardScaler().fit(features)
    weights = np.zeros(head.weight.shape)
    bias = np.full(len(weights), _NEVER)
    seen = np.unique(y)
    bias[seen] = 0
    if len(seen) > 1:
        model = LogisticRegression(C=C, max_iter=1000)
        model.fit(scaler.transform(features.astype(np.float64)), y)
        rows = seen if len(seen) > 2 else seen[1:]
        weights[rows] = model.coef_ / scaler.scale_
        bias[rows] = model.intercept_ - weights[rows] @ scaler.mean_
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights))
        head.bias.copy_(torch.from_numpy(bias))
