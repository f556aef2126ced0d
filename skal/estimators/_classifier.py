"""Nets that classify: labels of any type, columns in the order of the classes."""

import numpy as np
import torch
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    column_or_1d,
)
from skorch import NeuralNetClassifier

from skal.estimators._net import Net
from skal.readout import column_labels


class NetClassifier(Net, NeuralNetClassifier):
    """A skorch net as a scikit-learn classifier, trained by cross-entropy.

    What stock skorch lacks: a seed, labels of any type, bytes, integers and floats of
    any precision, DataFrames and sparse rows, images with or without channels, no rows
    held out, a module that is told how many classes and features there are. All its
    parameters stay flat, so that a search finds ``lr`` and ``module__hidden``. Boosted
    trees are the better tool for most tables.

    Memory: a batch of rows and the module's activations; X is never copied.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Names of the columns of ``predict_proba``.
    module_ : torch.nn.Module
        The trained module.
    history_ : skorch.history.History
        Losses and durations of the epochs.
    input_shape_ : tuple of int
        Shape of a row of X.
    n_features_in_ : int
        First number of `input_shape_`.

    Notes
    -----
    While it trains, it is a classifier of the codes 0 ... n_classes - 1, so that
    callbacks that score see labels and predictions of one kind.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.estimators import NetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X.reshape(-1, 8, 8) / 16
    >>> net = NetClassifier(max_epochs=4, random_state=0).fit(images[:500], y[:500])
    >>> bool(net.score(images[500:], y[500:]) > 0.8)
    True
    """

    _least_steps = 4
    _forwards_fit_params = True

    def fit(self, X, y, **fit_params):
        """Train on X and y, from new weights unless `warm_start` is set.

        Parameters
        ----------
        X : container of n rows
            Arrays of any rank (bytes, integers or floats; images with or without
            channels, which may come first or last), DataFrame, CSR matrix, torch tensor
            or Dataset.
        y : array-like of shape (n,)
            Labels of any type.
        **fit_params
            Go to the module, as in skorch.

        Returns
        -------
        self : object
        """
        anew = not (self.warm_start and self.initialized_)
        return self._fit(X, y, anew=anew, **fit_params)

    def partial_fit(self, X, y, classes=None, **fit_params):
        """Train `max_epochs` more epochs from the last weights.

        Parameters
        ----------
        X, y : as for `fit`
        classes : array-like of shape (n_classes,), default=None
            All classes, for the first call; None: those of y.
        **fit_params
            Go to the module.

        Returns
        -------
        self : object
        """
        anew = not self.initialized_ or not hasattr(self, "names_")
        return self._fit(X, y, anew=anew, classes=classes, **fit_params)

    def _fit(self, X, y, *, anew, classes=None, **fit_params):
        X = self._check_rows(X, reset=anew)
        check_given(y, self)
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        if y.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        if anew:
            names = self.classes if classes is None else classes
            self.names_ = np.unique(y) if names is None else _once_each(names)
        names, codes = self.names_, self._codes(y)
        try:
            self.names_ = np.arange(len(names))
            return self._learn(X, codes, anew=anew, **fit_params)
        finally:
            self.names_ = names

    def _codes(self, y):
        """Turn labels into the numbers of their classes."""
        column = {name: code for code, name in enumerate(self.names_.tolist())}
        seen, inverse = np.unique(y, return_inverse=True)
        if unknown := [name for name in seen.tolist() if name not in column]:
            raise ValueError(
                f"y holds the labels {unknown[:10]}, and the net knows the classes "
                f"{self.names_.tolist()[:10]}: train it anew with fit, or name all "
                f"classes in the first partial_fit, or in the parameter `classes`."
            )
        codes = np.array([column[name] for name in seen.tolist()], dtype=np.int64)
        return codes[inverse]

    @property
    def classes_(self):
        """Names of the columns of ``predict_proba``."""
        if "names_" in self.__dict__:
            return self.names_
        if self.classes is not None:
            return np.asarray(self.classes)
        raise AttributeError(f"{type(self).__name__} has no classes_ before fit.")

    def check_data(self, X, y=None):
        """Nothing is left to check: ``fit`` has done it."""

    def predict(self, X):
        """Return the most probable class of each row, (n,)."""
        columns = self.predict_proba(X).argmax(axis=1)
        return self.classes_[columns]

    def predict_proba(self, X):
        """Return the probabilities of the classes, (n, n_classes), float32."""
        return super().predict_proba(self._check_rows(X))

    def infer(self, x, **fit_params):
        """Run the module on a batch; a module may be wider than there are classes."""
        return self._of_classes(super().infer(x, **fit_params))

    def _of_classes(self, logits):
        """Check what the module returned, and leave out columns of no class."""
        if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
            raise ValueError(
                f"The module returned {_described(logits)}: it must return logits of "
                f"the shape (n, n_classes)."
            )
        n_classes = len(self.classes_)
        if logits.shape[1] < n_classes:
            raise ValueError(
                f"The module has {logits.shape[1]} outputs and there are {n_classes} "
                f"classes: leave module__n_classes out, or set it to {n_classes}."
            )
        return logits[:, :n_classes]

    def _known(self):
        n_classes = len(self.classes_) if hasattr(self, "classes_") else None
        known = {} if n_classes is None else {"n_classes": n_classes}
        return super()._known() | known

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


@column_labels.register(NetClassifier)
def _(net):
    return getattr(net, "classes_", None)


def _once_each(names):
    names = np.asarray(names)
    if len(np.unique(names)) < len(names):
        raise ValueError(f"classes names a class twice: {names.tolist()[:20]}.")
    return names


def check_given(y, net):
    """Refuse to train without labels."""
    if y is None:
        raise ValueError(
            f"{type(net).__name__} requires y to be passed, but the target y is None: "
            f"give one label a row of X."
        )


def _described(value):
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return kind if shape is None else f"a {kind} of the shape {tuple(shape)}"
