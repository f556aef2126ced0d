"""PAL's scoring net: how surely it tells turns and classes of images."""

import copy

import numpy as np
import torch

from skal.estimators._batches import shuffled
from skal.estimators._two_heads import (
    TwoHeads,
    both_losses,
    check_square,
    rotation_loss,
)

_SGD = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
_HELD_OUT = 5  # one in so many labeled rows of each class
_ENOUGH_HELD_OUT = 10
_TUNING_EPOCHS = 5
_TUNING_RATE = 0.1  # of the learning rate


class PretextScorer:
    """A net with two heads, which learns of labeled images how images look.

    One head tells by which quarter turns an image is turned, the other its class.

    Parameters
    ----------
    module : callable
        ``module(n_classes, in_channels=...)`` makes a module that ends in a
        ``torch.nn.Linear``, in whose place the two heads are put.
    max_epochs : int, default=100
        Passes over the labeled images, each under all four rotations.
    batch_size : int, default=64
        Images in a batch.
    lr : float, default=0.05
        Learning rate of stochastic gradient descent with momentum.

    Attributes
    ----------
    net_ : TwoHeads

    Notes
    -----
    The weights of the epoch with the lowest loss are kept. The loss is that on a fifth
    of the labeled images of each class, held out, as long as these are ten or more; of
    fewer it says too little, all images are trained on, and it is the training loss.
    The authors have 5,000 more labeled images to validate on.
    """

    def __init__(self, module, *, max_epochs=100, batch_size=64, lr=0.05):
        self.module = module
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr

    def fit(self, images, y, n_classes):
        """Train a net on labeled images (Batches) of the classes y, ints of (n,)."""
        check_square(images)
        net = TwoHeads(self.module, n_classes, images[[0]]).to(images.device)
        sgd = torch.optim.SGD(net.parameters(), lr=self.lr, **_SGD)
        trained, held_out = split(y)
        y = torch.tensor(y, device=images.device)
        lowest, best = np.inf, None
        for _ in range(self.max_epochs):
            losses = self._epoch(net.train(), sgd, images, y, trained)
            if len(held_out):
                losses = self._validate(net.eval(), images, y, held_out)
            loss = float(torch.stack(losses).mean())
            if loss < lowest:
                lowest, best = loss, copy.deepcopy(net.state_dict())
        if best is None:
            self._refuse(images)
        net.load_state_dict(best)
        self.net_ = net.eval()
        return self

    def _epoch(self, net, sgd, images, y, trained):
        losses = []
        for places in shuffled(len(trained), self.batch_size):
            rows = trained[places]
            loss = both_losses(*net.turned(images[rows]), y[rows])
            _step(sgd, loss)
            losses.append(loss.detach())
        return losses

    @torch.no_grad()
    def _validate(self, net, images, y, held_out):
        batches = np.array_split(held_out, -(-len(held_out) // self.batch_size))
        return [both_losses(*net.turned(images[rows]), y[rows]) for rows in batches]

    @torch.no_grad()
    def predict(self, images, net=None):
        """Return what a net says of images, by default the trained one.

        Probabilities of the right rotation under each of the four, (n, 4), and of the
        classes of the upright images, (n, n_classes).
        """
        net = self.net_ if net is None else net
        pieces = []
        for batch in images.in_order(self.batch_size):
            rotations, classes = (out.softmax(1) for out in net.turned(batch))
            right = rotations.unflatten(0, (4, -1)).diagonal(dim1=0, dim2=2)
            pieces.append(torch.cat([right, classes], dim=1))
        values = torch.cat(pieces).numpy(force=True)
        if not np.isfinite(values).all():
            self._refuse(images)
        return values[:, :4], values[:, 4:]

    def _refuse(self, images):
        """Name the image, or else the learning rate, on which the net breaks down."""
        images.check_finite()
        raise ValueError(f"The scoring net diverges: lr={self.lr} is too large.")

    def tuned(self, images):
        """Return a copy of the net that has also learned the turns of these images."""
        net = copy.deepcopy(self.net_).train()
        sgd = torch.optim.SGD(net.parameters(), lr=_TUNING_RATE * self.lr)
        for _ in range(_TUNING_EPOCHS):
            for rows in shuffled(len(images), self.batch_size):
                rotations, _ = net.turned(images[rows])
                _step(sgd, rotation_loss(rotations))
        return net.eval()


def split(y):
    """Return places to train on, and a fifth of each class to validate on, or none."""
    rank = np.empty(len(y), dtype=np.intp)
    order = torch.randperm(len(y)).numpy()
    for label in np.unique(y):
        own = order[y[order] == label]
        rank[own] = np.arange(len(own))
    held_out = rank % _HELD_OUT == _HELD_OUT - 1
    if held_out.sum() < _ENOUGH_HELD_OUT:
        held_out[:] = False
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
