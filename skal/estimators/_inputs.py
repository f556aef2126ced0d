"""What a net is given: rows of any container, a batch at a time, as tensors."""

import numpy as np
import scipy.sparse as sp
import skorch.dataset
import torch
from sklearn.utils import _safe_indexing

from skal.containers import is_dataset

_CHANNELS = (1, 3, 4)


class Rows(skorch.dataset.Dataset):
    """Rows of X and their targets, taken a whole batch at a time.

    Sparse rows become dense batch by batch; nothing else is converted, so that a
    memory map stays on the disk and bytes stay bytes until they are on the device.
    """

    def __getitem__(self, i):
        if not isinstance(i, (int, np.integer)):  # as skorch's splitters ask
            return self.__getitems__(i)
        X, y = self.__getitems__([i])
        return X[0], y[0]

    def __getitems__(self, indices):
        indices = np.asarray(indices, dtype=np.intp)
        y = np.zeros(len(indices), np.int64) if self.y is None else self.y[indices]
        return as_tensor(_safe_indexing(self.X, indices)), torch.as_tensor(y)


def as_tensor(rows):
    """Make a tensor of a batch of rows, with their own type of numbers."""
    if sp.issparse(rows):
        rows = rows.toarray()
    if is_dataset(rows):
        return torch.utils.data.default_collate([rows[i] for i in range(len(rows))])
    if isinstance(rows, torch.Tensor):
        return rows
    rows = np.asarray(rows)
    if not rows.dtype.isnative:
        rows = rows.astype(rows.dtype.newbyteorder("="))
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def whole_batch(batch):
    """Hand on what :class:`Rows` gives, which is a batch already."""
    return batch


def as_input(batch, dtype=torch.float32, *, images=False):
    """Make of a batch what a module computes with.

    Parameters
    ----------
    batch : Tensor
    dtype : torch.dtype or None
        Numbers become this type, bytes (0 to 255) also the range from 0 to 1. None
        leaves them as they are, such as the numbers of words.
    images : bool
        Whether the rows are images: ``(n, height, width)`` and ``(n, height, width,
        channels)``, of 1, 3 or 4 channels, become ``(n, channels, height, width)``.
    """
    if dtype is not None and batch.dtype != dtype:
        bytes_ = batch.dtype == torch.uint8
        batch = batch.to(dtype)
        if bytes_:
            batch = batch / 255
    return channels_first(batch) if images else batch


def channels_first(batch):
    """Bring images into the order (n, channels, height, width)."""
    if batch.ndim == 3:
        return batch[:, None]
    if batch.ndim == 4 and channels_last(batch.shape):
        return batch.movedim(3, 1)
    return batch


def channels_last(shape):
    """Tell whether images of this shape (n, ...) have their channels at the end."""
    return len(shape) == 4 and shape[1] not in _CHANNELS and shape[3] in _CHANNELS


def n_channels(shape):
    """Count the channels of images of this shape (n, ...)."""
    if len(shape) == 3:
        return 1
    return shape[3] if channels_last(shape) else shape[1]
