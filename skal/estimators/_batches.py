"""Rows of a pool for nets that strategies train themselves, a batch at a time."""

import numpy as np
import torch
from sklearn.utils import _safe_indexing

from skal.containers import n_rows
from skal.estimators._inputs import as_input, as_tensor


def find_device(name):
    """Return the device of a name; ``"auto"`` takes a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device is {name!r}: give 'auto', 'cpu', 'cuda' or another of torch's."
        ) from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device is {name!r}, and torch finds no GPU.")
        torch.cuda.init()  # so that its state is there to be saved and restored
    return device


class Batches:
    """Some rows of X, taken a batch at a time, as a net computes with them.

    Bytes become numbers from 0 to 1, images ``(n, channels, height, width)``. X stays
    as it is, on the disk where it is there.

    Parameters
    ----------
    X : container of rows
        Images, a table of numbers, or rows of any shape.
    positions : ndarray of int or None, default=None
        Which rows; None: all of them.
    device : torch.device or str, default="cpu"
    """

    def __init__(self, X, positions=None, *, device="cpu"):
        self.X = X
        self.positions = np.arange(n_rows(X)) if positions is None else positions
        self.device = torch.device(device)

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, indices):
        """Return a batch of rows by their places among these rows."""
        rows = _safe_indexing(self.X, self.positions[np.asarray(indices, np.intp)])
        try:
            objects = getattr(getattr(rows, "dtype", None), "kind", "") == "O"
            if objects or hasattr(rows, "iloc"):
                rows = np.asarray(rows, dtype=np.float64)
            batch = as_tensor(rows)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"X holds what is no number: {error}. A strategy that trains a net of "
                f"its own takes images or a table of numbers."
            ) from error
        if batch.ndim == 1:
            batch = batch[:, None]
        if batch.dtype != torch.uint8:  # bytes travel as bytes
            batch = batch.to(torch.float32)
        return as_input(batch.to(self.device), images=True)

    def of(self, indices):
        """Return the rows at these places as rows of their own."""
        return Batches(self.X, self.positions[indices], device=self.device)

    def in_order(self, size):
        """Yield all rows once, in batches of at most `size`."""
        for start in range(0, len(self), size):
            yield self[np.arange(start, min(start + size, len(self)))]

    def check_finite(self, size=1024):
        """Refuse NaN and infinity by the row of X in which they are."""
        for number, batch in enumerate(self.in_order(size)):
            finite = torch.isfinite(batch).flatten(1).all(dim=1)
            if not finite.all():
                row = int(self.positions[number * size + int(finite.int().argmin())])
                raise ValueError(
                    f"X holds NaN or infinity in row {row}, on which no net can be "
                    f"trained: impute such values, or leave the row out."
                )


def shuffled(n, size):
    """Yield places 0 ... n - 1 in a random order, in batches of at most `size`."""
    for batch in torch.randperm(n).split(size):
        yield batch.sort().values.numpy()


def endless(n, size):
    """Yield batches of places, a fresh random order each time all are through."""
    while True:
        yield from shuffled(n, size)
