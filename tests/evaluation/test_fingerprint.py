"""Descriptions are equal for equal things, in every process, and for no others."""

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier

from skal.evaluation._fingerprint import describe
from skal.strategies import CoreSet


def linear(scale):
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    layer.weight.data *= scale
    return layer


def square(x):
    return x * x


def cube(x):
    return x * x * x


def power(n, start=0):
    return lambda x: x**n + start


def shifted(x, start=0, *, stop=1):
    return x + start + stop


def with_defaults(start, stop):
    def shift(x, start=start, *, stop=stop):
        return x + start + stop

    return shift


class Slots:
    """Has no __dict__ and no pickle."""

    __slots__ = ("value",)

    def __reduce__(self):
        raise TypeError("no pickle")


# Pairs of functions: the first two calls are equal, the second differs from them.
PAIRS = {
    "int": (lambda: 1, lambda: 2),
    "text": (lambda: "a", lambda: "b"),
    "array": (lambda: np.arange(6.0), lambda: np.arange(6.0) + 1e-12),
    "dtype": (lambda: np.arange(6), lambda: np.arange(6.0)),
    "shape": (lambda: np.zeros((2, 3)), lambda: np.zeros((3, 2))),
    "texts": (lambda: ["a", "b" * 3], lambda: ["a", "bb"]),
    "objects": (
        lambda: np.array(["a", "bb"], dtype=object),
        lambda: np.array(["a", "b"], dtype=object),
    ),
    "frame": (lambda: pd.DataFrame({"a": [1, 2]}), lambda: pd.DataFrame({"a": [1, 3]})),
    "sparse": (lambda: sp.eye(3).tocsr(), lambda: 2 * sp.eye(3).tocsr()),
    "tensor": (lambda: torch.ones(3), lambda: torch.zeros(3)),
    "estimator": (lambda: PCA(2), lambda: PCA(3)),
    "nested": (
        lambda: make_pipeline(PCA(2), LogisticRegression(C=1)),
        lambda: make_pipeline(PCA(2), LogisticRegression(C=2)),
    ),
    "strategy": (
        lambda: CoreSet(representation=PCA(2)),
        lambda: CoreSet(representation=PCA(3)),
    ),
    "module": (lambda: linear(1), lambda: linear(2)),
    "net": (
        lambda: NeuralNetClassifier(torch.nn.Linear, module__in_features=3),
        lambda: NeuralNetClassifier(torch.nn.Linear, module__in_features=4),
    ),
    "net of a module": (
        lambda: NeuralNetClassifier(linear(1)),
        lambda: NeuralNetClassifier(linear(2)),
    ),
    "function": (lambda: square, lambda: cube),
    "lambda": (lambda: lambda x: x + 1, lambda: lambda x: x + 2),
    "names in a lambda": (lambda: lambda x: x.min(), lambda: lambda x: x.max()),
    "closure": (lambda: power(1), lambda: power(100)),
    "defaults": (lambda: with_defaults(1, 2), lambda: with_defaults(2, 2)),
    "keyword defaults": (lambda: with_defaults(1, 2), lambda: with_defaults(1, 3)),
    "nested lambda": (
        lambda: lambda x: (lambda y: y + 1)(x),
        lambda: lambda x: (lambda y: y + 2)(x),
    ),
    "comprehension": (
        lambda: lambda x: [y + 1 for y in x],
        lambda: lambda x: [y + 2 for y in x],
    ),
    "lambda in a partial": (
        lambda: functools.partial(lambda x: x + 1),
        lambda: functools.partial(lambda x: x + 2),
    ),
    "lambdas in a list": (lambda: [lambda x: x + 1], lambda: [lambda x: x + 2]),
    "method": (lambda: PCA(2).fit, lambda: PCA(3).fit),
    "set": (lambda: {"a", "b", "c"}, lambda: {"a", "b"}),
    "random state": (
        lambda: np.random.RandomState(1),
        lambda: np.random.RandomState(2),
    ),
    "generator": (lambda: np.random.default_rng(1), lambda: np.random.default_rng(2)),
    "partial": (
        lambda: functools.partial(square, 1),
        lambda: functools.partial(square, 2),
    ),
    "class": (lambda: PCA, lambda: LogisticRegression),
    "scorer": (
        lambda: make_scorer(accuracy_score),
        lambda: make_scorer(accuracy_score, normalize=False),
    ),
    "scorer of a lambda": (
        lambda: make_scorer(lambda a, b: (a == b).mean()),
        lambda: make_scorer(lambda a, b: (a != b).mean()),
    ),
    "scorers": (lambda: {"a": "accuracy"}, lambda: {"a": "neg_log_loss"}),
    "splitter": (lambda: StratifiedKFold(3), lambda: StratifiedKFold(4)),
    "folds": (
        lambda: [(np.arange(3), np.arange(3, 5))],
        lambda: [(np.arange(3), np.arange(3, 6))],
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_equal_things_are_described_alike(kind):
    make, make_other = PAIRS[kind]
    assert describe(make(), "it") == describe(make(), "it")
    assert describe(make(), "it") != describe(make_other(), "it")


def test_what_a_matrix_caches_does_not_count():
    matrix = sp.csr_array(np.eye(3))
    before = describe(matrix, "X")
    assert matrix.has_canonical_format
    assert describe(matrix, "X") == before


def test_order_in_memory_does_not_count():
    table = np.random.default_rng(0).normal(size=(4, 3))
    assert describe(np.asfortranarray(table), "X") == describe(table, "X")
    frame = pd.DataFrame(table)
    rebuilt = pd.DataFrame({column: frame[column].copy() for column in frame})
    assert describe(rebuilt, "X") == describe(frame, "X")


def test_a_thing_inside_itself_ends():
    loop = [1]
    loop.append(loop)
    assert describe(loop, "it") == "list(1, ...)"


def test_classes_of_the_same_name_differ():
    one, other = (type("Model", (), {"__module__": m})() for m in ("here", "there"))
    one.value = other.value = 1
    assert describe(one, "it") != describe(other, "it")


def test_digests_are_long_enough():
    arrays = np.random.default_rng(0).integers(0, 9, (3000, 8))
    assert len({describe(array, "it") for array in arrays}) > 2990


def test_what_cannot_be_described_is_refused():
    with pytest.raises(ValueError, match=r"what scoring holds.*path=None"):
        describe(Slots(), "scoring")


def test_numbers_of_numpy_are_numbers():
    assert describe(np.int64(3), "n") == describe(3, "n") == "3"


def test_other_processes_describe_alike():
    code = (
        "import pandas as pd, numpy as np, torch\n"
        "from skal.evaluation._fingerprint import describe\n"
        "from skorch import NeuralNetClassifier\n"
        "torch.manual_seed(0)\n"
        "things = [pd.DataFrame({'a': ['x', 'y'], 'b': [1.5, 2]}), ['x', 'yy'],\n"
        "          np.array(['x', 'yy'], dtype=object), {'b': {3, 1}, 'a': 'c'},\n"
        "          NeuralNetClassifier(torch.nn.Linear(3, 2)), (lambda x: x + 1),\n"
        "          (lambda x: x in {'a', 'b', 'c', 'd'}), {'a', 'b', 'c', 'd'}]\n"
        "print([describe(thing, 'it') for thing in things])\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 300
