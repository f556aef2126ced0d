"""Rows of any container as batches of what a net computes with."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from torch.utils.data import TensorDataset

from skal.containers import as_pool
from skal.estimators._batches import Batches, endless, find_device, shuffled

TABLE = np.random.default_rng(0).normal(size=(20, 5))
PLACES = np.array([3, 7, 8, 15])
KINDS = {
    "double": lambda: TABLE,
    "single": lambda: TABLE.astype("f4"),
    "frame": lambda: pd.DataFrame(TABLE),
    "objects": lambda: pd.DataFrame(TABLE).astype({0: object}),
    "sparse": lambda: sp.csr_array(TABLE),
    "tensor": lambda: torch.tensor(TABLE),
    "dataset": lambda: as_pool(TensorDataset(torch.tensor(TABLE))),
    "list": lambda: TABLE.tolist(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_rows(kind):
    rows = Batches(KINDS[kind](), PLACES)
    assert len(rows) == 4
    batch = rows[[0, 2]]
    assert batch.dtype == torch.float32
    np.testing.assert_allclose(batch, TABLE[[3, 8]], rtol=1e-6)
    np.testing.assert_allclose(rows.of([1, 3])[[1]], TABLE[[15]], rtol=1e-6)
    whole = torch.cat(list(rows.in_order(3)))
    np.testing.assert_allclose(whole, TABLE[PLACES], rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 9), (3, 8, 9), (8, 9, 3), (1, 8, 9)])
def test_images_of_bytes(shape):
    X = np.random.default_rng(0).integers(0, 256, (6, *shape)).astype("u1")
    batch = Batches(X)[[4, 5]]
    assert batch.shape == (2, 3 if 3 in shape else 1, 8, 9)
    np.testing.assert_allclose(batch.amax(), X[4:].max() / 255, rtol=1e-6)
    one = X[4].transpose(2, 0, 1) if shape[-1] == 3 else X[4]
    np.testing.assert_allclose(batch[0], one.reshape(-1, 8, 9) / 255, rtol=1e-6)


def test_numbers_by_themselves_are_a_column():
    assert Batches(np.arange(5.0))[[1, 2]].tolist() == [[1], [2]]


def test_every_row_once_in_a_random_order():
    torch.manual_seed(0)
    batches = list(shuffled(23, 5))
    assert [len(b) for b in batches] == [5, 5, 5, 5, 3]
    assert sorted(np.concatenate(batches)) == list(range(23))
    turns = endless(23, 5)
    first, second = ([next(turns) for _ in range(5)] for _ in range(2))
    for epoch in (first, second):
        assert sorted(np.concatenate(epoch)) == list(range(23))
    assert any((a != b).any() for a, b in zip(first, second, strict=True))


def test_not_a_number_is_named_by_its_row():
    X = TABLE.copy()
    X[8, 2] = np.nan
    rows = Batches(X, PLACES)
    with pytest.raises(ValueError, match="NaN or infinity in row 8"):
        rows.check_finite(2)
    Batches(X, PLACES[:2]).check_finite()


@pytest.mark.parametrize("X", [["one", "two"], pd.DataFrame({"a": ["one", "two"]})])
def test_texts_are_refused(X):
    with pytest.raises(TypeError, match=r"X holds what is no number[\s\S]*images or"):
        Batches(X)[[0]]


def test_devices():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for wrong in ("fast", 1.5, None):
        with pytest.raises(ValueError, match=f"device is {wrong!r}: give 'auto'"):
            find_device(wrong)
    if not torch.cuda.is_available():
        with pytest.raises(
            ValueError, match="device is 'cuda', and torch finds no GPU"
        ):
            find_device("cuda")
