"""Nets that predict their own loss."""

import contextlib
from numbers import Real

import torch
from skorch.dataset import unpack_data
from torch import nn

from skal.estimators._checks import check_layer, check_positive
from skal.estimators._classifier import NetClassifier
from skal.estimators._layers import caught, head_of
from skal.estimators._losses import loss_prediction_loss
from skal.readout._skorch import read_once

_DETACHED_AFTER = 0.6  # of the epochs: 120 of 200


class LossPredictionClassifier(NetClassifier):
    """A net that learns beside the classes which rows it gets wrong.

    A small head looks at the module's activations at several depths and learns, from
    pairs of rows of a batch, which of the two has the larger loss.
    :class:`skal.strategies.LearningLoss` asks for the rows whose predicted loss is the
    largest. With few labels, all learned by heart, there is little to learn from.

    An epoch takes some 30 percent more than one of :class:`NetClassifier`.

    Parameters
    ----------
    loss_weight : float, default=1.0
        Weight of the ranking loss beside the cross-entropy.
    margin : float, default=1.0
        By how much the predictions of a pair have to differ.
    tap_size : int, default=128
        Width of what the head makes of each depth.
    detach_epoch : int or None, default=None
        The last epoch, counted from 0, in which the ranking loss also changes the
        module. None: 0.6 of `max_epochs`, as 120 of the paper's 200.
    taps : list of str or None, default=None
        Names of the submodules to look at. None: what the module names in its attribute
        `taps`, as skal's do; else its features.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    module_ : torch.nn.Module
    predictor_ : torch.nn.Module
        The head.
    history_ : skorch.history.History

    Notes
    -----
    Row i of a batch is paired with its mirror position. The released code fails on an
    odd batch; here one row stays without a partner. It gives the head an optimizer of
    its own with the same settings, which for stochastic gradient descent is the same as
    one for all.

    References
    ----------
    .. [1] Yoo & Kweon (2019). Learning Loss for Active Learning. CVPR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import LossPredictionClassifier
    >>> from skal.readout import read
    >>> X, y = load_digits(return_X_y=True)
    >>> net = LossPredictionClassifier(max_epochs=2, random_state=0)
    >>> net = net.fit(X[:200] / 16, y[:200])
    >>> read(net, X[:30] / 16, "predicted_loss")["predicted_loss"].shape
    (30,)
    """

    _forwards_fit_params = False

    def __init__(
        self,
        module=None,
        *,
        loss_weight=1.0,
        margin=1.0,
        tap_size=128,
        detach_epoch=None,
        taps=None,
        **kwargs,
    ):
        super().__init__(module, **kwargs)
        self.loss_weight = loss_weight
        self.margin = margin
        self.tap_size = tap_size
        self.detach_epoch = detach_epoch
        self.taps = taps

    def _check_params(self):
        super()._check_params()
        check_positive(self, "loss_weight", "margin")
        check_positive(self, "tap_size", integer=True)
        if self.detach_epoch is not None and not isinstance(self.detach_epoch, Real):
            raise ValueError(
                f"detach_epoch is {self.detach_epoch!r}: give the number of an epoch, "
                f"or None."
            )

    def initialize_module(self):
        """Make the module, and the head for what its taps give."""
        super().initialize_module()
        if not hasattr(self, "plain_row_"):
            raise ValueError("The loss head is made for the shape of X: call fit.")
        self.module_.to(self.device).eval()
        with torch.no_grad():
            _, taps = self._with_taps(self._input(self.plain_row_))
        self.predictor_ = LossPredictor([t.shape[1] for t in taps], self.tap_size)
        return self

    def initialize_criterion(self):
        """Make the criterion, which is asked for the loss of each row."""
        options = self.get_params_for("criterion") | {"reduction": "none"}
        self.criterion_ = self.initialized_instance(self.criterion, options)
        return self

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        """Return the mean loss of a batch."""
        return super().get_loss(y_pred, y_true, *args, **kwargs).mean()

    def _tapped(self):
        """Return the layers whose outputs are looked at."""
        names = self.taps
        if names is None:
            names = getattr(self.module_, "taps", ())
        elif isinstance(names, str) or not names:
            raise ValueError(f"taps is {names!r}: give a list of names of submodules.")
        for name in names:
            check_layer(self.module_, name, "taps")
        return [self.module_.get_submodule(name) for name in names]

    def _with_taps(self, X):
        """Run the module; return logits and the averages of the taps, (n, channels)."""
        layers = self._tapped()
        features = [head_of(self.module_)]
        with caught(layers or features, inputs=not layers) as values:
            logits = self.module_(X)
        return logits, [average(value) for value in values]

    def train_step_single(self, batch):
        """Compute cross-entropy and ranking loss of a batch, and their gradients."""
        self._set_training(True)
        X, y = unpack_data(batch)
        logits, taps = self._with_taps(self._view(self._input(X)))
        logits = self._of_classes(logits)
        if self._epoch > self._last_attached:
            taps = [tap.detach() for tap in taps]
        losses = super().get_loss(logits, y)
        ranking = loss_prediction_loss(
            self.predictor_(taps), losses, margin=self.margin
        )
        loss = losses.mean() + self.loss_weight * ranking
        loss.backward()
        return {"loss": loss, "y_pred": logits}

    @contextlib.contextmanager
    def _predicted_losses(self):
        """Collect, batch by batch, the losses predicted while the module runs."""
        batches = []

        def predict(_module, _args, _logits):
            taps = [average(value) for value in values]
            batches.append(self.predictor_(taps).float().cpu())

        layers = self._tapped()
        features = [head_of(self.module_)]
        with caught(layers or features, inputs=not layers) as values:
            handle = self.module_.register_forward_hook(predict)
            try:
                yield batches
            finally:
                handle.remove()

    @property
    def _last_attached(self):
        if self.detach_epoch is None:
            return _DETACHED_AFTER * self.max_epochs
        return self.detach_epoch


class LossPredictor(nn.Module):
    """A number for each row, from averages of its activations at several depths."""

    def __init__(self, widths, size):
        super().__init__()
        self.taps = nn.ModuleList(nn.Linear(width, size) for width in widths)
        self.out = nn.Linear(size * len(widths), 1)

    def forward(self, taps):
        """Predict losses, (n,), of what the taps gave, each (n, width)."""
        seen = [
            torch.relu(linear(tap)) for linear, tap in zip(self.taps, taps, strict=True)
        ]
        return self.out(torch.cat(seen, dim=1))[:, 0]


def average(values):
    """Average activations over all but rows and channels, (n, channels).

    Images have their channels second, sequences last.
    """
    if values.ndim == 4:
        return nn.functional.avg_pool2d(values, values.shape[2:]).flatten(1)
    return values.mean(1) if values.ndim == 3 else values.flatten(1)


@read_once.register(LossPredictionClassifier)
def _read_losses(net, X, what):
    """Read predicted losses in the same pass as what else there is to read."""
    plain = read_once.dispatch(NetClassifier)
    if "predicted_loss" not in what:
        return plain(net, X, what)
    with net._predicted_losses() as batches:
        out = plain(net, X, {"proba", *what} - {"predicted_loss"})
    return out | {"predicted_loss": torch.cat(batches).numpy()}
