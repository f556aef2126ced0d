"""Nets whose dropout stays on, for strategies that ask a committee."""

from numbers import Real

from torch import nn

from skal.estimators._classifier import NetClassifier
from skal.estimators._layers import head_of, replace


class MCDropoutClassifier(NetClassifier):
    """A net with dropout before its last layer: each stochastic pass is a member.

    :class:`skal.strategies.BALD` and :class:`skal.strategies.BatchBALD` ask what the
    passes disagree about. With dropout above the features, `n_draws` passes cost one
    pass through the module and as many through its last layer. A committee of nets
    trained apart disagrees more honestly, at their price.

    Parameters
    ----------
    dropout : float or None, default=0.5
        Share of the features that a pass leaves out. None adds no layer: for modules
        that have dropout of their own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    module_ : torch.nn.Module
    history_ : skorch.history.History

    Notes
    -----
    The standard ResNet has no dropout, and no paper says where to put it; before the
    last layer is what BatchBALD has. Reading switches on dropout alone: batch norm
    keeps its averages.

    References
    ----------
    .. [1] Gal & Ghahramani (2016). Dropout as a Bayesian Approximation. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import MCDropoutClassifier
    >>> from skal.readout import read
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MCDropoutClassifier(max_epochs=2, random_state=0)
    >>> net = net.fit(X[:200] / 16, y[:200])
    >>> read(net, X[:30] / 16, "proba_draws", n_draws=5)["proba_draws"].shape
    (5, 30, 10)
    """

    def __init__(self, module=None, *, dropout=0.5, **kwargs):
        super().__init__(module, **kwargs)
        self.dropout = dropout

    def _check_params(self):
        super()._check_params()
        share = self.dropout
        if share is not None and not (isinstance(share, Real) and 0 < share < 1):
            raise ValueError(
                f"dropout is {self.dropout!r}: give a share between 0 and 1, or None "
                f"for a module that has dropout layers of its own."
            )

    def _completed(self, module):
        """Put the dropout in."""
        if self.dropout is None:
            return module
        return replace(
            module,
            head_of(module),
            lambda h: nn.Sequential(nn.Dropout(self.dropout), h),
        )
