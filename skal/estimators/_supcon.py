"""Supervised contrastive training."""

import torch
from skorch.dataset import unpack_data

from skal.estimators._checks import check_positive
from skal.estimators._classifier import NetClassifier
from skal.estimators._layers import (
    Projection,
    features_of,
    head_inputs,
    head_of,
    set_head,
)
from skal.estimators._losses import supcon_loss


class SupConClassifier(NetClassifier):
    """A net whose features bring rows of a class together, then a linear classifier.

    First the module learns, from two augmented views of each labeled row, features in
    which rows of one class are near each other and far from the rest; a projection head
    is between the features and the loss. Then a logistic regression on the frozen
    features becomes the module's last layer. :class:`skal.strategies.SCAL` over it is
    the paper's method. It needs views that leave the class as it is, some labels of
    each class, and batches that hold several rows of a class; where they lack,
    :class:`NetClassifier` is the better tool.

    An epoch takes about twice the time of one of :class:`NetClassifier`.

    Parameters
    ----------
    temperature : float, default=0.07
        Scale of the similarities: the lower, the more the nearest rows count.
    head_size : int, default=128
        Width of the projection.
    reduction : {"mean", "sum"}, default="mean"
        Over the anchors of a batch. The paper prints the sum, which differs by a factor
        of the learning rate.
    C : float, default=1.0
        Inverse strength of the regularization of the linear classifier.
    augmentation : callable, "auto" or None, default="auto"
        Draws a view of each row of a batch. For texts, give your own. "auto" is
        :class:`ImageViews` for images and :class:`FeatureNoise` for the rest.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    module_ : torch.nn.Module
        Features and classifier.
    projection_ : torch.nn.Module
        What the loss compared; of no use after the training.
    history_ : skorch.history.History

    Notes
    -----
    The linear classifier is scikit-learn's logistic regression on standardized
    features of the rows as they are, where the reference implementation runs stochastic
    gradient descent on augmented ones: it has one solution and no learning rate.

    References
    ----------
    .. [1] Khosla et al. (2020). Supervised Contrastive Learning. NeurIPS.
    .. [2] Krishnan et al. (2021). Mitigating Sampling Bias and Improving Robustness in
       Active Learning (SCAL).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import SupConClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X.reshape(-1, 8, 8) / 16
    >>> net = SupConClassifier(max_epochs=4, random_state=0).fit(images[:500], y[:500])
    >>> bool(net.score(images[500:], y[500:]) > 0.8)
    True
    """

    _least_steps = 1  # the more rows a batch has, the more there is to compare
    _forwards_fit_params = False

    def __init__(
        self,
        module=None,
        *,
        temperature=0.07,
        head_size=128,
        reduction="mean",
        C=1.0,
        augmentation="auto",
        **kwargs,
    ):
        super().__init__(module, augmentation=augmentation, **kwargs)
        self.temperature = temperature
        self.head_size = head_size
        self.reduction = reduction
        self.C = C

    def _check_params(self):
        super()._check_params()
        check_positive(self, "temperature", "C")
        check_positive(self, "head_size", integer=True)

    def initialize_module(self):
        """Make the module and its projection."""
        super().initialize_module()
        width = head_of(self.module_).in_features
        self.projection_ = Projection(width, self.head_size)
        return self

    def train_step_single(self, batch):
        """Compute the contrastive loss of two views of a batch, and gradients."""
        self._set_training(True)
        X, y = unpack_data(batch)
        z = self._projected(X)
        y = torch.cat([y, y]).to(z.device)
        loss = supcon_loss(z, y, temperature=self.temperature, reduction=self.reduction)
        loss.backward()
        return {"loss": loss, "y_pred": z}

    def _projected(self, X):
        """Project two views of each row, (2 n, head_size)."""
        X = self._input(X)
        views = self._view(torch.cat([X, X]))
        return self.projection_(features_of(self.module_, views))

    def _train(self, X, y, **fit_params):
        """Learn the features, then the classifier on them."""
        super()._train(X, y, **fit_params)
        set_head(head_of(self.module_), head_inputs(self, X), y, self.C)
