"""Features that are learnt from a pool: once, in one process or in several."""

import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal.containers import n_rows
from skal.readout import Reader, Transformed, column_labels, learn_features, read

X = np.random.default_rng(0).normal(size=(50, 4))
ALL = np.arange(50)


class Logged(TransformerMixin, BaseEstimator):
    """Writes a line to a file for each fit and for each transform."""

    def __init__(self, log, scale=1.0, random_state=None):
        self.log = log
        self.scale = scale
        self.random_state = random_state

    def _note(self, text):
        with Path(self.log).open("a") as file:
            file.write(text + "\n")

    def fit(self, X, y=None):
        self._note("fit")
        self.directions_ = np.random.default_rng(self.random_state).normal(size=(4, 2))
        return self

    def transform(self, X):
        self._note(f"transform {len(X)}")
        return self.scale * X @ self.directions_


class Task(Logged):
    """Also has a loss for each row: the first number of it."""

    def sample_losses(self, X):
        self._note(f"losses {len(X)}")
        return X[:, 0].copy()


class Failing(Logged):
    def fit(self, X, y=None):
        raise RuntimeError("no memory left")


def features(reader, positions=None):
    positions = np.arange(n_rows(reader.X)) if positions is None else positions
    return reader.read(["embedding"], positions)["embedding"]


def losses(reader, positions=ALL):
    return reader.read(["pretext_loss"], positions)["pretext_loss"]


def fits(log):
    return log.read_text().split("\n").count("fit")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.txt"


@pytest.fixture
def memory(tmp_path):
    return tmp_path / "memory"


# Without memory -----------------------------------------------------------------------


def test_features_are_what_the_transformer_makes_of_the_pool():
    scaler = StandardScaler()
    reader = learn_features(scaler, X)
    np.testing.assert_array_equal(features(reader), scaler.fit_transform(X))
    part = np.array([3, 4, 9])
    np.testing.assert_allclose(
        features(reader.on(X[:9] + 1)), scaler.transform(X[:9] + 1)
    )
    np.testing.assert_allclose(
        features(learn_features(scaler, X), part), scaler.transform(X[part])
    )
    assert reader.X is X


def test_fitted_once_on_a_clone_and_each_row_transformed_once(log):
    representation = Logged(log)
    reader = learn_features(representation, X)
    assert not hasattr(representation, "directions_")
    assert representation.random_state is None
    features(reader, np.arange(10))
    features(reader, ALL)
    features(reader, np.arange(5, 15))
    assert log.read_text().split("\n") == ["fit", "transform 10", "transform 40", ""]


def test_what_is_left_unseeded_is_seeded_with_a_constant(log):
    first, second = (features(learn_features(Logged(log), X)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    seeded = features(learn_features(Logged(log, random_state=1), X))
    assert not np.allclose(first, seeded)


def test_torch_is_seeded_and_its_state_left_alone():
    torch = pytest.importorskip("torch")

    class Drawn(Logged):
        def fit(self, X, y=None):
            self.directions_ = torch.rand(4, 2).numpy()
            return self

        def transform(self, X):
            return X @ self.directions_

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (features(learn_features(Drawn(""), X)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.rand(3), expected)


def test_texts_and_sparse_features():
    texts = [f"text number {i}" for i in range(50)]
    out = features(learn_features(TfidfVectorizer(), texts))
    assert sp.issparse(out)
    expected = TfidfVectorizer().fit_transform(texts)
    np.testing.assert_array_equal(out.toarray(), expected.toarray())


def test_a_step_that_works_in_place_leaves_the_pool_alone():
    pool = X.copy()
    reader = learn_features(StandardScaler(copy=False), pool)
    for positions in (ALL[::2], ALL):
        expected = StandardScaler().fit_transform(X)[positions]
        np.testing.assert_allclose(features(reader, positions), expected)
    np.testing.assert_array_equal(pool, X)


def test_bad_features_are_named():
    def spoil(X):
        out = X.copy()
        out[X[:, 0] == 31] = np.nan
        return out

    numbered = ALL.reshape(-1, 1) * 1.0
    reader = learn_features(FunctionTransformer(spoil), numbered)
    with pytest.raises(ValueError, match="embedding holds NaN or infinity in row 31"):
        features(reader, np.arange(1, 50, 2))


def test_transformed_has_features_and_nothing_else():
    model = Transformed(StandardScaler().fit(X))
    np.testing.assert_array_equal(
        read(model, X, ["embedding"])["embedding"], StandardScaler().fit_transform(X)
    )
    with pytest.raises(TypeError, match="Transformed cannot be read for `proba`"):
        read(model, X, ["proba"])
    assert column_labels(model) is None


# Losses of the task -------------------------------------------------------------------


@pytest.mark.parametrize("kept", [False, True])
def test_losses_of_the_task_are_read_once_a_row(log, memory, kept):
    reader = learn_features(Task(log), X, memory if kept else None)
    log.write_text("")
    np.testing.assert_array_equal(losses(reader, ALL[5:15]), X[5:15, 0])
    np.testing.assert_array_equal(losses(reader), X[:, 0])
    np.testing.assert_array_equal(losses(reader, ALL[::7]), X[::7, 0])
    assert not losses(reader).flags.writeable
    assert losses(reader, ALL[:0]).shape == (0,)
    assert log.read_text().split("\n") == ["losses 10", "losses 40", ""]
    both = reader.read(["pretext_loss", "embedding"], ALL[3:5])
    np.testing.assert_array_equal(both["pretext_loss"], X[3:5, 0])
    np.testing.assert_allclose(both["embedding"], features(reader)[3:5])


@pytest.mark.parametrize("kept", [False, True])
def test_losses_of_new_rows(log, memory, kept):
    for _ in range(2):  # learnt, and found again
        reader = learn_features(Task(log), X, memory if kept else None)
        losses(reader)
        new = reader.on(X[:4] + 1)
        np.testing.assert_array_equal(losses(new, ALL[:4]), X[:4, 0] + 1)
    assert fits(log) == (1 if kept else 2)


def test_losses_beside_what_a_model_says(log):
    model = Transformed(StandardScaler().fit(X))
    reader = Reader(X, model).with_features(learn_features(Task(log), X))
    assert reader.knows("pretext_loss")
    out = reader.read(["embedding", "pretext_loss"], ALL)
    np.testing.assert_array_equal(out["pretext_loss"], X[:, 0])
    np.testing.assert_allclose(out["embedding"], features(learn_features(Task(log), X)))
    np.testing.assert_array_equal(losses(reader.on(-X)), -X[:, 0])
    without = reader.with_features(None)
    assert not without.knows("pretext_loss")
    np.testing.assert_allclose(features(without), StandardScaler().fit_transform(X))


def test_other_transformers_have_no_losses():
    reader = learn_features(StandardScaler(), X)
    assert not reader.knows("pretext_loss")
    assert not Reader(X, reader.estimator).with_features(reader).knows("pretext_loss")
    assert not Reader(X).knows("pretext_loss")
    with pytest.raises(TypeError, match="Transformed cannot be read for `pretext_loss"):
        losses(reader)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_named(log, value):
    broken = X.copy()
    broken[31, 0] = value
    reader = learn_features(Task(log), broken)
    with pytest.raises(
        ValueError, match="pretext_loss holds NaN or infinity in row 31"
    ):
        losses(reader, ALL[1::2])
    assert losses(reader, ALL[:1]) == X[0, 0]


def test_a_loss_for_each_row(log):
    class Mean(Task):
        def sample_losses(self, X):
            return X.mean(axis=0)

    with pytest.raises(ValueError, match="pretext_loss has 4 rows for 50 rows"):
        losses(learn_features(Mean(log), X))


# With memory --------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [Path, str])
def test_with_memory_fitted_once(log, memory, folder):
    plain = features(learn_features(Logged(log), X))
    log.write_text("")
    first = learn_features(Logged(log), X, folder(memory))
    second = learn_features(Logged(log), X.copy(), folder(memory))
    assert log.read_text().split("\n") == ["fit", "transform 50", ""]
    for reader in (first, second):
        np.testing.assert_array_equal(features(reader), plain)
        np.testing.assert_array_equal(features(reader, ALL[7:9]), plain[7:9])
    assert fits(log) == 1
    assert log.read_text().count("transform") == 1
    new = features(second.on(X[:3] * 2))  # the transformer is kept too
    np.testing.assert_allclose(new, plain[:3] * 2)


def test_another_pool_or_another_representation_is_learnt_anew(log, memory):
    learn_features(Logged(log), X, memory)
    other = learn_features(Logged(log), X + 1, memory)
    np.testing.assert_allclose(
        features(other), features(learn_features(Logged(log), X + 1))
    )
    log.write_text("")
    learn_features(Logged(log, random_state=1), X, memory)
    learn_features(Logged(log, scale=2.0), X, memory)
    learn_features(Logged(log), X.astype(np.float32), memory)
    assert fits(log) == 3


def test_pools_of_other_kinds_are_kept(memory):
    texts = [f"text number {i}" for i in range(50)]
    for pool, representation in [
        (texts, TfidfVectorizer()),
        (sp.csr_array(X), StandardScaler(with_mean=False)),
        (X, make_pipeline(StandardScaler(), PCA(2))),
    ]:
        expected = features(learn_features(representation, pool))
        for _ in range(2):
            out = features(learn_features(representation, pool, memory))
            assert sp.issparse(out) == sp.issparse(expected)
            difference = out - expected
            assert abs(difference).max() < 1e-12
    assert len(list(memory.rglob("*.joblib"))) == 3


# Both processes say that they are there, and start when the other has said so too.
RACE = """
import sys, time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skal.readout import learn_features


class Slow(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        with Path("log.txt").open("a") as file:
            file.write("fit\\n")
        time.sleep(0.5)
        self.scale_ = X.std()
        return self

    def transform(self, X):
        return X / self.scale_


if __name__ == "__main__":
    Path(f"ready{sys.argv[1]}").touch()
    deadline = time.monotonic() + 60
    while len(list(Path().glob("ready*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    X = np.arange(60.0).reshape(20, 3)
    reader = learn_features(Slow(), X, "memory")
    out = reader.read(["embedding"], np.arange(20))["embedding"]
    np.save(f"out{sys.argv[1]}.npy", out)
"""


def test_processes_that_want_the_same_learn_it_once(tmp_path):
    (tmp_path / "race.py").write_text(RACE)
    workers = [
        subprocess.Popen([sys.executable, "race.py", name], cwd=tmp_path)
        for name in "ab"
    ]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert fits(tmp_path / "log.txt") == 1
    rows = np.arange(60.0).reshape(20, 3)
    for name in "ab":
        out = np.load(tmp_path / f"out{name}.npy")
        np.testing.assert_array_equal(out, rows / rows.std())


def test_a_write_that_was_interrupted_does_no_harm(log, memory):
    first = features(learn_features(Logged(log), X, memory))
    (kept,) = memory.rglob("*.joblib")
    kept.rename(kept.with_suffix(".part"))
    whole = kept.with_suffix(".part").read_bytes()
    kept.with_suffix(".part").write_bytes(whole[: len(whole) // 2])
    again = features(learn_features(Logged(log), X, memory))
    np.testing.assert_array_equal(again, first)
    assert fits(log) == 2
    assert not kept.with_suffix(".part").exists()
    transformer, embedding = joblib.load(kept)
    np.testing.assert_array_equal(embedding, first)
    assert isinstance(transformer, Logged)


def test_nothing_is_kept_of_a_fit_that_failed(memory):
    with pytest.raises(RuntimeError, match="no memory left"):
        learn_features(Failing(""), X, memory)
    assert not list(memory.rglob("*.joblib"))
    assert not list(memory.rglob("*.part"))


def test_what_follows_from_features_is_made_once_for_a_pool(log, memory):
    made = []

    def make():
        made.append(1)
        return np.arange(3)

    for n_made, folder in enumerate([memory, memory, None], start=1):
        readers = [learn_features(Logged(log), X, folder) for _ in range(2)]
        for reader in readers:
            np.testing.assert_array_equal(reader.once("-three", make), np.arange(3))
        assert len(made) == max(1, 2 * n_made - 3)  # without memory, each time
    learn_features(Logged(log), X, memory).once("-other", make)
    learn_features(Logged(log), X + 1, memory).once("-three", make)
    learn_features(Logged(log, scale=2.0), X, memory).once("-three", make)
    assert len(made) == 6


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_torch_dataset_cannot_be_looked_through(memory, wrapped):
    torch = pytest.importorskip("torch")
    from skorch.helper import SliceDataset

    pool = torch.utils.data.TensorDataset(torch.from_numpy(X))
    pool = SliceDataset(pool) if wrapped else pool
    with pytest.raises(ValueError, match=r"memory.*memory=None"):
        learn_features(StandardScaler(), pool, memory)


def test_a_representation_without_a_pickle_needs_no_memory(tmp_path):
    double = FunctionTransformer(lambda values: 2 * values)
    with pytest.raises(ValueError, match="memory=None"):
        learn_features(double, X, tmp_path)
    read_twice = learn_features(double, X).read(["embedding"], np.arange(50))
    np.testing.assert_array_equal(read_twice["embedding"], 2 * X)
