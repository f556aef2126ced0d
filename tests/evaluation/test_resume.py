"""A folder of runs: killed, resumed, shared, refused."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer

from skal import ActiveLearner
from skal.strategies import CoreSet, MarginSampling, RandomSampling

from .conftest import without_times

# Appends a line to the file of its second argument for each model that it trains.
SCRIPT = """
import sys, time
import numpy as np
from sklearn.linear_model import LogisticRegression
from skal.evaluation import compare_strategies
from skal.strategies import MarginSampling, RandomSampling

class Slow(LogisticRegression):
    def fit(self, X, y):
        with open(sys.argv[2], "a") as log:
            log.write(f"{len(y)}\\n")
        time.sleep(0.02)
        return super().fit(X, y)

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 5))
y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)
results = compare_strategies(
    Slow(), {"Margin": MarginSampling(), "Random/1": RandomSampling()}, X, y,
    n_initial=10, query_size=5, n_rounds=4, n_repeats=4, random_state=3,
    path=sys.argv[1])
results.drop(columns=["fit_time", "query_time"]).to_csv(sys.argv[3], index=False)
"""


@pytest.fixture
def start(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    started = []

    def run(folder, name):
        log, table = tmp_path / f"{name}.log", tmp_path / f"{name}.csv"
        command = [sys.executable, script, tmp_path / folder, log, table]
        started.append(subprocess.Popen(command))
        return started[-1], log, table

    yield run
    for process in started:
        process.kill()
        process.wait()


def n_lines(log):
    return len(log.read_text().splitlines()) if log.exists() else 0


def wait_for(condition, process, seconds=60):
    stop = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < stop
        time.sleep(0.01)


def test_a_killed_run_goes_on_where_it_stopped(start, tmp_path):
    whole, log, undisturbed = start("whole", "whole")
    assert whole.wait() == 0
    assert n_lines(log) == 2 * 4 * 5

    killed, log, _ = start("killed", "first")
    wait_for(lambda: n_lines(log) >= 18, killed)  # in the middle of the fourth run
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    finished = {p: p.stat().st_mtime_ns for p in (tmp_path / "killed").glob("*.csv")}
    assert 2 <= len(finished) < 8

    again, log, table = start("killed", "second")
    assert again.wait() == 0
    assert table.read_text() == undisturbed.read_text()
    assert n_lines(log) == (8 - len(finished)) * 5
    assert all(p.stat().st_mtime_ns == then for p, then in finished.items())

    third, log, table = start("killed", "third")
    assert third.wait() == 0
    assert table.read_text() == undisturbed.read_text()
    assert n_lines(log) == 0


def test_two_processes_share_the_work(start):
    first, log_1, table_1 = start("shared", "one")
    second, log_2, table_2 = start("shared", "two")
    assert first.wait() == 0
    assert second.wait() == 0
    assert table_1.read_text() == table_2.read_text()
    assert n_lines(log_1) + n_lines(log_2) == 2 * 4 * 5
    assert min(n_lines(log_1), n_lines(log_2)) > 0


def test_a_folder_holds_one_file_a_run(compare, tmp_path):
    compare(path=tmp_path)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [
        ".locks",
        "Margin-0.csv",
        "Margin-1.csv",
        "Random-0.csv",
        "Random-1.csv",
        "settings.json",
    ]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["strategies"]["Margin"]["query_size"] == "10"


def test_with_and_without_a_folder_the_table_is_the_same(compare, tmp_path):
    plain = compare()
    kept = compare(path=tmp_path / "new" / "folder")
    assert_frame_equal(without_times(plain), without_times(kept))
    assert_frame_equal(kept, compare(path=tmp_path / "new" / "folder"))
    assert_frame_equal(kept, compare(path=str(tmp_path / "new" / "folder"), n_jobs=2))


def test_odd_names_are_kept(compare, tmp_path):
    rows = {"NA": None, "a/b: ü": None, "a b": CoreSet(), "..": None}
    first = compare(rows, path=tmp_path)
    assert first["strategy"].unique().tolist() == list(rows)
    assert_frame_equal(first, compare(rows, path=tmp_path))
    assert len([p for p in tmp_path.iterdir() if p.suffix == ".csv"]) == 8


def test_repeats_and_strategies_are_added(compare, tmp_path):
    compare({"Margin": MarginSampling()}, n_repeats=1, path=tmp_path)
    old = (tmp_path / "Margin-0.csv").stat().st_mtime_ns
    results = compare(path=tmp_path)
    assert len(results) == 16
    assert (tmp_path / "Margin-0.csv").stat().st_mtime_ns == old
    assert_frame_equal(without_times(results), without_times(compare()))
    few = compare({"Random": RandomSampling()}, n_repeats=1, path=tmp_path)
    assert len(few) == 4


def test_no_seed_keeps_the_first_one(compare, tmp_path):
    first = compare(random_state=None, n_repeats=1, path=tmp_path)
    assert_frame_equal(first, compare(random_state=None, n_repeats=1, path=tmp_path))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"X": "other"}, ": X was ndarray"),
        ({"X": "shorter"}, r"X was ndarray \(600, 64\)"),
        ({"y": "other"}, ": y was ndarray"),
        ({"query_size": 11}, r"strategies\['Margin'\]: query_size was 10 and is 11"),
        ({"n_rounds": 4}, "n_rounds was 3 and is 4"),
        ({"ood_label": 9}, "ood_label was None and is 9"),
        ({"estimator": LogisticRegression(C=2.0)}, "estimator was .* and is .*C=2.0"),
        ({"strategies": {"Margin": CoreSet()}}, r"strategy was .*MarginSampling"),
        ({"strategies": {"Margin": MarginSampling(random_state=1)}}, "strategy was"),
        (
            {"strategies": {"Margin": ActiveLearner(LogisticRegression())}},
            "estimator was",
        ),
        ({"random_state": 1}, "random_state was 0 and is 1"),
        ({"scoring": "neg_log_loss"}, "scoring was 'accuracy' and is 'neg_log_loss'"),
        ({"scoring": make_scorer(accuracy_score)}, "scoring was"),
        ({"cv": 3}, "cv was None and is 3"),
        ({"X_test": np.zeros((2, 64)), "y_test": [0, 1]}, "X_test was None"),
    ],
)
def test_other_data_or_parameters_are_refused(compare, tmp_path, digits, params, says):
    compare(path=tmp_path, n_repeats=1)
    X, y = digits
    other = X.copy()
    other[5, 5] += 1e-9
    changed = {
        ("X", "other"): {"X": other},
        ("X", "shorter"): {"X": X[:-1], "y": y[:-1]},
        ("y", "other"): {"y": np.where(np.arange(len(y)) == 7, 0, y)},
    }
    first = next(iter(params.items()))
    if isinstance(first[1], str):
        params = changed.get(first, params)
    before = (tmp_path / "settings.json").read_text()
    with pytest.raises(ValueError, match=says):
        compare(path=tmp_path, n_repeats=1, **params)
    assert (tmp_path / "settings.json").read_text() == before


LEARNER = {
    "strategy": CoreSet(),
    "n_initial": 21,
    "query_size": 11,
    "n_rounds": 2,
    "initial": "stratified",
    "pool_size": 100,
    "warm_start": True,
    "use_unlabeled": True,
    "missing_label": -7,
    "ood_label": 9,
}


@pytest.mark.parametrize("name", sorted(LEARNER))
def test_every_parameter_of_a_learner_counts(compare, tmp_path, name):
    params = {"n_initial": 20, "query_size": 10, "n_rounds": 1}
    row = ActiveLearner(LogisticRegression(max_iter=200), RandomSampling(), **params)
    compare({"row": row}, path=tmp_path, n_repeats=1)
    other = row.set_params(**{name: LEARNER[name]})
    with pytest.raises(ValueError, match=f"strategies.*: {name} was"):
        compare({"row": other}, path=tmp_path, n_repeats=1)


def test_other_test_labels_are_refused(compare, tmp_path, digits):
    X, y = digits
    parts = {"X_test": X[:50], "path": tmp_path, "n_repeats": 1}
    compare(y_test=y[:50], **parts)
    with pytest.raises(ValueError, match="y_test was"):
        compare(y_test=np.roll(y[:50], 1), **parts)
    with pytest.raises(ValueError, match="X_test was"):
        compare(y_test=y[:50], **parts | {"X_test": X[:50] + 1e-6})


def test_rows_of_the_folder_are_remembered(compare, tmp_path):
    compare({"Margin": MarginSampling()}, path=tmp_path, n_repeats=1)
    compare({"Random": None}, path=tmp_path, n_repeats=1)
    with pytest.raises(ValueError, match=r"strategies\['Margin'\]"):
        compare({"Margin": CoreSet()}, path=tmp_path, n_repeats=1)


def test_a_write_that_fails_leaves_no_table(compare, tmp_path, monkeypatch):
    def half(text, self=None):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", half)
    with pytest.raises(OSError, match="disk full"):
        compare(path=tmp_path, n_repeats=1)
    assert not list(tmp_path.glob("*.csv"))
    monkeypatch.undo()
    assert len(compare(path=tmp_path, n_repeats=1)) == 8


def test_numbers_are_kept_to_the_last_bit(compare, tmp_path):
    plain = compare(scoring="neg_log_loss", n_repeats=1)
    kept = compare(scoring="neg_log_loss", n_repeats=1, path=tmp_path)
    again = compare(scoring="neg_log_loss", n_repeats=1, path=tmp_path)
    assert plain["neg_log_loss"].tolist() == kept["neg_log_loss"].tolist()
    assert_frame_equal(kept, again, check_exact=True)


def test_a_relative_path_is_meant_here(compare, tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        compare(path="runs", n_repeats=1, n_jobs=2)
        assert len(list((tmp_path / name / "runs").glob("*.csv"))) == 2


def test_damaged_folders_are_named(compare, tmp_path):
    compare(path=tmp_path, n_repeats=1)
    settings, table = tmp_path / "settings.json", tmp_path / "Margin-0.csv"
    whole = settings.read_text()
    settings.write_text(whole[:50])
    with pytest.raises(ValueError, match=r"settings\.json that cannot be read"):
        compare(path=tmp_path, n_repeats=1)
    settings.unlink()
    with pytest.raises(ValueError, match=r"no settings\.json"):
        compare(path=tmp_path, n_repeats=1)
    settings.write_text(whole)
    table.write_text("")
    with pytest.raises(ValueError, match=r"Margin-0\.csv.*delete it"):
        compare(path=tmp_path, n_repeats=1)
    with pytest.raises(ValueError, match="is a file"):
        compare(path=table, n_repeats=1)


def test_what_does_not_matter_is_not_refused(compare, tmp_path):
    compare(path=tmp_path, n_repeats=1)
    compare(path=tmp_path, n_repeats=1, verbose=1, n_jobs=2, memory=tmp_path / "memory")


def test_same_content_of_another_kind_is_the_same(compare, tmp_path, digits):
    np.save(tmp_path / "X.npy", digits[0])
    compare(path=tmp_path / "runs", n_repeats=1)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for X in (mapped, np.load(tmp_path / "X.npy")):
        compare(X=X, path=tmp_path / "runs", n_repeats=1)


def test_a_dataset_cannot_be_told_apart(compare, tmp_path, digits):
    import torch

    X, y = digits
    dataset = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    with pytest.raises(ValueError, match=r"X holds.*torch Dataset.*path=None"):
        compare(X=dataset, path=tmp_path)


def test_frames_and_texts_can_be_told_apart(compare, tmp_path, digits):
    frame = pd.DataFrame(digits[0])
    compare(X=frame, path=tmp_path / "frame", n_repeats=1)
    compare(X=frame.copy(), path=tmp_path / "frame", n_repeats=1)
    with pytest.raises(ValueError, match="X was DataFrame"):
        compare(X=frame * 2, path=tmp_path / "frame", n_repeats=1)
