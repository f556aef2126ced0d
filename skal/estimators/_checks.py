"""What nets are given, checked; and the parameters that they share, described."""

import warnings
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.validation import validate_data

_BRIGHTEST = 32  # standardized images stay far below, bytes made floats far above

SHARED_PARAMETERS = {
    "module": """callable, torch.nn.Module or None, default=None
    Makes the module, or is one, which is copied. Its last ``torch.nn.Linear`` has the
    features as input and the logits as output. What it takes of `n_classes`,
    `in_channels` and `n_features` it is told, where ``module__...`` does not say
    otherwise. None: :func:`mlp` for tables, :func:`small_cnn` for images.""",
    "lr": """float, default=0.05
    The learning rate to start from. It falls to 0 along half a cosine, which the
    parameter ``callbacks__lr_schedule=None`` or a scheduler of your own prevents.""",
    "max_epochs": """int, default=30
    How many times the rows are gone through. With few labels an epoch is few steps.""",
    "batch_size": """int, default=64
    Rows a step, and fewer where the last step would have few, or an epoch less than
    four steps (contrastive nets take them all). ``iterator_train__batch_size`` is taken
    as it is. Predictions take 512 at least, or ``iterator_valid__batch_size``.""",
    "augmentation": """callable, "auto" or None, default=None
    Makes another view of a batch of floats on its device, row by row, when it trains.
    "auto" is :class:`ImageViews` for images and :class:`FeatureNoise` for the rest.""",
    "embedding_layer": """str or None, default=None
    Name of the submodule whose output are the features. None: what goes into the last
    linear layer.""",
    "input_dtype": """str or None, default="float32"
    What numbers become before the module sees them; bytes (uint8) also come into the
    range from 0 to 1. None leaves them as they are, such as the numbers of words.""",
    "random_state": """int, RandomState, Generator or None, default=None
    Seeds weights, batches, dropout and augmentation. On the CPU the same seed and
    number of threads give the same weights, bit by bit. torch's and NumPy's global
    states are left as they were.""",
    "**kwargs": """parameters of skorch's NeuralNet
    Such as `optimizer` (stochastic gradient descent, with a momentum of 0.9 and a
    weight decay of 5e-4), ``optimizer__...``, `device`, `callbacks`, `criterion`,
    `train_split` (none is held out by default), `warm_start`, `verbose`.""",
}


def check_table(net, X, reset):
    """Check an array, sparse matrix, DataFrame or list by scikit-learn's rules."""
    X = validate_data(net, X, reset=reset, accept_sparse="csr", allow_nd=True)
    if X.ndim > 2 and net.input_dtype is not None and X.dtype != np.uint8:
        brightest = np.abs(X[:1000]).max(initial=0)
        if reset and brightest > _BRIGHTEST:
            warnings.warn(
                f"X holds images with values up to {brightest:.4g}, on which nets "
                f"train badly: give bytes (uint8), which are brought into the range "
                f"from 0 to 1, or divide X.",
                UserWarning,
                stacklevel=5,
            )
    if sp.issparse(X) or X.dtype != object:
        return X
    return X.astype(np.float64)


def check_positive(net, *names, integer=False):
    """Refuse parameters that are no numbers above 0, or no whole ones."""
    kind, wanted = (Integral, "an int") if integer else (Real, "a number")
    for name in names:
        value = getattr(net, name)
        if not isinstance(value, kind) or isinstance(value, bool) or not value > 0:
            raise ValueError(f"{name} is {value!r}: give {wanted} above 0.")


def check_batch_size(size):
    """Refuse what is no number of rows, nor -1 for all of them."""
    if not isinstance(size, Integral) or size == 0 or size < -1:
        raise ValueError(
            f"batch_size is {size!r}: give a number of rows above 0, or -1 for all."
        )


def check_augmentation(views):
    """Refuse what makes no views."""
    if views is not None and views != "auto" and not callable(views):
        raise ValueError(
            f"augmentation is {views!r}: give a callable that takes a batch, 'auto' or "
            f"None."
        )


def check_layer(module, name, parameter):
    """Refuse the name of a submodule that is not there."""
    if name not in dict(module.named_modules()):
        names = [known for known, _ in module.named_modules() if known]
        raise ValueError(
            f"{parameter} names {name!r}, which is no submodule of the module: give "
            f"one of {names[:20]}."
        )


def check_finite(X):
    """Refuse NaN and infinity in a tensor of floats."""
    floats = isinstance(X, torch.Tensor) and X.is_floating_point()
    if floats and not torch.isfinite(X).all():
        raise ValueError("X contains NaN or infinity: impute or drop such rows.")


def check_dtype(name):
    """Refuse what names no type of torch's tensors."""
    if name is not None and not isinstance(
        getattr(torch, str(name), None), torch.dtype
    ):
        raise ValueError(
            f"input_dtype is {name!r}: give the name of a type of numbers, such as "
            f"'float32', or None."
        )
