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


class Transformed:
    """A fitted transformer, read like a model that has features and nothing else."""

    def __init__(self, transformer):
        self.transformer = transformer


@read_rows.register(Transformed)
def _read_transformed(model, X, what, *, n_draws, seed):  # noqa: ARG001
    return {"embedding": transform(model.transformer, X)} if "embedding" in what else {}


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
    key = _fingerprint(representation, X)
    transformer, embedding = _cached(
        Path(memory) / "skal-features", key, representation, X
    )
    reader = Reader(X, Transformed(transformer))
    reader.remember("embedding", embedding)
    return reader


def _fingerprint(representation, X):
    """Hash a transformer, a pool and the libraries that made features of them."""
    versions = [sys.modules[name].__version__ for name in ("skal", "sklearn")]
    try:
        return joblib.hash((representation, X, versions), hash_name="sha1")
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"memory keeps the representation {representation!r} as a pickle, and it "
            f"has none: {error}. Pass memory=None, or define its parts in a module."
        ) from error


def _fit(representation, X):
    with torch_seeded(_SEED):
        return representation.fit(X)


def _cached(folder, key, representation, X):
    """Load what is learnt, or learn it under a lock that dies with its owner."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}.joblib"
    with FileLock(folder / f"{key}.lock"):
        if not path.exists():
            transformer = _fit(representation, X)
            reader = Reader(X, Transformed(transformer))
            embedding = reader.read(["embedding"], np.arange(n_rows(X)))["embedding"]
            unfinished = path.with_suffix(".part")
            joblib.dump((transformer, embedding), unfinished)
            unfinished.replace(path)
    return joblib.load(path)
