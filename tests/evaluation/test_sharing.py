"""What runs of a comparison learn of the same pool, they learn once."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from pandas.testing import assert_frame_equal
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearner
from skal.strategies import BAL, CoreSet, Partitioned, RandomSampling

from .conftest import without_times


class Logged(PCA):
    """Writes a line a fit."""

    def __init__(self, n_components=None, log=None, random_state=None):
        super().__init__(n_components, random_state=random_state)
        self.log = log

    def fit(self, X, y=None):
        with Path(self.log).open("a") as log:
            log.write(f"{os.getpid()} {len(X)}\n")
        return super().fit(X)

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)


class Opening(Logged):
    """Learns what has no pickle, though it has one itself."""

    def fit(self, X, y=None):
        self.twice_ = lambda rows: 2 * rows
        return super().fit(X)


def stacked(dataset):
    return np.asarray([np.asarray(row) for row in dataset])


class Rows(Logged):
    """Takes a torch Dataset."""

    def fit(self, X, y=None):
        return super().fit(stacked(X))

    def transform(self, X):
        return super().transform(stacked(X))


class ClassifierOfRows(LogisticRegression):
    """Takes a torch Dataset."""

    def fit(self, X, y):
        return super().fit(stacked(X), y)


@pytest.fixture
def log(tmp_path):
    log = tmp_path / "log"
    log.touch()
    return log


@pytest.fixture
def temp(tmp_path, monkeypatch):
    """The temporary folder of this test."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def tests(digits):
    X, y = digits
    return {"X": X[:400], "y": y[:400], "X_test": X[400:], "y_test": y[400:]}


def rows(log, kind=Logged):
    """Three strategies with the same representation, one of them inside another."""
    return {
        "BAL": BAL(representation=kind(8, log=str(log))),
        "core-set": CoreSet(representation=kind(8, log=str(log))),
        "parts": Partitioned(
            CoreSet(representation=kind(8, log=str(log))), n_partitions=2
        ),
        "random": RandomSampling(),
    }


def n_fits(log):
    return len(log.read_text().splitlines())


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_learnt_once_for_all_strategies_and_repeats(compare, tests, log, temp, n_jobs):
    results = compare(rows(log), **tests, n_jobs=n_jobs)
    assert n_fits(log) == 1
    assert not list(temp.glob("*"))
    own = tests | {"memory": None}
    single = compare({"BAL": BAL(representation=PCA(8))}, **own)
    found = results[results["strategy"] == "BAL"].reset_index(drop=True)
    assert_frame_equal(without_times(found), without_times(single))


def test_splits_of_their_own_are_learnt_once_each(compare, log, temp):
    compare(rows(log), n_rounds=1)
    assert n_fits(log) == 2  # a split a repeat
    compare(rows(log), n_rounds=1, n_repeats=1, cv=3)
    assert n_fits(log) == 2 + 3
    assert not list(temp.glob("*"))


def test_the_first_batch_of_a_representation_of_its_own(compare, tests, log, temp):
    initial = CoreSet(representation=Logged(8, log=str(log)))
    compare({"random": RandomSampling()}, initial=initial, **tests)
    assert n_fits(log) == 1


@pytest.mark.parametrize("given", ["parameter", "learner"])
def test_a_memory_of_its_own_is_kept(compare, tests, log, temp, tmp_path, given):
    memory = tmp_path / "own"
    strategies = rows(log)
    if given == "parameter":
        tests = tests | {"memory": memory}
    else:
        model = LogisticRegression(max_iter=200)
        sizes = {"n_initial": 20, "query_size": 10, "n_rounds": 3}
        strategies = {
            name: ActiveLearner(model, one, memory=memory, **sizes)
            for name, one in strategies.items()
        }
    for _ in range(2):
        compare(strategies, **tests)
        assert n_fits(log) == 1
        assert list(memory.rglob("*.joblib"))
    assert not list(temp.glob("*"))
    if given == "learner":
        assert all(one.memory == memory for one in strategies.values())


def test_learners_are_left_as_they_are(compare, tests, log, temp):
    learner = ActiveLearner(
        LogisticRegression(max_iter=200),
        CoreSet(representation=Logged(8, log=str(log))),
        n_initial=20,
        query_size=10,
        n_rounds=1,
    )
    compare({"a": learner, "b": learner}, **tests)
    assert learner.memory is None
    assert n_fits(log) == 1


@pytest.mark.parametrize("kind", ["lambda", "once fitted"])
def test_a_representation_without_a_pickle_still_works(compare, tests, log, temp, kind):
    representation = Opening(8, log=str(log))
    if kind == "lambda":
        representation = FunctionTransformer(lambda rows: rows[:, :8])
    strategies = {
        "BAL": BAL(representation=representation),
        "core-set": CoreSet(representation=Logged(8, log=str(log))),
    }
    results = compare(strategies, **tests, n_rounds=1)
    assert len(results) == 8
    assert n_fits(log) == (1 if kind == "lambda" else 3)
    assert not list(temp.glob("*"))


def test_a_dataset_is_learnt_by_each(compare, digits, log, temp):
    X, y = digits
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(X[:400].copy()))

    strategies = {"core-set": CoreSet(representation=Rows(8, log=str(log)))}
    model = ClassifierOfRows(max_iter=200)
    tests = {"X_test": X[400:], "y_test": y[400:]}
    results = compare(strategies, model, X=dataset, y=y[:400], n_rounds=1, **tests)
    assert len(results) == 4
    assert n_fits(log) == 2


def test_an_error_leaves_nothing_behind(compare, tests, log, temp):
    class Failing(Logged):
        def fit(self, X, y=None):
            raise RuntimeError("no memory left")

    with pytest.raises(RuntimeError, match="no memory left"):
        compare({"core-set": CoreSet(representation=Failing(8))}, **tests)
    assert not list(temp.glob("*"))


def test_a_comparison_on_disk_goes_on_with_another_folder(
    compare, tests, log, temp, tmp_path
):
    first = compare(rows(log), **tests, path=tmp_path / "runs", n_repeats=1)
    more = compare(rows(log), **tests, path=tmp_path / "runs")
    assert n_fits(log) == 2
    again = more[more["repeat"] == 0].reset_index(drop=True)
    assert_frame_equal(without_times(again), without_times(first))
