"""Rotation prediction: features of images from no labels at all."""

import copy
from hashlib import blake2b

import numpy as np
import torch
from skorch.dataset import unpack_data

from skal.estimators._inputs import channels_first
from skal.estimators._net import Net
from skal.readout._skorch import penultimate

_TURNS = 4
_VIEWS = ("unrotated", "random", "mean")


class RotationPretext(Net):
    """Learn features of images by telling by how much each is turned.

    A transformer that needs no labels: a net learns to tell 0, 90, 180 and 270 degrees
    apart, and what goes into its last layer are the features. The `representation` of
    :class:`skal.strategies.BAL` and a way to start cold. It is the wrong tool where
    directions mean nothing (cells, aerial pictures) or everything is upright and easy.

    An epoch takes four times that of a classifier; only a batch is held in memory.

    Parameters
    ----------
    view : {"unrotated", "random", "mean"}, default="unrotated"
        Which rotation of an image its features are of: none, one drawn by its content
        and the seed (what released code of BAL does), or the mean over all four.

    Attributes
    ----------
    module_ : torch.nn.Module
        The weights of the epoch that told the largest share of rotations.
    history_ : skorch.history.History
        Also holds `rotation_accuracy`, of the images as they were trained on.
    input_shape_ : tuple of int

    Raises
    ------
    ValueError
        If the images are not square.

    Notes
    -----
    The best epoch is chosen by the accuracy while it trained, which costs nothing, and
    not by another pass over the images after each epoch.

    References
    ----------
    .. [1] Gidaris, Singh & Komodakis (2018). Unsupervised Representation Learning by
       Predicting Image Rotations. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import RotationPretext
    >>> images = load_digits().images[:200] / 16
    >>> pretext = RotationPretext(max_epochs=2, random_state=0).fit(images)
    >>> pretext.transform(images[:5]).shape, pretext.sample_losses(images[:5]).shape
    ((5, 128), (5,))
    """

    def __init__(self, module=None, *, view="unrotated", **kwargs):
        super().__init__(module, **kwargs)
        self.view = view

    def fit(self, X, y=None):  # noqa: ARG002
        """Learn to tell by how much an image is turned.

        Parameters
        ----------
        X : container of n images
            ``(n, side, side)``, or with 1, 3 or 4 channels, which come first or last.
        y : None
            Ignored: the task makes its own labels.

        Returns
        -------
        self : object
        """
        return self._fit(X, anew=not (self.warm_start and self.initialized_))

    def partial_fit(self, X, y=None):  # noqa: ARG002
        """Train `max_epochs` more epochs from the last weights."""
        return self._fit(X, anew=not self.initialized_)

    def _fit(self, X, *, anew):
        X = self._check_rows(X, reset=anew)
        _check_squares(self.input_shape_)
        return self._learn(X, None, anew=anew)

    def transform(self, X):
        """Return the features of images, (n, n_features), float32."""
        if self.view == "unrotated":
            return super().transform(X)
        X = self._check_rows(X)
        with penultimate(self) as batches:
            for batch in self._turned_batches(X):
                self.evaluation_step((batch, None))
        views = [features.unflatten(0, (_TURNS, -1)) for features in batches]
        views = torch.cat(views, dim=1).numpy()
        if self.view == "mean":
            return views.mean(axis=0)
        return views[self._own_turns(X), np.arange(views.shape[1])]

    def sample_losses(self, X):
        """Return the loss of each image, averaged over its four rotations, (n,).

        Higher = harder to tell by how much it is turned.
        """
        X = self._check_rows(X)
        losses = []
        for batch in self._turned_batches(X):
            logits = self.evaluation_step((batch, None))
            loss = torch.nn.functional.cross_entropy(
                logits, _turns_of(logits), reduction="none"
            )
            losses.append(loss.unflatten(0, (_TURNS, -1)).mean(0).float().cpu())
        return torch.cat(losses).numpy()

    def train_step_single(self, batch):
        """Compute the loss of a batch in its four rotations, and gradients."""
        X, _ = unpack_data(batch)
        turned = turned_four_ways(self._view(self._input(X)))
        self._set_training(True)
        logits = self.infer(turned)
        turns = _turns_of(logits)
        loss = self.get_loss(logits, turns)
        loss.backward()
        self.n_right_ += (logits.argmax(dim=1) == turns).sum()
        self.n_seen_ += len(turns)
        return {"loss": loss, "y_pred": logits}

    def _train(self, X, y, **fit_params):
        """Run the epochs, and take the weights of the best."""
        self.best_ = (-1.0, None)
        super()._train(X, y, **fit_params)
        _, weights = self.best_
        if weights is not None:
            self.module_.load_state_dict(weights)
        del self.best_

    def on_epoch_begin(self, net, **kwargs):
        """Start to count."""
        super().on_epoch_begin(net, **kwargs)
        self.n_right_, self.n_seen_ = torch.zeros((), device=self.device), 0

    def on_epoch_end(self, net, **kwargs):
        """Keep the weights of the epoch that told most rotations."""
        accuracy = float(self.n_right_) / max(1, self.n_seen_)
        self.history.record("rotation_accuracy", accuracy)
        if accuracy >= self.best_[0]:
            self.best_ = (accuracy, copy.deepcopy(self.module_.state_dict()))
        super().on_epoch_end(net, **kwargs)

    def _turned_batches(self, X):
        for batch in self.get_iterator(self.get_dataset(X)):
            yield turned_four_ways(self._input(unpack_data(batch)[0]))

    def _own_turns(self, X):
        """Draw a rotation for each image, by its content and the seed."""
        key = self.seed_.to_bytes(8, "little")
        return np.array(
            [
                blake2b(np.ascontiguousarray(row), key=key, digest_size=1).digest()[0]
                % _TURNS
                for batch in self.get_iterator(self.get_dataset(X))
                for row in unpack_data(batch)[0].numpy()
            ]
        )

    def _check_params(self):
        super()._check_params()
        if self.view not in _VIEWS:
            raise ValueError(f"view is {self.view!r}: give one of {list(_VIEWS)}.")

    def _known(self):
        return super()._known() | {"n_classes": _TURNS}


def turned_four_ways(images):
    """Return images, (n, channels, side, side), turned by 0, 90, 180 and 270 degrees.

    (4 n, ...): all of them unturned, then all of them turned once, and so on.
    """
    return torch.cat([torch.rot90(images, turn, (2, 3)) for turn in range(_TURNS)])


def _turns_of(logits):
    n = len(logits) // _TURNS
    return torch.arange(_TURNS, device=logits.device).repeat_interleave(n)


def _check_squares(shape):
    images = channels_first(torch.empty(0, *shape))
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise ValueError(
            f"X has rows of the shape {shape}, and rotations need square images: give "
            f"(n, side, side), (n, channels, side, side) or (n, side, side, channels)."
        )
