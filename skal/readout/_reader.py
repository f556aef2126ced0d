"""Reading a model row by row, with memory."""

import copy
import functools

import numpy as np
import scipy.sparse as sp

from skal._seeding import draw_seed, torch_seeded
from skal.containers import as_array, as_pool, chunks, n_rows, take
from skal.readout._checks import (
    align_columns,
    as_features,
    check_finite,
    check_proba,
    is_table,
    read_only,
)
from skal.readout._dispatch import column_labels, read_rows
from skal.readout._head import linear_head
from skal.readout._store import Store

READINGS = {
    "X": "the rows themselves",
    "proba": "(rows, classes) probabilities of the classes",
    "embedding": "(rows, features) penultimate features",
    "logit": "(rows, classes) what goes into the softmax of a net, its own columns",
    "logit_gradient": "(rows, classes) gradient of the cross-entropy by the logits",
    "proba_draws": "(draws, rows, classes) probabilities of stochastic passes",
    "predicted_loss": "(rows,) losses that a LossPredictionClassifier predicts",
    "pretext_loss": "(rows,) losses of the task by which a representation learns",
}
OF_REPRESENTATION = frozenset({"embedding", "pretext_loss"})
_KEPT = {"proba", "embedding", "logit", "predicted_loss", "pretext_loss"}


def read(estimator, X, what=("proba", "embedding"), *, n_draws=10, random_state=None):
    """Read what a fitted model says of X, in one forward pass.

    Parameters
    ----------
    estimator : fitted classifier
        A scikit-learn classifier, ``Pipeline``, search or calibration meta-estimator,
        :class:`skal.ActiveLearner` or skorch net.
    X : container of n rows
        Read in chunks that respect scikit-learn's ``working_memory``.
    what : tuple of str, default=("proba", "embedding")
        Among ``"proba"``, ``"embedding"``, ``"logit"``, ``"logit_gradient"``,
        ``"proba_draws"``, ``"predicted_loss"`` and ``"X"``, the rows themselves.
    n_draws : int, default=10
        The number of passes with dropout. An ensemble has one draw a member.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the dropout.

    Returns
    -------
    dict of str to ndarray
        ``proba`` (n, n_classes), its columns in the order of the model's classes;
        ``embedding`` (n, n_features), the input of a skorch net's last linear layer (or
        the output of the layer that the net's ``embedding_layer`` names), else the
        model's own input (after the steps of a pipeline), CSR where that is sparse;
        ``logit`` (n, n_classes), the output of a skorch net's last linear layer;
        ``logit_gradient`` (n, n_classes) under the predicted label; ``proba_draws``
        (n_draws, n, n_classes); ``predicted_loss`` (n,), of a
        :class:`skal.estimators.LossPredictionClassifier`.

    Raises
    ------
    TypeError
        Where the model cannot say what is asked.
    ValueError
        Where it says NaN, infinity, or probabilities that are none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.readout import read
    >>> X, y = load_iris(return_X_y=True)
    >>> out = read(LogisticRegression(max_iter=500).fit(X, y), X)
    >>> out["proba"].shape, out["embedding"].shape
    ((150, 3), (150, 4))
    """
    reader = Reader(X := as_pool(X), estimator, seed=draw_seed(random_state))
    if n_rows(X) == 0:
        raise ValueError("X has no rows: there is nothing to read.")
    what = (what,) if isinstance(what, str) else tuple(what)
    if unknown := [name for name in what if name not in READINGS]:
        raise ValueError(f"what names {unknown[0]!r}: give some of {list(READINGS)}.")
    return reader.read(what, np.arange(n_rows(X)), n_draws=n_draws)


class Reader:
    """What one model says of one pool, each row read once, when it is asked for.

    Parameters
    ----------
    X : container of n rows, as :func:`skal.containers.as_pool` makes it
    estimator : fitted model or None
    classes : ndarray or None
        Names and order of the columns of ``proba``; None takes the model's.
    proba, embedding : arrays with n rows, optional
        Stand in for what the model says.
    seed : int, default=0
        Seeds stochastic passes.
    memory : path or None, default=None
        A folder in which features that are learnt from the pool are kept.
    shelf : Shelf or None, default=None
        Of such features: where what follows from them is kept.

    Attributes
    ----------
    given : frozenset of str
        The readings that arrays stand in for.
    """

    def __init__(
        self,
        X,
        estimator=None,
        *,
        classes=None,
        proba=None,
        embedding=None,
        seed=0,
        memory=None,
        shelf=None,
    ):
        self.X = X
        self.estimator = estimator
        self.classes = classes
        self.seed = seed
        self.memory = memory
        self.shelf = shelf
        self._features = None
        self._stores = {}
        given = {"proba": proba, "embedding": embedding}
        self.given = frozenset(name for name in given if given[name] is not None)
        if proba is not None:
            proba = check_proba(_aligned_with(X, proba, "proba"))
            self._stores["proba"] = Store.of(proba)
        if embedding is not None:
            embedding = as_features(_aligned_with(X, embedding, "embedding"))
            self._stores["embedding"] = Store.of(embedding)

    def with_features(self, features):
        """Return a reader of the same model whose features are another reader's."""
        other = copy.copy(self)
        other._features = features
        return other

    def once(self, name, make):
        """Return what follows from these features alone, made once for this pool."""
        return make() if self.shelf is None else self.shelf.once(name, make)

    def knows(self, name):
        """Tell whether there is anything to read `name` from."""
        if name == "pretext_loss":
            return self._features is not None and self._features.estimator.has_losses
        if name in self.given - self._stores.keys():  # arrays say nothing of new rows
            return name == "embedding" and self._features is not None
        if name == "X" or self.estimator is not None:
            return True
        if name == "embedding" and self._features is not None:
            return True
        if name == "logit_gradient":
            return self.knows("proba")
        return name in self._stores or (name == "embedding" and is_table(self.X))

    def read(self, what, positions, *, y=None, n_draws=10):
        """Read rows of the pool; a dict of read-only arrays.

        `y`, the column numbers of the rows' labels, makes ``logit_gradient`` that of
        the true labels. No rows at all have the width of one row.
        """
        if len(positions) == 0:
            return _none_of(self.read(what, np.arange(1), n_draws=n_draws))
        kept = {"proba" if n == "logit_gradient" else n for n in what}
        kept &= _KEPT
        out = {}
        if self._features is not None and kept & OF_REPRESENTATION:
            out = self._features.read(sorted(kept & OF_REPRESENTATION), positions)
            kept -= OF_REPRESENTATION
        if "proba_draws" in what:
            out["proba_draws"] = self._read_draws(sorted(kept), positions, n_draws)
        self._fill(sorted(kept), positions)
        out |= {name: self._stores[name].take(positions) for name in kept}
        if "logit_gradient" in what:
            out["logit_gradient"] = _logit_gradient(out["proba"], y)
        if "X" in what:
            out["X"] = take(self.X, positions)
        return {name: read_only(out[name]) for name in what}

    def head(self):
        """Return the weights (classes, features) from features to logits, or None.

        None where the model does not end in a linear map, or what is read is not the
        model's: arrays stand in for it, or features that a representation makes.
        """
        if self.estimator is None or self._features is not None or self.given:
            return None
        weights, names = linear_head(self.estimator), column_labels(self.estimator)
        if weights is None or names is None or len(names) != len(weights):
            return None
        if self.classes is None:
            return weights
        aligned = align_columns(weights.T, names, self.classes, fill=np.nan)
        return np.nan_to_num(aligned).T

    def remember(self, name, values):
        """Take in what the model said of all rows at another time."""
        self._stores[name] = Store.of(values)

    def on(self, X):
        """Return a reader of the same model for other rows."""
        other = type(self)(X, self.estimator, classes=self.classes, seed=self.seed)
        other.given = self.given
        other._features = None if self._features is None else self._features.on(X)
        return other

    def of(self, estimator):
        """Return a reader of another model for the same rows."""
        other = type(self)(self.X, estimator, classes=self.classes, seed=self.seed)
        other._features = self._features
        return other

    def _read_draws(self, names, positions, n_draws):
        """Read stochastic passes, and `names` of the same rows with them."""
        positions = as_array(positions)
        rows = take(self.X, positions)
        unread = [name for name in names if name not in self._stores]
        wanted = ["proba_draws", *unread]
        block = self._read_block(rows, wanted, positions, n_draws=n_draws)
        for name in unread:
            self._stores[name] = Store(n_rows(self.X))
            self._stores[name].add(positions, block[name], rows, self.X)
        return block["proba_draws"]

    def _fill(self, names, positions):
        names = [n for n in names if n not in self._stores or self._stores[n].partial]
        if not names:
            return
        positions = as_array(positions)
        for name in names:
            if name not in self._stores:
                self._stores[name] = Store(n_rows(self.X))
        lacking = {name: self._stores[name].lacks(positions) for name in names}
        together = np.all(list(lacking.values()), axis=0)
        groups = [([name], mask & ~together) for name, mask in lacking.items()]
        for absent, mask in [(names, together), *groups]:
            for piece in chunks(self.X, positions[mask]) if mask.any() else ():
                rows = take(self.X, piece)
                block = self._read_block(rows, absent, piece)
                for name in absent:
                    self._stores[name].add(piece, block[name], rows, self.X)

    def _read_block(self, rows, names, positions, **options):
        if self.estimator is None:
            block, source = {"embedding": rows}, "X without a model"
        else:
            with torch_seeded(self.seed):
                block = read_rows(
                    self.estimator, rows, names, seed=self.seed, **options
                )
            source = type(self.estimator).__name__
        if missing := [name for name in names if name not in block]:
            raise TypeError(
                f"{source} cannot be read for `{missing[0]}`, {READINGS[missing[0]]}."
            )
        check = {
            "proba": self._check_proba,
            "embedding": as_features,
            "proba_draws": self._check_draws,
        }
        for name in ("logit", "predicted_loss", "pretext_loss"):
            check[name] = functools.partial(check_finite, name=name)
        block = {name: check[name](block[name], positions) for name in names}
        for name, values in block.items():
            n = values.shape[1] if name == "proba_draws" else n_rows(values)
            if n != len(positions):
                raise ValueError(
                    f"{name} has {n} rows for {len(positions)} rows of X: "
                    f"{source} must give one row a row."
                )
        return block

    def _check_proba(self, proba, positions):
        proba = check_proba(proba, positions)
        names = column_labels(self.estimator)
        if self.classes is None or names is None:
            return proba
        return align_columns(proba, names, self.classes)

    def _check_draws(self, draws, positions):
        return np.stack([self._check_proba(proba, positions) for proba in draws])


def _aligned_with(X, values, name):
    values = values if sp.issparse(values) else np.asarray(values)
    if values.ndim and n_rows(values) != n_rows(X):
        raise ValueError(
            f"{name} has {n_rows(values)} rows and X has {n_rows(X)}: give one row of "
            f"`{name}` a row of X, labeled rows included."
        )
    return values


def _none_of(values):
    """Cut readings of a row down to no row."""
    return {
        name: read[:, :0] if name == "proba_draws" else read[:0]
        for name, read in values.items()
    }


def _logit_gradient(proba, y):
    gradient = proba.copy()
    labels = proba.argmax(axis=1) if y is None else y
    gradient[np.arange(len(proba)), labels] -= 1
    return gradient
