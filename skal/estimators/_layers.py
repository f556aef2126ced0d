"""The layers of a module that training schemes read or replace."""

import contextlib

import torch

from skal.readout._skorch import last_linear


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


class Projection(torch.nn.Sequential):
    """Two layers from features to the space in which the contrastive loss compares."""

    def __init__(self, n_features, size):
        super().__init__(
            torch.nn.Linear(n_features, n_features),
            torch.nn.ReLU(),
            torch.nn.Linear(n_features, size),
        )
