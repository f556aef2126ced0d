"""VAAL: what is unlike the labeled rows comes first, from any kind of pool."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import LogisticRegression
from torch.utils.data import TensorDataset

from skal import ActiveLearner
from skal.estimators import _vaal
from skal.strategies import VAAL


def blobs(n=240, seed=0):
    """Rows of three kinds; the third has no labels."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    return 4 * rng.normal(size=(3, 6))[kind] + rng.normal(size=(n, 6)), kind


def patches(n=240, seed=0):
    """Gray images of bytes with a bright patch in one of three corners."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    images = rng.integers(0, 60, (n, 9, 9))
    for corner, (i, j) in enumerate([(0, 0), (0, 5), (5, 5)]):
        images[kind == corner, i : i + 4, j : j + 4] += 150
    return images.astype("u1"), kind


def labels(kind, n=40):
    y = np.full(len(kind), -1)
    rows = np.flatnonzero(kind < 2)[:n]
    y[rows] = kind[rows]
    return y


def quick(**params):
    return VAAL(**{"max_epochs": 2, "random_state": 0, "device": "cpu"} | params)


@pytest.mark.parametrize("make", [blobs, patches])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_of_a_kind_without_labels_come_first(make, seed):
    X, kind = make()
    strategy = quick(random_state=seed, max_epochs=30).fit(X, labels(kind))
    assert (kind[strategy.query(20)] == 2).mean() >= 0.9


def test_rows_like_the_labeled_come_last():
    X, kind = blobs()
    order = quick(max_epochs=30).fit(X, labels(kind)).query(200)
    assert (kind[order[-80:]] < 2).mean() > 0.9


def test_the_labels_themselves_do_not_count():
    X, kind = blobs()
    y = labels(kind)
    expected = quick().fit(X, y).query(20)
    other = np.where(y == -1, -1, 7)
    np.testing.assert_array_equal(quick().fit(X, other).query(20), expected)


@pytest.mark.parametrize("n", [1, 3])
def test_few_labels_of_one_class(n):
    y = np.where(np.arange(240) < n, 0, -1)
    for make in (patches, blobs):
        picked = quick().fit(make()[0], y).query(239 - n)
        assert len(set(picked.tolist())) == 239 - n


def test_rows_labeled_out_of_distribution_are_left_out(monkeypatch):
    X, kind = blobs()
    y = labels(kind)
    y[np.flatnonzero(kind == 2)[:30]] = -9
    seen = []
    monkeypatch.setattr(
        _vaal.LabeledDiscriminator,
        "fit",
        lambda self, labeled, rows: seen.append((len(labeled), len(rows))),
    )
    monkeypatch.setattr(
        _vaal.LabeledDiscriminator, "log_odds", lambda self, rows: np.arange(len(rows))
    )
    picked = quick(ood_label=-9).fit(X, y).query(3)
    assert seen == [(40, 170)]
    np.testing.assert_array_equal(picked, np.flatnonzero(y == -1)[:3])


def test_the_same_seed_and_no_state_moves():
    X, kind = patches()
    X.flags.writeable = False
    copy, y = X.copy(), labels(kind)
    torch.manual_seed(7)
    state, own = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    first = quick().fit(X, y).query(200)
    np.testing.assert_array_equal(quick().fit(X, y).query(200), first)
    assert (quick(random_state=1).fit(X, y).query(200) != first).any()
    assert torch.equal(torch.get_rng_state(), state)
    assert (own[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    np.testing.assert_array_equal(X, copy)


def test_kinds_of_pool():
    X, kind = blobs()
    X, y = np.maximum(X, 0).astype("f4"), labels(kind)
    expected = quick().fit(X, y).query(20)
    kinds = sp.csr_matrix(X), torch.tensor(X), TensorDataset(torch.tensor(X)), [*X]
    for pool in kinds:
        np.testing.assert_array_equal(quick().fit(pool, y).query(20), expected)


def test_the_pool_is_read_in_batches_and_never_copied(monkeypatch, tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((40_000, 100)))
    y = np.where(np.arange(40_000) % 400, -1, 0)

    def fit(self, labeled, rows):
        self.n = sum(len(batch) for batch in rows.in_order(self.batch_size))

    monkeypatch.setattr(_vaal.LabeledDiscriminator, "fit", fit)
    monkeypatch.setattr(
        _vaal.LabeledDiscriminator, "log_odds", lambda self, rows: np.arange(self.n)
    )
    for X in (np.zeros((40_000, 100)), np.load(tmp_path / "X.npy", mmap_mode="r")):
        strategy = quick().fit(X, y)
        tracemalloc.start()
        strategy.query(10)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.1 * X.nbytes


def test_scale_and_offset_of_columns_do_not_count():
    X, kind = blobs()
    X[:, 0] = 3  # a constant
    y = labels(kind)
    scaled = X * [1, 1e4, 1e-4, 1, 10, 1] + [0, 1e3, 0, -100, 0, 0]
    odds = [quick(max_epochs=30).fit(rows, y).query(20) for rows in (X, scaled)]
    assert all((kind[picked] == 2).mean() >= 0.9 for picked in odds)


def test_under_a_learner():
    X, kind = blobs()
    learner = ActiveLearner(
        LogisticRegression(), quick(random_state=None), n_initial=10, query_size=8,
        n_rounds=2, random_state=0,
    )  # fmt: skip
    first = learner.fit(X, kind).labeled_indices_
    assert len(set(first.tolist())) == 26
    np.testing.assert_array_equal(learner.fit(X, kind).labeled_indices_, first)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_latent": 0}, "n_latent is 0: give an int above 0"),
        ({"n_latent": 2.5}, "n_latent is 2.5: give an int"),
        ({"max_epochs": 0}, "max_epochs is 0"),
        ({"max_epochs": True}, "max_epochs is True"),
        ({"lr": 0}, "lr is 0: give a number above 0"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"beta": -1}, "beta is -1: give a number of 0 or more"),
        ({"beta": "auto"}, "beta is 'auto'"),
        ({"adversary_weight": float("nan")}, "adversary_weight is nan"),
        ({"device": "fast"}, "device is 'fast': give 'auto', 'cpu'"),
    ],
)
def test_parameters_are_checked(params, message):
    X, kind = blobs()
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(X, labels(kind)).query(1)


def test_zero_weights_are_legal():
    X, kind = blobs()
    strategy = quick(beta=0, adversary_weight=0).fit(X, labels(kind))
    assert len(strategy.query(5)) == 5


def test_what_cannot_be_chosen_from():
    X, kind = blobs()
    with pytest.raises(ValueError, match="VAAL compares with labeled rows"):
        quick().fit(X).query(1)
    with pytest.raises(TypeError, match="X holds what is no number"):
        quick().fit(["one", "two", "three"], [0, -1, -1]).query(1)
    X[[50, 7], 2] = np.inf, np.nan
    with pytest.raises(ValueError, match="X holds NaN or infinity in row 50"):
        quick().fit(X, labels(kind, 2)).query(1, candidates=np.arange(10, 240))


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "auto"])
@pytest.mark.parametrize("make", [blobs, patches])
def test_on_a_gpu(make, device):
    X, kind = make()
    before = torch.cuda.get_rng_state()
    picked = quick(max_epochs=30, device=device).fit(X, labels(kind)).query(20)
    assert (kind[picked] == 2).mean() >= 0.9
    assert torch.equal(torch.cuda.get_rng_state(), before)
