"""Reading data sets from a folder; small files written here stand for the real ones."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils import Bunch

import skal.datasets
from skal.datasets import load_images, load_texts

IMAGES = {
    "X_train": np.arange(48, dtype=np.uint8).reshape(3, 4, 4),
    "y_train": np.array([0, 1, 1]),
    "X_test": np.zeros((1, 4, 4), dtype=np.uint8),
    "y_test": np.array([0]),
    "class_names": np.array(["dot", "line"]),
}


def write_texts(path, text):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(text)


@pytest.fixture
def folder(tmp_path):
    np.savez_compressed(tmp_path / "dots.npz", **IMAGES)
    np.savez(tmp_path / "boxes.npz", X_train=IMAGES["X_train"])
    films = 'text,label\n"good, ""very""",1\nécole null,1\nNA,0\n'
    write_texts(tmp_path / "films_train.csv.gz", films)
    write_texts(tmp_path / "films_dev.csv.gz", "text,label\n,1\n")
    write_texts(tmp_path / "ag_news_test.csv.gz", "text,label\n12,3\n007,0\n")
    write_texts(tmp_path / "notes.csv.gz", "text,label\na,0\n")
    return tmp_path


@pytest.fixture(params=["environment", "argument"])
def where(request, folder, monkeypatch):
    """The folder, named in either way: keyword arguments for a loader."""
    if request.param == "argument":
        monkeypatch.delenv("SKAL_DATA", raising=False)
        return {"folder": str(folder)}
    monkeypatch.setenv("SKAL_DATA", str(folder))
    return {}


def test_images_come_as_they_are(where):
    data = load_images("dots", **where)
    assert isinstance(data, Bunch)
    assert set(data) == set(IMAGES)
    for name, array in IMAGES.items():
        assert getattr(data, name).dtype == array.dtype
        assert np.array_equal(data[name], array)


def test_each_array_is_decoded_once(folder):
    data = load_images("dots", folder=folder)
    assert data.X_train is data.X_train
    (folder / "dots.npz").unlink()  # nothing is left to be read later
    assert data.X_train.sum() == IMAGES["X_train"].sum()


def test_texts_come_as_they_are(where):
    data = load_texts("films", **where)
    assert isinstance(data, Bunch)
    assert set(data) == {"X_train", "y_train", "X_dev", "y_dev"}
    assert data.X_train == ['good, "very"', "école null", "NA"]
    assert data.X_dev == [""]
    assert data.y_train.dtype == np.int64
    assert data.y_train.tolist() == [1, 1, 0]


def test_a_name_may_have_an_underscore_and_a_text_may_be_a_number(folder):
    data = load_texts("ag_news", folder=folder)
    assert data.X_test == ["12", "007"]
    assert all(type(text) is str for text in data.X_test)
    assert data.y_test.tolist() == [3, 0]


def test_the_argument_wins_over_the_environment(folder, monkeypatch):
    monkeypatch.setenv("SKAL_DATA", str(folder / "elsewhere"))
    assert load_images("boxes", folder=folder).X_train.shape == (3, 4, 4)


@pytest.mark.parametrize("load", [load_images, load_texts])
@pytest.mark.parametrize("value", [None, ""])
def test_no_folder_named(load, value, monkeypatch):
    monkeypatch.delenv("SKAL_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("SKAL_DATA", value)
    with pytest.raises(FileNotFoundError, match=r"export SKAL_DATA=.*or pass folder="):
        load("dots")


@pytest.mark.parametrize("load", [load_images, load_texts])
def test_folder_missing(load, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    with pytest.raises(FileNotFoundError, match=r"gone \(folder\) is not there"):
        load("dots", folder=gone)
    monkeypatch.setenv("SKAL_DATA", str(gone))
    with pytest.raises(FileNotFoundError, match=r"gone \(SKAL_DATA\) is not there"):
        load("dots")


@pytest.mark.parametrize("name", ["mnist", "dots.npz", "../dots", "films", ""])
def test_unknown_images_name_the_known_ones(name, folder):
    with pytest.raises(FileNotFoundError, match=r"\.npz; it has: boxes, dots\.$"):
        load_images(name, folder=folder)


@pytest.mark.parametrize("name", ["ag", "dots", "films_train", "notes", ""])
def test_unknown_texts_name_the_known_ones(name, folder):
    known = r"_<part>\.csv\.gz; it has: ag_news, films\.$"
    with pytest.raises(FileNotFoundError, match=known):
        load_texts(name, folder=folder)


@pytest.mark.parametrize("load", [load_images, load_texts])
def test_an_empty_folder_has_none(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"it has: none\.$"):
        load("dots", folder=tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("sentence,label\na,1\n", "bad_train.csv.gz has no column text, only sentence"),
        ("text,y\na,1\n", "has no column label, only text, y; it needs text and label"),
        ("a,b\n1,1\n", "has no column text and no column label, only a, b"),
        ("text,label\na,good\n", "bad_train.csv.gz has labels that are no integers"),
        ("text,label\na,0.5\n", "labels that are no integers"),
        ("text,label\na,\nb,1\n", "labels that are no integers"),
    ],
)
def test_a_table_without_texts_and_labels(table, message, tmp_path):
    write_texts(tmp_path / "bad_train.csv.gz", table)
    with pytest.raises(ValueError, match=message):
        load_texts("bad", folder=tmp_path)


def test_pickled_objects_are_not_read(tmp_path):
    np.savez(tmp_path / "odd.npz", X=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_images("odd", folder=tmp_path)


def test_importing_needs_neither_pandas_nor_torch():
    code = (  # scikit-learn imports pandas where it is: only what skal does counts
        "import sys, sklearn.utils; sys.modules['pandas'] = None; "
        "import skal.datasets; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_is_sorted_and_complete():
    assert sorted(skal.datasets.__all__) == skal.datasets.__all__
    assert {"load_images", "load_texts"} <= set(skal.datasets.__all__)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("SKAL_DATA"), reason="SKAL_DATA is not set")
def test_real_data():
    images = load_images("pneumoniamnist")
    assert images.X_train.shape == (4708, 28, 28)
    assert images.X_train.dtype == np.uint8
    assert np.bincount(images.y_val).tolist() == [135, 389]
    assert len(images.class_names) == 2
    texts = load_texts("sst2")
    assert [len(texts[f"X_{part}"]) for part in ("train", "dev", "test")] == [
        67_349,
        872,
        1_821,
    ]
    assert np.bincount(texts.y_dev).tolist() == [428, 444]
    assert all(type(text) is str for text in texts.X_train)
