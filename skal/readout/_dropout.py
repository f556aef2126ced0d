"""Stochastic passes of a torch module: its dropout on, everything else as it is.

A pass is one sampled model: its dropout masks are the same for all rows, so that joint
predictions of several rows make sense, and do not depend on how rows come in batches.
What runs before the first dropout layer is the same in every pass, and runs once.
"""

import torch
from torch.nn.modules.dropout import (
    AlphaDropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    FeatureAlphaDropout,
    _DropoutNd,
)

from skal._seeding import derive

_WHOLE_CHANNELS = (Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout)
_SATURATED = -1.7580993408473766  # what SELU tends to, in alpha dropout


class Passes:
    """Replaces, inside the block, the forward of the module's parts.

    Parameters
    ----------
    module : torch.nn.Module
    seed : int
        With the number of a pass, it determines the masks.
    """

    def __init__(self, module, seed):
        self.seed = seed
        self.layers = [m for m in module.modules() if isinstance(m, _DropoutNd)]
        self.parts = list(_without_dropout(module)) if self.layers else []
        self.reused = {}

    def __enter__(self):
        whole = [*self.layers, *self.parts]
        self.own = {part: vars(part).get("forward") for part in whole}
        for number, layer in enumerate(self.layers):
            layer.forward = self._masked(layer, number)
        for part in self.parts:
            part.forward = self._once(part, part.forward)
        return self

    def __exit__(self, *_):
        for part, forward in self.own.items():
            del part.forward  # that of its class shows again
            if forward is not None:
                part.forward = forward

    def new_rows(self):
        """Forget what was kept of other rows."""
        self.reused = {}

    def start(self, number):
        """Begin the pass of this number; None is the pass without dropout."""
        self.number = number
        self.n_masked = 0
        self.calls = dict.fromkeys(self.parts, 0)

    def _masked(self, layer, number):
        def forward(values):
            n_before, self.n_masked = self.n_masked, self.n_masked + 1
            if self.number is None:
                return values
            key = (self.seed, self.number, number, n_before)
            return _drop(layer, values, derive(*key))

        return forward

    def _once(self, part, forward):
        def once(*args, **kwargs):
            if self.n_masked:
                return forward(*args, **kwargs)
            call = (part, self.calls[part])
            self.calls[part] += 1
            if call not in self.reused:
                self.reused[call] = forward(*args, **kwargs)
            return self.reused[call]

        return once


def _without_dropout(module):
    """Yield the largest parts of a module that have no dropout layer inside."""
    if not any(isinstance(m, _DropoutNd) for m in module.modules()):
        yield module
    elif not isinstance(module, _DropoutNd):
        for child in module.children():
            yield from _without_dropout(child)


def _drop(layer, values, seed):
    """Apply a dropout layer with one mask for all rows."""
    shape = [1, *values.shape[1:]]
    if isinstance(layer, _WHOLE_CHANNELS):
        shape[2:] = [1] * (values.ndim - 2)
    chance = torch.Generator(values.device).manual_seed(seed)
    kept = torch.rand(shape, generator=chance, device=values.device) >= layer.p
    kept = kept.to(values.dtype)
    if not isinstance(layer, (AlphaDropout, FeatureAlphaDropout)):
        return values * kept / max(1 - layer.p, 1e-12)
    scale = ((1 - layer.p) * (1 + layer.p * _SATURATED**2)) ** -0.5
    mixed = values * kept + _SATURATED * (1 - kept)
    return scale * (mixed - _SATURATED * layer.p)
