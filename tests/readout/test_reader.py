"""The Reader: each row read once, what it hands out, and what it remembers."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal.readout import READINGS, Reader, learn_features, read

X, Y = make_classification(
    120, n_features=5, n_informative=3, n_classes=3, n_redundant=0, random_state=0
)
N = len(X)
ALL = np.arange(N)
ONE_PASS = ("proba", "embedding", "logit_gradient")
MODEL = LogisticRegression().fit(X, Y)


class Counting(ClassifierMixin, BaseEstimator):
    """Counts how often it predicts each row, by the number in the first column."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        self.seen_, self.calls_ = Counter(), 0
        return self

    def predict_proba(self, X):
        X = X.toarray() if sp.issparse(X) else np.asarray(X)
        self.seen_.update(X[:, 0].astype(int).tolist())
        self.calls_ += 1
        p = X[:, 0] / 200
        return np.column_stack([p, 1 - p])


NUMBERED = np.column_stack([ALL, X])


def counting(rows=NUMBERED):
    return Counting().fit(NUMBERED, Y > 0)


def once(*positions):
    return Counter(np.concatenate(positions).tolist())


# One pass -----------------------------------------------------------------------------


def test_one_pass_for_all_that_is_asked():
    model = counting()
    out = read(model, NUMBERED, ONE_PASS)
    assert model.seen_ == once(ALL)
    assert model.calls_ == 1
    np.testing.assert_array_equal(out["embedding"], NUMBERED)
    np.testing.assert_array_equal(out["proba"][:, 0], ALL / 200)


def test_one_pass_through_a_pipeline():
    model = counting()
    steps = make_pipeline("passthrough", model)
    read(steps, NUMBERED, ONE_PASS)
    assert model.seen_ == once(ALL)


def test_rows_are_read_once_whatever_is_asked_again():
    model = counting()
    reader = Reader(NUMBERED, model)
    first, second = np.arange(0, 60), np.arange(30, 90)
    reader.read(["proba"], first)
    reader.read(["logit_gradient"], first)
    assert model.seen_ == once(first)
    reader.read(ONE_PASS, second)
    assert model.seen_ == once(np.arange(90))
    everything = reader.read(ONE_PASS, ALL)
    again = reader.read(ONE_PASS, ALL)
    assert model.seen_ == once(ALL)
    for name, values in read(counting(), NUMBERED, ONE_PASS).items():
        np.testing.assert_array_equal(everything[name], values)
        np.testing.assert_array_equal(again[name], values)


def test_rows_come_in_the_order_asked_and_not_in_that_of_reading():
    reader = Reader(NUMBERED, counting())
    for position in (0, 2, 1, 3, 90, 5):
        reader.read(["proba"], np.array([position]))
    for positions in ([0, 1, 2, 3], [2, 5, 90], [1, 3], ALL):
        out = reader.read(["proba"], np.asarray(positions))["proba"]
        np.testing.assert_array_equal(out[:, 0], np.asarray(positions) / 200)


def test_only_what_is_asked_is_read():
    model = counting()
    reader = Reader(NUMBERED, model)
    reader.read(["embedding", "X"], ALL)
    assert model.calls_ == 0
    reader.read(["proba"], np.array([3, 50]))
    assert model.seen_ == once([3, 50])


def test_a_failed_reading_leaves_nothing_behind():
    class Moody(Counting):
        def predict_proba(self, X):
            if (X[:, 0] == self.bad_).any():
                raise RuntimeError("not this row")
            return super().predict_proba(X)

    model = Moody().fit(NUMBERED, Y > 0)
    model.bad_ = 70
    reader = Reader(NUMBERED, model)
    reader.read(["proba"], np.arange(20))
    with pytest.raises(RuntimeError, match="not this row"):
        reader.read(["proba"], ALL)
    model.bad_ = -1
    out = reader.read(["proba"], ALL)["proba"]
    np.testing.assert_array_equal(out[:, 0], ALL / 200)
    assert model.seen_ == once(ALL)


# Pools of every kind ------------------------------------------------------------------

WIDE = np.random.default_rng(0).normal(size=(300, 2000))  # 4.8 MB
WIDE_MODEL = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
WIDE_MODEL.fit(WIDE, np.arange(300) % 3)


def test_chunks_that_fit_the_working_memory_give_the_same():
    whole = read(WIDE_MODEL, WIDE, ONE_PASS)
    model, numbered = Counting().fit(WIDE, [0, 1]), WIDE.copy()
    numbered[:, 0] = np.arange(300) / 2
    with config_context(working_memory=1):
        pieces = read(WIDE_MODEL, WIDE, ONE_PASS)
        proba = read(model, numbered)["proba"]
    assert model.calls_ >= 5  # 4.8 MB in pieces of one at most
    np.testing.assert_array_equal(proba[:, 0], np.arange(300) / 400)
    for name, values in whole.items():
        np.testing.assert_allclose(pieces[name], values, rtol=1e-9, atol=1e-12)


def memmap(tmp_path):
    path = tmp_path / "pool.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


POOLS = {
    "memmap": memmap,
    "csr": lambda _: sp.csr_array(X),
    "csr matrix": lambda _: sp.csr_matrix(X),
    "coo": lambda _: sp.coo_array(X),
    "frame": lambda _: pd.DataFrame(X, columns=list("abcde")),
    "list": lambda _: X.tolist(),
    "fortran": lambda _: np.asfortranarray(X),
}


def dense(values):
    return values.toarray() if sp.issparse(values) else np.asarray(values)


@pytest.mark.parametrize("working_memory", [1024, 0.001])
@pytest.mark.parametrize("kind", POOLS)
def test_pools_of_every_kind(kind, working_memory, tmp_path):
    pool = POOLS[kind](tmp_path)
    model = LogisticRegression().fit(pool, Y)
    with config_context(working_memory=working_memory):
        out = read(model, pool)
    np.testing.assert_allclose(out["proba"], model.predict_proba(pool), rtol=1e-9)
    np.testing.assert_array_equal(dense(out["embedding"]), X)
    assert sp.issparse(out["embedding"]) == sp.issparse(pool)
    if sp.issparse(pool):
        return
    for positions in (np.arange(7, 30), np.array([2, 3, 50, 119])):
        part = Reader(pool, model).read(["embedding", "X"], positions)
        np.testing.assert_array_equal(part["embedding"], X[positions])
        np.testing.assert_array_equal(part["X"], X[positions])


def test_texts():
    texts = [f"{word} number {i % 9}" for i in range(40) for word in ("good", "bad")]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(texts, [0, 1] * 40)
    expected = model[:-1].transform(texts).toarray()
    with config_context(working_memory=0.03):
        reader = Reader(texts, model)
        odd = reader.read(["proba", "embedding"], np.arange(1, 80, 2))
        whole = reader.read(["proba", "embedding"], np.arange(80))
    np.testing.assert_allclose(whole["proba"], model.predict_proba(texts))
    np.testing.assert_allclose(odd["proba"], model.predict_proba(texts)[1::2])
    assert sp.issparse(whole["embedding"])
    np.testing.assert_array_equal(whole["embedding"].toarray(), expected)
    np.testing.assert_array_equal(odd["embedding"].toarray(), expected[1::2])


def test_integers_become_floats():
    pool = (X * 9).astype(int)
    model = LogisticRegression(max_iter=999).fit(pool, Y)
    out = read(model, pool)["embedding"]
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out, pool)
    out = read(MODEL, X.astype(np.float16), ["embedding"])["embedding"]
    assert out.dtype == np.float32
    out = read(MODEL, X.astype(np.float32), ["embedding"])["embedding"]
    assert out.dtype == np.float32


def test_draws_do_not_depend_on_chunks():
    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    whole = read(model, X, ["proba_draws"])["proba_draws"]
    with config_context(working_memory=0.0001):
        pieces = read(model, X, ["proba_draws"])["proba_draws"]
    np.testing.assert_array_equal(whole, pieces)


# What is handed out -------------------------------------------------------------------


def test_features_that_are_the_pool_are_not_stored_again():
    reader = Reader(X, MODEL)
    for positions in (ALL, np.arange(10, 40)):
        out = reader.read(["embedding"], positions)["embedding"]
        assert np.shares_memory(out, X)
    rows = np.array([0, 5, 9])
    np.testing.assert_array_equal(
        reader.read(["embedding"], rows)["embedding"], X[rows]
    )
    assert np.shares_memory(Reader(X).read(["embedding"], ALL)["embedding"], X)


def test_a_memmap_is_not_loaded(tmp_path):
    pool = memmap(tmp_path)
    out = Reader(pool, MODEL).read(["embedding"], ALL)["embedding"]
    assert np.shares_memory(out, pool)


def test_what_is_handed_out_is_read_only():
    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    reader = Reader(X, model)
    for positions in (ALL, np.array([1, 2, 3]), np.array([1, 5])):
        special = {"logit", "predicted_loss", "pretext_loss"}  # of nets and tasks
        names = [name for name in READINGS if name not in special]
        out = reader.read(names, positions)
        assert list(out) == names
        for values in out.values():
            with pytest.raises(ValueError, match="read-only"):
                values[0] = 0
    assert X.flags.writeable
    given = np.full((N, 2), 0.5)
    out = Reader(X, proba=given).read(["proba"], ALL)["proba"]
    assert not out.flags.writeable
    assert given.flags.writeable


def test_true_labels_make_another_gradient():
    positions = np.array([4, 9, 60])
    out = Reader(X, MODEL).read(["logit_gradient"], positions, y=Y[positions])
    expected = MODEL.predict_proba(X[positions]) - np.eye(3)[Y[positions]]
    np.testing.assert_allclose(out["logit_gradient"], expected)
    assert list(out) == ["logit_gradient"]


def test_a_gradient_does_not_spoil_the_probabilities():
    reader = Reader(X, MODEL)
    reader.read(["logit_gradient"], ALL)
    out = reader.read(["proba"], ALL)["proba"]
    np.testing.assert_array_equal(out, MODEL.predict_proba(X))


def test_no_rows_have_columns_all_the_same():
    none = np.arange(0)
    model = counting()
    reader = Reader(NUMBERED, model)
    out = reader.read(ONE_PASS, none)
    assert out["proba"].shape == out["logit_gradient"].shape == (0, 2)
    assert out["embedding"].shape == (0, 6)
    reader.read(ONE_PASS, ALL)
    assert model.seen_ == once(ALL)
    assert Reader(sp.csr_array(X)).read(["embedding"], none)["embedding"].shape == (
        0,
        5,
    )
    known = Reader(X, proba=np.full((N, 2), 0.5))
    assert known.read(["proba"], none)["proba"].shape == (0, 2)


def test_columns_are_those_of_the_classes():
    names = np.array(["b", "c", "a"])
    model = LogisticRegression().fit(X, names[Y])
    classes = np.array(["c", "d", "b", "a"])
    out = Reader(X, model, classes=classes).read(["proba"], ALL)["proba"]
    a, b, c = model.predict_proba(X).T
    np.testing.assert_array_equal(out, np.column_stack([c, 0 * c, b, a]))
    forest = RandomForestClassifier(3, random_state=0).fit(X, names[Y])
    draws = Reader(X, forest, classes=classes).read(["proba_draws"], ALL)["proba_draws"]
    assert draws.shape == (3, N, 4)
    a, b, c = forest.predict_proba(X).T
    np.testing.assert_allclose(draws.mean(axis=0), np.column_stack([c, 0 * c, b, a]))


# Arrays in place of a model -----------------------------------------------------------

PROBA = MODEL.predict_proba(X)


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, pd.DataFrame])
def test_given_arrays_stand_in_for_the_model(kind):
    reader = Reader(list(range(N)), proba=kind(PROBA), embedding=kind(X))
    positions = np.array([3, 70])
    out = reader.read(ONE_PASS, positions)
    np.testing.assert_array_equal(out["proba"], PROBA[positions])
    np.testing.assert_array_equal(out["embedding"], X[positions])
    np.testing.assert_array_equal(
        out["logit_gradient"].argmin(1), PROBA[positions].argmax(1)
    )


def test_a_given_array_spares_the_model():
    model = counting()
    given = np.full((N, 2), 0.5)
    reader = Reader(NUMBERED, model, proba=given)
    out = reader.read(ONE_PASS, ALL)
    assert model.calls_ == 0
    assert np.shares_memory(out["proba"], given)
    np.testing.assert_array_equal(out["embedding"], NUMBERED)


def test_given_sparse_features_stay_sparse():
    out = Reader(X, embedding=sp.coo_array(X)).read(["embedding"], np.array([1, 8]))
    np.testing.assert_array_equal(out["embedding"].toarray(), X[[1, 8]])


@pytest.mark.parametrize("name", ["proba", "embedding"])
def test_given_arrays_of_another_shape_are_refused_by_name(name):
    with pytest.raises(ValueError, match=f"{name} has 119 rows and X has 120"):
        Reader(X, **{name: PROBA[1:]})
    with pytest.raises(ValueError, match=f"{name} has 1 dimension"):
        Reader(X, **{name: PROBA[:, 0]})
    with pytest.raises(ValueError, match=f"{name} has 0 dimension"):
        Reader(X, **{name: 0.5})
    with pytest.raises(TypeError, match=f"{name} is of dtype"):
        Reader(X, **{name: np.full((N, 2), "a")})


@pytest.mark.parametrize("name", ["proba", "proba_draws", "logit_gradient"])
def test_without_a_model_there_are_features_only(name):
    missing = "proba_draws" if name == "proba_draws" else "proba"
    with pytest.raises(TypeError, match=f"cannot be read for `{missing}`"):
        Reader(X).read([name], ALL)


def test_knows():
    def known(reader):
        return {name for name in READINGS if reader.knows(name)}

    assert known(Reader(X, MODEL)) == set(READINGS) - {"pretext_loss"}
    assert known(Reader(X)) == {"X", "embedding"}
    assert known(Reader(sp.csr_array(X))) == {"X", "embedding"}
    assert known(Reader(pd.DataFrame(X))) == {"X", "embedding"}
    texts = ["text"] * N
    assert known(Reader(texts)) == {"X"}
    assert known(Reader(pd.DataFrame({"a": texts}))) == {"X"}
    assert known(Reader(np.array(texts, dtype=object))) == {"X"}
    assert known(Reader(np.zeros((N, 3, 4, 4)))) == {"X"}
    assert known(Reader(texts, embedding=X)) == {"X", "embedding"}
    assert known(Reader(texts, proba=PROBA)) == {"X", "proba", "logit_gradient"}
    features = learn_features(TfidfVectorizer(), texts)
    assert known(Reader(texts).with_features(features)) == {"X", "embedding"}


# Readers made of readers --------------------------------------------------------------


def test_on_reads_other_rows():
    classes = np.array([2, 1, 0])
    reader = Reader(X, MODEL, classes=classes, seed=5)
    reader.read(["proba"], ALL)
    new = X[:7] + 1
    other = reader.on(new)
    out = other.read(["proba", "embedding"], np.arange(7))
    np.testing.assert_array_equal(out["proba"], MODEL.predict_proba(new)[:, ::-1])
    np.testing.assert_array_equal(out["embedding"], new)
    assert other.seed == 5


def test_of_reads_another_model():
    second = LogisticRegression(C=0.01).fit(X, Y)
    reader = Reader(X, MODEL, classes=np.array([2, 1, 0]), seed=5)
    reader.read(["proba"], ALL)
    out = reader.of(second).read(["proba"], ALL)["proba"]
    np.testing.assert_array_equal(out, second.predict_proba(X)[:, ::-1])
    assert reader.of(second).seed == 5


def test_features_of_another_reader():
    model = counting()
    plain = Reader(NUMBERED, model)
    reader = plain.with_features(learn_features(StandardScaler(), X))
    scaled = StandardScaler().fit_transform(X)
    rows = np.array([3, 4, 80])
    out = reader.read(ONE_PASS, rows)
    np.testing.assert_allclose(out["embedding"], scaled[rows])
    np.testing.assert_array_equal(out["proba"][:, 0], rows / 200)
    np.testing.assert_array_equal(plain.read(["proba"], rows)["proba"], out["proba"])
    assert model.seen_ == once(rows)
    np.testing.assert_array_equal(
        plain.read(["embedding"], rows)["embedding"], NUMBERED[rows]
    )

    np.testing.assert_allclose(
        reader.of(MODEL).read(["embedding"], rows)["embedding"], scaled[rows]
    )
    np.testing.assert_allclose(
        reader.on(X[rows]).read(["embedding"], np.arange(3))["embedding"], scaled[rows]
    )


# Imports ------------------------------------------------------------------------------


def test_torch_is_not_imported():
    code = (
        "import sys, numpy, skal.readout\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "X = numpy.eye(4)\n"
        "skal.readout.read(LogisticRegression().fit(X, [0, 1, 0, 1]), X)\n"
        "assert not {'torch', 'skorch', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# What is checked ----------------------------------------------------------------------


def test_features_of_no_numbers_point_to_representation():
    words = np.array([["a", 1.0], ["b", 2.0]], dtype=object)
    with pytest.raises(TypeError, match="representation"):
        Reader(words, embedding=words)


def test_sparse_counts_become_floats():
    counts = sp.csr_array(np.arange(6).reshape(3, 2))
    values = Reader(counts).read(["embedding"], np.arange(3))["embedding"]
    assert values.dtype == np.float64
    assert not values.data.flags.writeable


def test_probabilities_of_no_rows_and_of_no_columns():
    assert Reader(np.zeros((0, 2)), proba=np.zeros((0, 3))).knows("proba")
    with pytest.raises(ValueError, match="proba"):
        Reader(np.zeros((2, 2)), proba=np.zeros((2, 0)))


def test_nothing_to_read():
    with pytest.raises(ValueError, match="no rows"):
        read(MODEL, X[:0])
