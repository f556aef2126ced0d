"""Kinds of pool: rows are taken, not copied whole, and never made dense."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn import config_context
from skorch.helper import SliceDataset
from torch.utils.data import Dataset, TensorDataset

from skal.containers import as_pool, chunks, n_rows, take

TABLE = np.arange(24.0).reshape(8, 3)


class Bare(Dataset):
    """Items are tensors, not tuples of input and label."""

    def __len__(self):
        return len(TABLE)

    def __getitem__(self, i):
        return torch.from_numpy(TABLE[i])


class ArrayOnly:
    def __array__(self, dtype=None, copy=None):
        return TABLE.astype(dtype)


def memmap(tmp_path):
    np.save(tmp_path / "table.npy", TABLE)
    return np.load(tmp_path / "table.npy", mmap_mode="r")


def dense(X):
    if sp.issparse(X):
        return X.toarray()
    return np.asarray(X)


KINDS = {
    "rank 1": lambda path: TABLE[:, 0],
    "rank 2": lambda path: TABLE,
    "rank 3": lambda path: np.arange(48).reshape(8, 2, 3),
    "rank 4": lambda path: np.arange(96).reshape(8, 2, 3, 2),
    "memmap": memmap,
    "list": lambda path: [f"text {i}" for i in range(8)],
    "frame": lambda path: pd.DataFrame(TABLE, index=list("hgfedcba")),
    "series": lambda path: pd.Series(list("abcdefgh"), index=range(8, 0, -1)),
    "tensor": lambda path: torch.arange(24.0).reshape(8, 3),
    "array only": lambda path: ArrayOnly(),
    "tuples": lambda path: TensorDataset(torch.from_numpy(TABLE), torch.arange(8)),
    "bare": lambda path: Bare(),
} | {
    f"{form}_{kind}": lambda path, name=f"{form}_{kind}": getattr(sp, name)(TABLE)
    for form in ("csr", "csc", "coo")
    for kind in ("matrix", "array")
}
DENSE = {"array only": TABLE, "tuples": TABLE, "bare": TABLE}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.mark.parametrize("positions", [[], [3], [1, 2, 3], [0, 4, 7], range(8)])
def test_rows_of_every_kind(kind, positions, tmp_path):
    made = KINDS[kind](tmp_path)
    pool = as_pool(made)
    assert n_rows(pool) == 8
    rows = take(pool, np.array(positions, dtype=np.intp))
    assert n_rows(rows) == len(positions)
    assert type(rows) is type(pool) or isinstance(rows, np.ndarray)
    if len(positions):
        expected = DENSE[kind] if kind in DENSE else dense(made)
        assert np.array_equal(dense(rows), expected[list(positions)])


@pytest.mark.parametrize("name", ["rank 2", "rank 4", "memmap", "list", "tensor"])
def test_what_needs_no_conversion_is_left_alone(name, tmp_path):
    X = KINDS[name](tmp_path)
    assert as_pool(X) is X
    assert take(X, np.arange(8)) is X


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_sparse_becomes_csr_of_its_own_kind(form, kind):
    pool = as_pool(getattr(sp, f"{form}_{kind}")(TABLE))
    assert type(pool) is getattr(sp, f"csr_{kind}")


@pytest.mark.parametrize("name", ["rank 1", "rank 2", "rank 4", "memmap"])
def test_a_run_of_rows_is_a_view(name, tmp_path):
    X = KINDS[name](tmp_path)
    assert np.shares_memory(take(X, np.arange(2, 6)), X)
    assert not np.shares_memory(take(X, np.array([2, 4])), X)
    tensor = KINDS["tensor"](tmp_path)
    assert take(tensor, np.arange(2, 6)).data_ptr() == tensor[2].data_ptr()


@pytest.mark.parametrize("make", [KINDS["tuples"], KINDS["bare"]])
def test_datasets_become_slices_of_their_inputs(make):
    state = torch.get_rng_state()
    pool = as_pool(make(None))
    assert isinstance(pool, SliceDataset)
    assert torch.equal(pool[2], torch.from_numpy(TABLE[2]))
    assert torch.equal(pickle.loads(pickle.dumps(pool[3:]))[1], pool[4])
    assert as_pool(pool) is pool
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("X", "row_bytes"),
    [
        (np.zeros((30000, 100)), 800),
        (np.zeros((30000, 100), dtype=np.float32), 400),
        (np.zeros((3000, 10, 100)), 8000),
        (torch.zeros(30000, 100), 400),
        (pd.DataFrame(np.zeros((30000, 100))), 800),
        (sp.csr_array(np.eye(30000, 10)), 8),
        (["text"] * 3000, 4096),
    ],
    ids=lambda value: type(value).__name__,
)
def test_chunks_fit_the_memory_and_cover_everything(X, row_bytes):
    positions = np.arange(1, n_rows(X), 2)
    with config_context(working_memory=1):
        pieces = list(chunks(X, positions))
    assert np.array_equal(np.concatenate(pieces), positions)
    size = 2**20 // row_bytes
    assert [len(piece) for piece in pieces[:-1]] == [size] * (len(pieces) - 1)
    assert len(pieces) == -(-len(positions) // size)
    with config_context(working_memory=1e-9):
        assert {len(piece) for piece in chunks(X, positions[:5])} == {1}
    assert list(chunks(X, positions[:0])) == []
