"""Stochastic passes and predicted losses, read with the rest and remembered."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from torch import nn

from skal.readout import Reader, column_labels, read, read_rows

torch.set_num_threads(1)

X = np.random.default_rng(0).normal(size=(100, 6)).astype("f4")
ALL = np.arange(100)
NAMES = ["proba", "embedding", "logit", "proba_draws"]


class Counting(nn.Module):
    """Counts the rows that go through."""

    rows = 0

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 8)

    def forward(self, X):
        self.rows += len(X)
        return torch.relu(self.linear(X))


class Net(nn.Module):
    """Dropout between a layer that counts and the last one."""

    def __init__(self):
        super().__init__()
        self.below = nn.Sequential(Counting(), nn.BatchNorm1d(8))
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, 3)

    def forward(self, X):
        return self.head(self.drop(self.below(X)))


@pytest.fixture
def net():
    torch.manual_seed(0)
    model = NeuralNetClassifier(
        Net,
        max_epochs=1,
        train_split=None,
        verbose=0,
        criterion=nn.CrossEntropyLoss,
        iterator_valid__batch_size=32,
        classes=[0, 1, 2],
    ).fit(X, ALL % 3)
    model.module_.below[0].rows = 0
    return model


def rows_read(net):
    counter = net.module_.below[0]
    found, counter.rows = counter.rows, 0
    return found


@pytest.mark.parametrize(
    "what", [NAMES, NAMES[::-1], NAMES[1:], ["logit_gradient", "proba_draws"]]
)
def test_one_pass_for_draws_and_the_rest(net, what):
    together = read(net, X, what, n_draws=6, random_state=0)
    assert rows_read(net) == 100
    assert list(together) == what
    for name in what:
        alone = read(net, X, name, n_draws=6, random_state=0)[name]
        np.testing.assert_allclose(together[name], alone, rtol=1e-5, atol=1e-6)
    if "proba" in what:
        assert np.abs(together["proba"] - together["proba_draws"]).max() > 1e-3


def test_one_pass_for_logits_and_the_rest(net):
    names = ["logit", "proba", "embedding", "logit_gradient"]
    reader = Reader(X, net)
    out = reader.read(names, ALL)
    assert rows_read(net) == 100
    reader.read(names, ALL[10:20])
    assert rows_read(net) == 0
    head = net.module_.head
    logits = head(torch.tensor(out["embedding"])).detach()
    np.testing.assert_allclose(out["logit"], logits, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(out["proba"], logits.softmax(1), rtol=1e-4, atol=1e-6)


def test_what_came_with_draws_is_remembered(net):
    reader = Reader(X, net)
    first = reader.read(NAMES, ALL)
    assert rows_read(net) == 100
    again = reader.read(NAMES[:3], ALL)
    assert rows_read(net) == 0
    for name in NAMES[:3]:
        np.testing.assert_array_equal(again[name], first[name])
    draws = reader.read(["proba_draws"], ALL)["proba_draws"]
    assert rows_read(net) == 100
    np.testing.assert_array_equal(draws, first["proba_draws"])


@pytest.mark.parametrize("known", [np.arange(30, 60), np.array([90, 91, 3]), ALL])
def test_what_is_known_is_not_read_anew(net, known):
    reader = Reader(X, net)
    known = np.sort(known)
    reader.read(["proba"], known)
    rows_read(net)
    asked = np.arange(20, 95)
    out = reader.read(["proba", "proba_draws"], asked)
    unknown = np.setdiff1d(asked, known)
    assert rows_read(net) == 75 + len(unknown)
    np.testing.assert_allclose(out["proba"], net.predict_proba(X[asked]), rtol=1e-5)
    rows_read(net)
    whole = reader.read(["proba"], ALL)["proba"]
    np.testing.assert_allclose(whole, net.predict_proba(X), rtol=1e-5)


def test_rows_in_between(net):
    reader, some = Reader(X, net), np.array([2, 5, 6, 40, 99])
    out = reader.read(NAMES, some)
    for name, values in read(net, X, NAMES, random_state=0).items():
        expected = values[:, some] if name == "proba_draws" else values[some]
        np.testing.assert_allclose(out[name], expected, rtol=1e-5, atol=1e-6)
    rest = reader.read(["proba"], ALL)["proba"]
    np.testing.assert_allclose(rest, net.predict_proba(X), rtol=1e-5)


def test_columns_of_draws_are_those_of_the_classes(net):
    out = Reader(X, net, classes=np.array([2, 7, 0, 1])).read(NAMES, ALL)
    plain = read(net, X, NAMES, random_state=0)
    for name in ("proba", "proba_draws"):
        np.testing.assert_allclose(
            out[name], plain[name][..., [2, 0, 0, 1]] * [1, 0, 1, 1], rtol=1e-5
        )


def test_a_failed_reading_of_draws_leaves_nothing_behind(net, monkeypatch):
    reader, plain = Reader(X, net), net.predict_proba
    monkeypatch.setattr(net, "predict_proba", lambda X: plain(X) * np.nan)
    with pytest.raises(ValueError, match="NaN"):
        reader.read(NAMES, ALL)
    monkeypatch.undo()
    np.testing.assert_array_equal(
        reader.read(["proba"], ALL)["proba"], net.predict_proba(X)
    )


def test_members_and_their_mean():
    forest = RandomForestClassifier(4, random_state=0).fit(X, ALL % 3)
    out = Reader(X, forest).read([n for n in NAMES if n != "logit"], ALL)
    np.testing.assert_allclose(out["proba_draws"].mean(0), out["proba"])
    np.testing.assert_array_equal(out["embedding"], X)


# Predicted losses ---------------------------------------------------------------------


class Foretelling(ClassifierMixin, BaseEstimator):
    """Predicts the first number of a row as its loss."""

    classes_ = np.array([0, 1])

    def fit(self, X, y):
        self.calls_ = []
        return self


@read_rows.register(Foretelling)
def _(model, X, what, **options):
    model.calls_.append((list(what), len(X)))
    out = {
        "proba": np.full((len(X), 2), 0.5),
        "embedding": X,
        "predicted_loss": X[:, 0].copy(),
    }
    return {name: out[name] for name in what}


def test_predicted_losses_come_with_the_rest_and_are_remembered():
    model = Foretelling().fit(X, ALL)
    reader, some = Reader(X, model), np.array([4, 8, 50])
    out = reader.read(["predicted_loss", "proba"], some)
    assert list(out) == ["predicted_loss", "proba"]
    np.testing.assert_array_equal(out["predicted_loss"], X[some, 0])
    assert not out["predicted_loss"].flags.writeable
    assert [sorted(what) for what, _ in model.calls_] == [["predicted_loss", "proba"]]
    out = reader.read(["predicted_loss"], ALL)["predicted_loss"]
    np.testing.assert_array_equal(out, X[:, 0])
    assert sum(n for _, n in model.calls_) == 100
    reader.read(["predicted_loss"], ALL)
    assert sum(n for _, n in model.calls_) == 100
    assert reader.read(["predicted_loss"], ALL[:0])["predicted_loss"].shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_is_named(value):
    broken = X.copy()
    broken[[60, 61], 0] = value
    reader = Reader(broken, Foretelling().fit(X, ALL))
    with pytest.raises(ValueError, match=r"predicted_loss .* row 60.*lr"):
        reader.read(["predicted_loss"], np.array([3, 60, 61]))
    assert reader.read(["predicted_loss"], np.array([3]))["predicted_loss"] == X[3, 0]


def test_other_models_predict_no_losses(net):
    for model in (net, LogisticRegression().fit(X, ALL % 3)):
        with pytest.raises(TypeError, match="cannot be read for `predicted_loss`"):
            read(model, X, "predicted_loss")
        with pytest.raises(TypeError, match="cannot be read for `predicted_loss`"):
            read(model, X, ["proba", "predicted_loss"])


def test_half_precision_losses_are_floats():
    class Half(Foretelling):
        pass

    @read_rows.register(Half)
    def _(model, X, what, **options):
        return {"predicted_loss": X[:, 0].astype("f2")}

    out = read(Half().fit(X, ALL), X, "predicted_loss")["predicted_loss"]
    assert out.dtype == np.float32


def test_columns_are_named_by_whoever_registers():
    class Own(BaseEstimator):
        pass

    assert column_labels(Own()) is None
    column_labels.register(Own)(lambda model: np.array(["x"]))
    assert column_labels(Own()).tolist() == ["x"]
