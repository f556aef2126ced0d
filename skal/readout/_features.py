"""Features that are learnt from the pool alone: once, and not from the model."""

import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone

from skal._seeding import seed_params, torch_seeded
from skal.containers import is_dataset, n_rows
from skal.readout._dispatch import read_rows, transform
from skal.readout._reader import Reader

_SEED = 0
_NO_PICKLE = (pickle.PicklingError, AttributeError, TypeError)


class Transformed:
    """A fitted transformer, read like a model that has features and nothing else."""

    def __init__(self, transformer):
        self.transformer = transformer

    @property
    def has_losses(self):
        """Whether the transformer learns by a task that each row has a loss of."""
        return hasattr(self.transformer, "sample_losses")


@read_rows.register(Transformed)
def _read_transformed(model, X, what, *, n_draws, seed):  # noqa: ARG001
    out = {}
    if "embedding" in what:
        out["embedding"] = transform(model.transformer, X)
    if "pretext_loss" in what and model.has_losses:
        out["pretext_loss"] = model.transformer.sample_losses(X)
    return out


def learn_features(representation, X, memory=None):
    """Fit a transformer on a pool; return the :class:`Reader` of its features.

    A representation that was left at ``random_state=None`` is seeded with a constant:
    what is learnt from the pool alone is the same in every run on it. With `memory`, a
    folder, features and transformer are kept there, and of several processes that want
    the same ones a single one learns them while the others wait.
    """
    if not hasattr(representation, "fit") or isinstance(representation, type):
        raise TypeError(
            f"representation is {representation!r}: give an instance of a transformer, "
            f"such as PCA(50)."
        )
    representation = seed_params(clone(representation), _SEED)
    if memory is None:
        return Reader(X, Transformed(_fit(representation, X)))
    if is_dataset(X):
        raise ValueError(
            "memory finds features again by what X holds, and a torch Dataset cannot "
            "be looked through: pass memory=None, or X as an array."
        )
    shelf = Shelf(Path(memory) / "skal-features", _fingerprint(representation, X))

    def learn():
        reader = Reader(X, Transformed(_fit(representation, X)))
        embedding = reader.read(["embedding"], np.arange(n_rows(X)))["embedding"]
        return reader.estimator.transformer, embedding

    transformer, embedding = shelf.once("", learn)
    reader = Reader(X, Transformed(transformer), shelf=shelf)
    reader.remember("embedding", embedding)
    return reader


class Shelf:
    """A folder in which what was learnt of one pool is found again.

    Of several processes that want the same thing a single one makes it, under a lock
    that dies with its owner, while the others wait. What has no pickle is not kept, and
    made by each.

    Parameters
    ----------
    folder : Path
    key : str
        What tells this pool, and how it is looked at, from others.
    """

    def __init__(self, folder, key):
        self.folder = folder
        self.key = key

    def once(self, name, make):
        """Return what `make` made when it was first asked for under this name."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.key}{name}.joblib"
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                made, unfinished = make(), path.with_suffix(".part")
                try:
                    joblib.dump(made, unfinished)
                except _NO_PICKLE:
                    unfinished.unlink()
                    return made
                unfinished.replace(path)
        return joblib.load(path)


def _fingerprint(representation, X):
    """Hash a transformer, a pool and the libraries that made features of them."""
    versions = [sys.modules[name].__version__ for name in ("skal", "sklearn")]
    try:
        return joblib.hash((representation, X, versions), hash_name="sha1")
    except _NO_PICKLE as error:
        raise ValueError(
            f"memory keeps the representation {representation!r} as a pickle, and it "
            f"has none: {error}. Pass memory=None, or define its parts in a module."
        ) from error


def _fit(representation, X):
    with torch_seeded(_SEED):
        return representation.fit(X)
