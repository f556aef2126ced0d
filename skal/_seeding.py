"""Seeds: one integer reproduces a run, and nobody's global state moves."""

from __future__ import annotations

import contextlib
import sys
from numbers import Integral

import numpy as np

_LARGEST = 2**31 - 1


def draw_seed(random_state):
    """Make an integer of what scikit-learn calls a random_state, or of a Generator."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0]) % _LARGEST
    if isinstance(random_state, Integral) and random_state >= 0:
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(_LARGEST))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(_LARGEST))
    raise ValueError(
        f"random_state is {random_state!r}: give None, an int >= 0, a "
        f"numpy.random.Generator or a numpy.random.RandomState."
    )


def generator(*key):
    """Return a fresh generator for a key of integers: (seed, what for, when)."""
    return np.random.default_rng((len(key), *key))  # numpy drops zeros at the end


def derive(*key):
    """Draw one integer seed from a key of integers."""
    return int(generator(*key).integers(_LARGEST))


def seed_params(estimator, seed, leave=()):
    """Give every ``random_state`` that was left at None a seed; return the estimator.

    The seeds of nested parts differ, and depend on their names and `seed` only. Parts
    named in `leave` are left alone.
    """
    if not hasattr(estimator, "get_params"):
        return estimator
    open_ = sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None
        and name.split("__")[-1] == "random_state"
        and not set(leave).intersection(name.split("__"))
    )
    if open_:
        seeds = generator(seed).integers(_LARGEST, size=len(open_)).tolist()
        estimator.set_params(**dict(zip(open_, seeds, strict=True)))
    return estimator


@contextlib.contextmanager
def torch_seeded(seed):
    """Seed torch inside the block and restore its state after it.

    Does nothing while torch is not loaded: then nothing in the process draws from it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    cuda = torch.cuda.is_initialized()
    with torch.random.fork_rng([torch.cuda.current_device()] if cuda else []):
        torch.manual_seed(seed)
        yield
