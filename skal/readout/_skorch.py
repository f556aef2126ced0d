"""Reading skorch nets. Imported once skorch is there."""

import contextlib
import functools

import numpy as np
import torch
from skorch import NeuralNet

from skal.containers import n_rows, take
from skal.readout._dispatch import _labels, read_rows
from skal.readout._dropout import Passes

_MOST_ROWS = 256  # whose activations below the dropout are kept at a time


@read_rows.register(NeuralNet)
def read_net(net, X, what, *, n_draws, seed):
    """Read a net: probabilities and penultimate activations from one forward pass.

    With stochastic passes among what is asked, all of it comes from the same pass
    through what is below the first dropout layer.
    """
    if isinstance(X, np.ndarray) and not X.flags.writeable:
        X = (
            X.copy()
        )  # torch shares the memory of arrays, and warns of what is read-only
    if "proba_draws" in what:
        return _read_draws(net, X, what, n_draws, seed)
    return read_once(net, X, what)


@functools.singledispatch
def read_once(net, X, what):
    """Read what one pass says; nets that say more are registered."""
    out, batches = {}, {}
    with contextlib.ExitStack() as stack:
        for name in _TAPPED.keys() & set(what):
            batches[name] = stack.enter_context(_TAPPED[name](net))
        if batches or "proba" in what:
            out["proba"] = net.predict_proba(X)
    out |= {name: torch.cat(batches[name]).numpy() for name in batches}
    return {name: out[name] for name in what if name in out}


@_labels.register(NeuralNet)
def _(net):
    names = getattr(net, "classes_", None)
    head = last_linear(net.module_)
    wider = head is not None and names is not None and len(names) < head.out_features
    if wider and np.asarray(names).dtype.kind in "biu":
        return np.arange(head.out_features)
    return names


def last_linear(module):
    """Return the last linear layer of a module, or None."""
    layers = [m for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return layers[-1] if layers else None


@contextlib.contextmanager
def penultimate(net):
    """Collect, batch by batch, what goes into the last Linear of the net.

    A net with an attribute ``embedding_layer`` names the module whose output it wants.
    """
    name = getattr(net, "embedding_layer", None)
    layer = last_linear(net.module_)
    if name is None and layer is None:
        raise TypeError(
            f"The module of {type(net).__name__} has no torch.nn.Linear whose "
            f"input could be its features (`embedding`): name the layer to read "
            f"in the net's attribute `embedding_layer`, or give the strategy a "
            f"`representation`."
        )
    layer = layer if name is None else net.module_.get_submodule(name)
    with _kept(layer, lambda args, out: args[0] if name is None else out) as batches:
        yield batches


@contextlib.contextmanager
def logits(net):
    """Collect, batch by batch, what comes out of the last Linear of the net."""
    layer = last_linear(net.module_)
    if layer is None:
        raise TypeError(
            f"The module of {type(net).__name__} has no torch.nn.Linear whose output "
            f"could be its `logit`."
        )
    with _kept(layer, lambda args, out: out) as batches:  # noqa: ARG005
        yield batches


@contextlib.contextmanager
def _kept(layer, wanted):
    """Collect what is wanted of the input and output of a layer."""
    batches = []

    def keep(module, args, out):  # noqa: ARG001
        values = wanted(args, out).detach().flatten(1)
        batches.append(values.to("cpu", torch.float32, copy=True))  # next may write

    handle = layer.register_forward_hook(keep)
    try:
        yield batches
    finally:
        handle.remove()


_TAPPED = {"embedding": penultimate, "logit": logits}


def _read_draws(net, X, what, n_draws, seed):
    """Read passes with dropout, (draws, rows, classes), all of a few rows in turn."""
    size = net.get_params_for("iterator_valid").get("batch_size", net.batch_size)
    size = _MOST_ROWS if size < 1 else min(size, _MOST_ROWS)
    pieces = []
    with Passes(net.module_, seed) as passes:
        if not passes.layers:
            raise TypeError(
                "The net has no dropout layer, so its stochastic passes "
                "(`proba_draws`) would all be the same: add one, or take an ensemble "
                "as the estimator."
            )
        for start in range(0, n_rows(X), size):
            rows = take(X, range(start, min(start + size, n_rows(X))))
            passes.new_rows()
            passes.start(None)
            piece = read_once(net, rows, what)
            draws = []
            for number in range(n_draws):
                passes.start(number)
                draws.append(net.predict_proba(rows))
            pieces.append(piece | {"proba_draws": np.stack(draws)})
            if not passes.n_masked:
                raise TypeError(
                    "The net has dropout layers and calls none of them while it "
                    "predicts, so its stochastic passes (`proba_draws`) are all the "
                    "same: call them as modules, outside of fused layers."
                )
    axis = {"proba_draws": 1}
    return {
        name: np.concatenate([p[name] for p in pieces], axis=axis.get(name, 0))
        for name in pieces[0]
    }
