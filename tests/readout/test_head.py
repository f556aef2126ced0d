"""The linear map that a model ends in, against the logits it gives."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch import NeuralNetClassifier
from torch import nn

from skal.readout import Reader, Transformed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
Y2, Y3 = np.arange(60) % 2, np.arange(60) % 3
ALL = np.arange(60)


def net(**params):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, max_epochs=1
    )
    for name, value in params.items():
        setattr(net, name, value)
    return net


MODELS = [
    LogisticRegression(),
    LinearDiscriminantAnalysis(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("y", [Y2, Y3], ids=["two", "three"])
def test_features_by_the_head_differ_as_logits_do(model, y):
    assert_logits(Reader(X, model.fit(X, y)))


def test_of_a_net():
    assert_logits(Reader(X, net().fit(X, Y3)))
    assert Reader(X, net(embedding_layer="0").fit(X, Y3)).head() is None


def assert_logits(reader):
    """Rows less their mean, so that the bias does not count."""
    said = reader.read(["proba", "embedding"], ALL)
    logits, moved = np.log(said["proba"]), said["embedding"] @ reader.head().T
    for values in (logits, moved):
        values -= values.mean(axis=1, keepdims=True)
        values -= values.mean(axis=0)
    np.testing.assert_allclose(moved, logits, atol=1e-4)


def test_columns_are_those_of_the_classes_asked_for():
    model = LogisticRegression().fit(X, Y3)
    head = Reader(X, model, classes=np.array([2, 5, 0, 1])).head()
    np.testing.assert_array_equal(head[[2, 3, 0]], model.coef_)
    np.testing.assert_array_equal(head[1], 0)


def test_sparse_weights():
    model = LogisticRegression().fit(X, Y3)
    dense = Reader(X, model).head()
    assert sparse.issparse(model.sparsify().coef_)
    np.testing.assert_array_equal(Reader(X, model).head(), dense)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        SVC(kernel="linear"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_other_models_have_none(model):
    assert Reader(X, model.fit(X, Y3)).head() is None


def test_none_where_what_is_read_is_not_the_models():
    model = LogisticRegression().fit(X, Y3)
    assert Reader(X).head() is None
    assert Reader(X, model, embedding=X).head() is None
    assert Reader(X, model, proba=softmax(X, axis=1)).head() is None
    features = Reader(X, Transformed(PCA(2).fit(X)))
    assert Reader(X, model).with_features(features).head() is None
