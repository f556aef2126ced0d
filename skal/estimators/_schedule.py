"""The learning rate over a training."""

import math

from skorch.callbacks import Callback, LRScheduler


class CosineDecay(Callback):
    """Lowers the learning rate from its value to 0, along half a cosine.

    Each training starts at the full rate again, also one that goes on from the last
    weights. Stands aside for a scheduler of skorch among the callbacks.
    """

    def on_train_begin(self, net, **kwargs):  # noqa: ARG002
        """Note the rates to start from."""
        rivals = [cb for _, cb in net.callbacks_ if isinstance(cb, LRScheduler)]
        self.rates_ = [] if rivals else [(g, g["lr"]) for g in _groups(net)]

    def on_epoch_begin(self, net, **kwargs):  # noqa: ARG002
        """Set the rates of an epoch."""
        share = min(1.0, net._epoch / net.n_epochs_)
        for group, rate in self.rates_:
            group["lr"] = rate * (1 + math.cos(math.pi * share)) / 2

    def set_back(self):
        """Set the rates back, also where a training ended early."""
        for group, rate in getattr(self, "rates_", ()):
            group["lr"] = rate
        self.rates_ = []


def _groups(net):
    for name in net._optimizers:
        yield from getattr(net, name + "_").param_groups
