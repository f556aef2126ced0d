"""Contrastive training on a whole pool, of which a little is labeled."""

import copy
from typing import ClassVar

import numpy as np
import torch
from sklearn.utils.validation import check_consistent_length
from skorch.dataset import unpack_data
from torch.utils.data import Subset

from skal.containers import take
from skal.estimators._checks import check_positive
from skal.estimators._classifier import NetClassifier, check_given
from skal.estimators._inputs import Rows
from skal.estimators._layers import (
    Projection,
    features_of,
    head_inputs,
    head_of,
    replace,
    set_head,
)
from skal.estimators._losses import nt_xent_loss, supcon_loss
from skal.estimators._net import Net
from skal.labels import OUT_OF_DISTRIBUTION, UNLABELED, as_labels, encode
from skal.readout import read_rows
from skal.readout._skorch import read_net

_FINE_TUNING = {
    "max_epochs": 100,
    "lr": 1e-3,
    "optimizer": torch.optim.Adam,
    "optimizer__weight_decay": 1e-6,
    "batch_size": 32,
    "criterion__label_smoothing": 0.1,
}


class ContrastivePoolClassifier(NetClassifier):
    """Learn features from the whole pool, and the classes from its few labels.

    The module learns from two views of each unlabeled row which belong together
    (SimCLR), and at the same time from the labeled ones which are of one class, where
    the rows labeled `ood_label` are a class of their own. Then a copy of it is tuned on
    the labels. In an :class:`skal.ActiveLearner` with ``use_unlabeled=True`` and
    ``warm_start=True`` the features go on from round to round:
    :class:`skal.strategies.ClusterDistance` reads them. With labels enough for the
    task, it only costs time.

    An epoch goes through all unlabeled rows twice, and through as many labeled ones as
    there are, up to a batch, in each step.

    Parameters
    ----------
    max_epochs : int, default=100
        Epochs of contrastive training in ``fit``.
    continue_epochs : int or None, default=None
        Epochs in each later ``partial_fit``. None: a third of `max_epochs`.
    temperature : float, default=0.07
        Scale of the similarities in both losses.
    head_size : int, default=128
        Width of the projection that the losses compare.
    aux_cap : {"mean", "max"}, int or None, default="mean"
        How many of the rows labeled `ood_label` the classes are learned with: the mean
        or largest number of labels of a class, a number, or None for all.
    ood_label : object or None, default=None
        The label of rows that belong to no class. Under a learner, the learner sets it.
    optimizer : class, default=torch.optim.Adam
    lr : float, default=1e-3
        Of the contrastive training.
    batch_size : int, default=256
        Rows a step; the more, the more there is to tell a row from.
    augmentation : callable or "auto", default="auto"
        Draws a view of each row of a batch. "auto" is :class:`ImageViews` for images
        and :class:`FeatureNoise` for the rest.
    finetune__... : parameters of :class:`NetClassifier`
        For the training on labels. By default 100 epochs of Adam at 1e-3, with a weight
        decay of 1e-6, batches of 32 and labels smoothed by 0.1.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        `ood_label` is the last of them where rows are labeled so.
    module_ : torch.nn.Module
        The representation, whose features are read.
    classifier_ : NetClassifier
        The tuned copy, which predicts.
    history_ : skorch.history.History
        Of the contrastive training; ``classifier_.history_`` is that of the tuning.

    Notes
    -----
    y marks unlabeled rows by -1, as scikit-learn's semi-supervised estimators have it.
    Features come from the representation and probabilities from the tuned copy, so
    reading both is two passes. How the paper draws the labeled batches is not said:
    here, in each step, a fresh random part of the labels. The tuning starts from the
    best linear classifier on the features: from a random last layer, 100 labels of
    MNIST gave five points less.

    References
    ----------
    .. [1] Kim, Kim & Hwang (2023). Deep Active Learning with Contrastive Learning Under
       Realistic Data Pool Assumptions.
    .. [2] Chen et al. (2020). A Simple Framework for Contrastive Learning. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import ContrastivePoolClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X[:300].reshape(-1, 8, 8) / 16
    >>> known = np.where(np.arange(300) < 60, y[:300], -1)
    >>> net = ContrastivePoolClassifier(
    ...     max_epochs=2, finetune__max_epochs=5, random_state=0
    ... )
    >>> net.fit(images, known).predict(images).shape
    (300,)
    """

    reads_its_head = False  # the features are not those that the tuned head sees
    takes_new_classes = True  # of a representation, more labels are no other task
    _made_anew = (*NetClassifier._made_anew, "finetune")
    prefixes_: ClassVar[list] = [*NetClassifier.prefixes_, "finetune"]

    _least_steps = 1  # the more rows a batch has, the more there is to compare
    _forwards_fit_params = False

    def __init__(
        self,
        module=None,
        *,
        max_epochs=100,
        continue_epochs=None,
        temperature=0.07,
        head_size=128,
        aux_cap="mean",
        ood_label=None,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=256,
        augmentation="auto",
        **kwargs,
    ):
        super().__init__(
            module,
            max_epochs=max_epochs,
            optimizer=optimizer,
            lr=lr,
            batch_size=batch_size,
            augmentation=augmentation,
            **kwargs,
        )
        self.continue_epochs = continue_epochs
        self.temperature = temperature
        self.head_size = head_size
        self.aux_cap = aux_cap
        self.ood_label = ood_label

    def _check_params(self):
        super()._check_params()
        check_positive(self, "temperature")
        check_positive(self, "head_size", integer=True)
        epochs = self.continue_epochs
        if epochs is not None and not _is_count(epochs):
            raise ValueError(
                f"continue_epochs is {epochs!r}: give a number of epochs, or None."
            )
        if self.train_split is not None:
            raise ValueError(
                f"train_split is {self.train_split!r}: of a pool no rows are held out. "
                f"Leave it at None."
            )
        cap = self.aux_cap
        if not (cap is None or cap in ("mean", "max") or _is_count(cap)):
            raise ValueError(
                f"aux_cap is {cap!r}: give 'mean' or 'max' of the labels per class, a "
                f"number of rows, or None for all of them."
            )

    def _fit(self, X, y, *, anew, classes=None, **fit_params):
        X = self._check_rows(X, reset=anew)
        check_given(y, self)
        check_consistent_length(X, y)
        codes, seen = encode(as_labels(y), ood_label=self.ood_label)
        if len(seen) == 0:
            raise ValueError(
                "y holds no label of a class: give at least one, or learn features "
                "without labels by RotationPretext."
            )
        names = self.classes if classes is None else classes
        if names is not None:
            names = np.asarray(names)
            codes, seen = encode(
                as_labels(y), ood_label=self.ood_label, name_classes=lambda _: names
            )
        outside = codes == OUT_OF_DISTRIBUTION
        targets = np.where(outside, len(seen), codes.astype(np.int64))
        self.names_ = with_name(seen, self.ood_label) if outside.any() else seen
        return self._learn(X, targets, anew=anew, **fit_params)

    def initialize_module(self):
        """Make the module that represents images, and its projection."""
        super().initialize_module()
        width = head_of(self.module_).in_features
        self.projection_ = Projection(width, self.head_size)
        return self

    @property
    def _planned_epochs(self):
        if not self.history:
            return self.max_epochs
        if self.continue_epochs is None:
            return max(1, round(self.max_epochs / 3))
        return self.continue_epochs

    def _train(self, X, y, **fit_params):
        """Represent the pool, then tune a copy of the module on the labels."""
        rows = Rows(X, y)
        labeled, rest = np.flatnonzero(y != UNLABELED), np.flatnonzero(y == UNLABELED)
        self.labeled_rows_ = Subset(rows, labeled)
        self.all_labeled_ = len(rest) == 0
        pool = self.labeled_rows_ if self.all_labeled_ else Subset(rows, rest)
        super()._train(pool, None, **fit_params)
        del self.labeled_rows_
        kept = labeled[undersampled(y[labeled], self._n_inside, self.aux_cap)]
        self.classifier_ = self._fine_tuned(take(X, kept), y[kept])

    def train_step_single(self, batch):
        """Compute both contrastive losses, of a batch and of labeled rows."""
        self._set_training(True)
        X, y = unpack_data(batch)
        X = self._input(X)
        if self.all_labeled_:
            n_unlabeled = 0
        else:
            n_unlabeled = len(X)
            some = torch.randperm(len(self.labeled_rows_))[:n_unlabeled].tolist()
            labeled, y = self.labeled_rows_.__getitems__(some)
            X = torch.cat([X, self._input(labeled)])
        views = self._view(torch.cat([X, X]))
        z = self.projection_(features_of(self.module_, views)).unflatten(0, (2, -1))
        rest, labeled = z[:, :n_unlabeled], z[:, n_unlabeled:].flatten(0, 1)
        y = torch.cat([y, y]).to(z.device)
        loss = supcon_loss(labeled, y, temperature=self.temperature)
        if n_unlabeled:
            loss = loss + nt_xent_loss(*rest, temperature=self.temperature)
        loss.backward()
        return {"loss": loss, "y_pred": z[0]}

    @property
    def _n_inside(self):
        """Number of classes that are no mark of out-of-distribution rows."""
        names = self.names_.tolist()
        return len(names) - (self.ood_label is not None and self.ood_label in names)

    def _fine_tuned(self, X, y):
        """Return a net that learned the classes, from the representation's weights.

        Its last layer starts as the best linear classifier on the representation.
        """
        module, n_classes = copy.deepcopy(self.module_), len(self.names_)
        weight = head_of(module).weight
        head = torch.nn.Linear(weight.shape[1], n_classes).to(weight.device)
        set_head(head, head_inputs(self, X), y, 1.0)
        options = {
            "augmentation": self.augmentation,
            "input_dtype": self.input_dtype,
            "device": self.device,
            "random_state": int(torch.randint(2**31 - 1, ())),
        }
        options |= _FINE_TUNING | self.get_params_for("finetune")
        module = replace(module, head_of(module), lambda _: head)
        return NetClassifier(module, classes=np.arange(n_classes), **options).fit(X, y)

    def infer(self, x, **fit_params):
        """Run the representation on a batch."""
        return Net.infer(self, x, **fit_params)

    def predict_proba(self, X):
        """Return the probabilities of the classes, (n, n_classes), float32.

        Where rows are labeled out-of-distribution, they have the last column.
        """
        X = self._check_rows(X)
        return self.classifier_.predict_proba(X)


@read_rows.register(ContrastivePoolClassifier)
def _read_both(net, X, what, **options):
    """Read probabilities of the tuned net, and features of the representation."""
    X = net._check_rows(X)
    of_classes = [name for name in what if name != "embedding"]
    out = read_net(net.classifier_, X, of_classes, **options) if of_classes else {}
    if "embedding" in what:
        out["embedding"] = net._embed(X)
    return out


def with_name(names, last):
    """Add a name to others, with the type of all where they share one."""
    names = [*names.tolist(), last]
    kinds = {np.asarray(name).dtype.kind for name in names}
    return np.array(names, dtype=None if len(kinds) == 1 else object)


def undersampled(y, n_inside, cap):
    """Choose the rows to learn the classes from: of those of none, no more than `cap`.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Codes; ``n_inside`` and above belong to no class.
    n_inside : int
    cap : {"mean", "max"}, int or None
        A statistic of the rows per class, or a number of rows.

    Returns
    -------
    positions : ndarray
        Ascending. Which rows are left out is drawn from torch's generator.
    """
    outside = np.flatnonzero(y >= n_inside)
    counts = np.bincount(y[y < n_inside], minlength=n_inside)
    counts = counts[counts > 0]
    if cap in ("mean", "max"):
        cap = round(float(counts.mean())) if cap == "mean" else int(counts.max())
    if cap is None or cap >= len(outside):
        return np.arange(len(y))
    order = torch.randperm(len(outside)).numpy()
    return np.setdiff1d(np.arange(len(y)), outside[order[cap:]])


def _is_count(value):
    return isinstance(value, (int, np.integer)) and value >= 0
