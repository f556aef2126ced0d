"""The base of skal's nets: skorch's, made for the tools of scikit-learn."""

import copy
import inspect
import math
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.dataset import unpack_data
from torch.utils.data import DataLoader, Subset

from skal._docstrings import add_parameters
from skal._seeding import derive, draw_seed, torch_seeded
from skal.containers import as_pool, is_dataset
from skal.estimators._backbones import mlp, small_cnn
from skal.estimators._checks import (
    SHARED_PARAMETERS,
    check_augmentation,
    check_batch_size,
    check_dtype,
    check_finite,
    check_layer,
    check_positive,
    check_table,
)
from skal.estimators._inputs import Rows, as_input, as_tensor, n_channels, whole_batch
from skal.estimators._schedule import CosineDecay
from skal.estimators._views import FeatureNoise, ImageViews
from skal.readout._skorch import penultimate

_PREDICTED_AT_ONCE = 512
_SMALLEST_BATCH = 8
_HALVES = (torch.bfloat16, torch.float16)
_SGD = {"momentum": 0.9, "weight_decay": 5e-4}


class Net(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NeuralNet):
    """A skorch net with a seed, for rows of any container.

    Subclasses say what they learn. The public methods check X once, seed torch inside
    and restore its state; what is between is skorch's.

    Attributes
    ----------
    module_ : torch.nn.Module
    history_ : skorch.history.History
        Losses and durations of the epochs.
    input_shape_ : tuple of int
        Shape of a row of X.
    n_features_in_ : int
        First number of `input_shape_`.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.__doc__ = add_parameters(cls.__doc__, SHARED_PARAMETERS)

    def __init__(
        self,
        module=None,
        *,
        criterion=torch.nn.CrossEntropyLoss,
        lr=0.05,
        max_epochs=30,
        batch_size=64,
        dataset=Rows,
        train_split=None,
        verbose=0,
        augmentation=None,
        embedding_layer=None,
        input_dtype="float32",
        random_state=None,
        **kwargs,
    ):
        super().__init__(
            module,
            criterion=criterion,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            dataset=dataset,
            train_split=train_split,
            verbose=verbose,
            **kwargs,
        )
        for name in ("history_", "initialized_", "virtual_params_"):
            del self.__dict__[name]
        self.augmentation = augmentation
        self.embedding_layer = embedding_layer
        self.input_dtype = input_dtype
        self.random_state = random_state

    _made_anew = ("iterator_train", "iterator_valid", "dataset")
    _least_steps = 1  # an epoch is cut into
    _forwards_fit_params = False  # whether a training step hands them to the module

    # skorch sets these in its constructor, where scikit-learn wants parameters only
    history_ = None
    initialized_ = False
    virtual_params_: ClassVar[dict] = {}

    # What a user calls ------------------------------------------------------------

    def transform(self, X):
        """Return the features of X, (n, n_features): penultimate activations.

        Parameters
        ----------
        X : container of n rows

        Returns
        -------
        embedding : ndarray of shape (n, n_features), float32
        """
        return self._embed(self._check_rows(X))

    def _embed(self, X):
        """Read the features of checked rows."""
        with penultimate(self) as batches:
            for _ in self.forward_iter(X):
                pass
        return torch.cat(batches).numpy()

    def _get_param_names(self):
        return [name for name in super()._get_param_names() if name[0] != "_"]

    def __setattr__(self, name, value):
        if name.endswith("_"):
            super().__setattr__(name, value)
        else:  # a module given as a parameter is no part of the net
            object.__setattr__(self, name, value)

    def set_params(self, **params):
        """Set parameters; those of the module make a fitted net's module anew."""
        params, of_views = dict(params), {}
        views = params.pop("augmentation", self.augmentation)
        self.augmentation = views
        for name in [n for n in params if n.startswith("augmentation__")]:
            of_views[name.removeprefix("augmentation__")] = params.pop(name)
        if of_views:
            views.set_params(**of_views)
        later = {n for n in params if n.split("__")[0] in self._made_anew}
        later |= {"optimizer"} & params.keys()
        kept = {n for n in params if n.startswith("optimizer__")}
        for name in later | kept:  # of a fitted net, skorch refuses or forgets these
            setattr(self, name, params[name])
            self._params_to_validate.add(name)
        with torch_seeded(0):
            return super().set_params(
                **{name: params[name] for name in params.keys() - later}
            )

    # Learning ---------------------------------------------------------------------

    def _learn(self, X, y, *, anew, **fit_params):
        """Train on checked rows, from new weights or from the last ones."""
        self._check_params()
        if fit_params and not self._forwards_fit_params:
            raise TypeError(
                f"fit got {sorted(fit_params)}, and {type(self).__name__} takes X and "
                f"y only."
            )
        n_before = 0 if anew else len(self.history or ())
        seed = self.seed_ = draw_seed(self.random_state)
        with torch_seeded(derive(seed, n_before) if n_before else seed):
            if anew:
                self.initialize()
            if not fit_params and isinstance(self.plain_row_, torch.Tensor):
                self._try_module()
            try:
                self._train(X, y, **fit_params)
            finally:
                for _, callback in self.callbacks_:
                    getattr(callback, "set_back", list)()
        torch.clear_autocast_cache()
        return self

    def _train(self, X, y, **fit_params):
        """Run the epochs; what a scheme does before or after them is added here."""
        self.n_epochs_ = self._planned_epochs
        NeuralNet.partial_fit(self, X, y, epochs=self.n_epochs_, **fit_params)

    def _check_params(self):
        """Check the ranges of parameters before any work; subclasses add theirs."""
        check_positive(self, "lr")
        check_positive(self, "max_epochs", integer=True)
        check_batch_size(self.batch_size)
        check_augmentation(self.augmentation)
        check_dtype(self.input_dtype)
        try:
            torch.device(self.device)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"device is {self.device!r}: give 'cpu' or 'cuda'. {error}"
            ) from error

    @property
    def _planned_epochs(self):
        """Epochs that the next training has."""
        return self.max_epochs

    @property
    def _epoch(self):
        """Number of the epoch that is running, counted within this training."""
        return len(self.history) - 1 - self.n_epochs_before_

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Note where this training starts in the history."""
        super().on_train_begin(net, X=X, y=y, **kwargs)
        self.n_epochs_before_ = len(self.history)

    @property
    def _default_callbacks(self):
        return [*super()._default_callbacks, ("lr_schedule", CosineDecay())]

    def get_params_for_optimizer(self, prefix, named_parameters):
        """Give stochastic gradient descent its usual momentum and weight decay."""
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        if getattr(self, prefix) is torch.optim.SGD:
            nesterov = kwargs.get("momentum", 1) > 0 and not kwargs.get("dampening")
            kwargs = _SGD | {"nesterov": nesterov} | kwargs
        return args, kwargs

    # The module -------------------------------------------------------------------

    def initialize_module(self):
        """Make the module, telling it what it takes and the data know."""
        module = self.module
        if module is None:
            if not hasattr(self, "input_shape_"):
                raise ValueError(
                    "module is None, which takes a module for the shape of X: call "
                    "fit, or set `module`."
                )
            module = mlp if len(self.input_shape_) == 1 else small_cnn
        if isinstance(module, torch.nn.Module):
            module = copy.deepcopy(module)  # parameters of an estimator stay as set
        given = self.get_params_for("module")
        known = {} if isinstance(module, torch.nn.Module) else self._facts(module)
        module = self.initialized_instance(module, known | given)
        self.module_ = self._completed(module)
        if self.embedding_layer is not None:
            check_layer(self.module_, self.embedding_layer, "embedding_layer")
        return self

    def _facts(self, module):
        """Return what the data say, as far as the module takes it."""
        taken = set(inspect.signature(module).parameters)
        taken -= set(getattr(module, "keywords", ()))  # what a partial binds
        return {name: fact for name, fact in self._known().items() if name in taken}

    def _known(self):
        """Name what the data say of a module that would fit them."""
        shape = getattr(self, "input_shape_", ())
        known = {"n_features": math.prod(shape)} if shape else {}
        if len(shape) > 1:
            known["in_channels"] = n_channels((0, *shape))
        return known

    def _completed(self, module):
        """Add to the user's module what the scheme needs inside it."""
        return module

    @property
    def _n_features_out(self):
        return self._embed(self.plain_row_).shape[1]

    @property
    def _reads_images(self):
        return any(isinstance(m, torch.nn.Conv2d) for m in self.module_.modules())

    # Rows -------------------------------------------------------------------------

    def _check_rows(self, X, reset=False):
        """Check rows, and that they are of the shape that the net was fitted on."""
        if not reset:
            check_is_fitted(self)
        X = as_pool(X)
        if is_dataset(X) or isinstance(X, torch.Tensor):
            shape = tuple(np.shape(as_tensor(X[:1])))[1:]
            check_finite(X)
            if reset:
                self.n_features_in_ = shape[0] if shape else 0
        else:
            X = check_table(self, X, reset)
            shape = X.shape[1:]
        if reset:
            self.input_shape_ = tuple(shape)
            row = as_tensor(X[:1])
            # Ones: of numbers of words, zeros are padding, which leaves an empty text.
            self.plain_row_ = row.new_ones(row.shape) if shape else row
        elif tuple(shape) != getattr(self, "input_shape_", tuple(shape)):
            raise ValueError(
                f"X has rows of the shape {tuple(shape)}, but {type(self).__name__} "
                f"was fitted on rows of the shape {self.input_shape_}."
            )
        return X

    def get_iterator(self, dataset, training=False):
        """Return the batches: in a random order to train, in their own to predict."""
        name = "iterator_train" if training else "iterator_valid"
        iterator, options = getattr(self, name), self.get_params_for(name)
        size = options.get("batch_size", self.batch_size)
        if not training and "batch_size" not in options:
            size = max(size, _PREDICTED_AT_ONCE)
        options["batch_size"] = size = len(dataset) if size == -1 else size
        if iterator is not DataLoader:
            return iterator(dataset, **options)
        if training:
            if "batch_size" not in self.get_params_for(name):
                options["batch_size"] = size = self._cut(size, len(dataset))
            if not {"sampler", "batch_sampler"} & options.keys():
                options.setdefault("shuffle", True)
            # batch norm cannot train on a single row
            options.setdefault("drop_last", len(dataset) % size == 1 < len(dataset))
        else:  # else it would draw from torch's global generator
            options.setdefault("generator", torch.Generator())
        inner = dataset.dataset if isinstance(dataset, Subset) else dataset
        if isinstance(inner, Rows):
            options.setdefault("collate_fn", whole_batch)
        return iterator(dataset, **options)

    def _cut(self, size, n):
        """Make a batch smaller where there would be only a few, or a small last one.

        A step on two rows is as long as one on sixty-four: it can break a net down.
        """
        size = min(size, max(_SMALLEST_BATCH, -(-n // self._least_steps)))
        sizes = range(size, size // 2, -1)
        return next((s for s in sizes if n % s == 0 or 2 * (n % s) >= s), size)

    def _input(self, batch):
        """Bring a batch onto the device, as the module computes with it."""
        if not isinstance(batch, torch.Tensor):
            return batch
        batch = batch.to(self.device, non_blocking=True)
        dtype = self.input_dtype and getattr(torch, self.input_dtype)
        return as_input(batch, dtype, images=self._reads_images)

    def _try_module(self):
        """Let the module take a plain row, so that a wrong shape is told as such."""
        self.module_.eval()
        try:
            with torch.no_grad():
                self.module_(self._input(self.plain_row_))
        except RuntimeError as error:
            raise ValueError(
                f"X has rows of the shape {self.input_shape_}, which the module can't "
                f"take; images are (n, height, width) or have their channels first or "
                f"last, tables want a module such as mlp. It said: {error}"
            ) from error

    def infer(self, x, **fit_params):
        """Run the module on a batch."""
        out = super().infer(self._input(x), **fit_params)
        half = isinstance(out, torch.Tensor) and out.dtype in _HALVES  # under autocast
        return out.float() if half else out

    def train_step(self, batch, **fit_params):
        """Take one step, under autocast too, which would keep the old weights."""
        torch.clear_autocast_cache()
        return super().train_step(batch, **fit_params)

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of a batch, augmented where that is asked, and gradients."""
        X, y = unpack_data(batch)
        return super().train_step_single((self._view(self._input(X)), y), **fit_params)

    def _view(self, batch):
        """Draw another view of each row of a batch."""
        views = self.augmentation
        if views is None:
            return batch
        if isinstance(views, str):
            views = ImageViews() if batch.ndim == 4 else FeatureNoise()
        return views(batch)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.non_deterministic = self.random_state is None
        return tags
