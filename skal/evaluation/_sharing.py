"""What runs of a comparison learn of the same pool, learnt once for all of them."""

import contextlib
import tempfile

import joblib

from skal.containers import is_dataset


@contextlib.contextmanager
def shared_memory(learners, X):
    """Let learners without a `memory` share a folder that is gone in the end.

    Those whose representation cannot be told from others
    by what it holds learn it by themselves.
    """
    alone = [
        name
        for name, one in learners.items()
        if one.memory is None and _learns(one) and not is_dataset(X)
    ]
    if not alone:
        yield
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in alone:
            learners[name].memory = folder
        yield


def _learns(learner):
    """Tell whether a learner's strategies have representations, all of which hash."""
    strategies = {"strategy": learner.strategy, "initial": learner.initial}
    params = [
        value
        for strategy in strategies.values()
        if hasattr(strategy, "get_params")
        for name, value in strategy.get_params().items()
        if name.split("__")[-1] == "representation"
    ]
    try:
        joblib.hash(params)
    except Exception:  # whatever a part of it raises when it is pickled
        return False
    return bool(params)
