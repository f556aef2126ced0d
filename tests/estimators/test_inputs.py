"""Rows and labels of every kind, and what is said of those that will not do."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torch.utils.data import Dataset, Subset, TensorDataset

from skal.estimators import lenet, mlp, small_cnn
from skal.readout import read

CLASSIFIERS = [
    "NetClassifier",
    "SupConClassifier",
    "MCDropoutClassifier",
    "LossPredictionClassifier",
]
PREDICT = [*CLASSIFIERS, "ContrastivePoolClassifier"]
ALL = [*PREDICT, "RotationPretext"]


def same(one, other):
    """Assert that two lists of arrays are equal, bit by bit."""
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def close(one, other):
    """Assert that two lists of arrays differ by rounding only."""
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-2, atol=1e-4)


def said(net, X):
    """All that a net says of rows, also where a reader hands the rows in."""
    if hasattr(net, "sample_losses"):
        return [net.transform(X), net.sample_losses(X)]
    out = read(net, X, ["proba", "embedding"])
    return [net.transform(X), net.predict_proba(X), *out.values()]


# Kinds of numbers ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_bytes_are_numbers_from_0_to_1(name, make, learn, digits, digest):
    images = (digits.images * 255).astype("u1")[:60]
    floats = images.astype("f4") / 255
    net, other = learn(make(name), images), learn(make(name), floats)
    assert digest(net) == digest(other)
    same(said(net, images), said(net, floats))
    same(said(net, images), said(other, images))


@pytest.mark.parametrize("dtype", ["f8", "f2", "i8", "i4", "u2", "?", ">f4", "O"])
@pytest.mark.parametrize("kind", ["images", "rows"])
def test_numbers_of_every_type(kind, dtype, make, learn, digits, digest):
    X = (getattr(digits, kind)[:100] > 0.5).astype("f4")
    found = X.astype(dtype)
    found.setflags(write=False)
    net = learn(make("NetClassifier"), found)
    assert digest(net) == digest(learn(make("NetClassifier"), X))
    same(said(net, found), said(net, X))
    np.testing.assert_array_equal(found.astype("f4"), X)


def test_bytes_of_a_table_are_numbers_from_0_to_1(make, learn, digits, digest):
    table = (digits.rows[:100] * 255).astype("u1")
    net = learn(make("NetClassifier"), table)
    same(said(net, table), said(net, table.astype("f4") / 255))


def test_numbers_of_words_stay_integers(make, digits):
    seen = []

    class Words(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.words = nn.Embedding(17, 4)
            self.out = nn.Linear(4, n_classes)

        def forward(self, X):
            seen.append(X.dtype)
            return self.out(self.words(X).mean(1))

    X = (digits.rows * 16).astype(int)
    net = make("NetClassifier", Words, input_dtype=None).fit(X, digits.y)
    assert set(seen) == {torch.int64}
    assert net.transform(X).shape == (400, 4)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_no_row_is_made_up(name, make, digits):
    """A row of zeros is no text: it has no words."""

    class Texts(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.words = nn.Embedding(17, 4)
            self.out = nn.Linear(4, n_classes)

        def forward(self, X):
            lengths = (X > 0).sum(dim=1)
            if (lengths == 0).any():
                raise RuntimeError("Length of all samples has to be greater than 0")
            return self.out(self.words(X).sum(dim=1) / lengths[:, None])

    words = (digits.rows * 16).astype(int)
    net = make(name, Texts, input_dtype=None, augmentation=None).fit(words, digits.y)
    assert net.transform(words).shape == (400, 4)
    assert len(net.get_feature_names_out()) == 4


def test_a_module_of_doubles(make, digits):
    def doubles(n_classes):
        return nn.Linear(64, n_classes, dtype=torch.float64)

    net = make("NetClassifier", doubles, input_dtype="float64")
    assert net.fit(digits.rows, digits.y).predict_proba(digits.rows).dtype == "f8"


# Images -------------------------------------------------------------------------------

LAYOUTS = {
    "no channels": lambda images: images,
    "channels first": lambda images: images[:, None],
    "channels last": lambda images: images[..., None],
}


@pytest.mark.parametrize("name", ALL)
def test_layouts_of_gray_images(name, make, learn, digits):
    plain = said(learn(make(name, lr=1e-3), n=60), digits.images[:30])
    for layout in LAYOUTS.values():
        X = layout(digits.images[:60])
        net = learn(make(name, lr=1e-3), X)
        close(said(net, X[:30]), plain)
        assert net.input_shape_ == X.shape[1:]


@pytest.mark.parametrize("n_channels", [3, 4])
@pytest.mark.parametrize("name", ALL)
def test_layouts_of_colored_images(name, n_channels, make, learn, digits):
    rng = np.random.default_rng(0)
    tint = rng.uniform(0.2, 1, (400, 1, 1, n_channels)).astype("f4")
    last = (digits.images[..., None] * tint)[:60]
    first = np.moveaxis(last, 3, 1)
    nets = [learn(make(name, lr=1e-3), X) for X in (last, first)]
    close(said(nets[0], last), said(nets[1], first))
    weights = next(nets[0].module_.parameters())
    assert weights.shape[1] == n_channels


def test_images_that_are_not_square(make, learn, digits):
    wide = digits.images[:100, :6]
    net, other = [make("NetClassifier", lr=1e-3) for _ in range(2)]
    learn(net, wide)
    assert net.n_features_in_ == 6
    close(said(net, wide), said(learn(other, wide[:, None]), wide[:, None]))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_module_may_make_images_of_rows_itself(name, make, digits):
    class Folds(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.inner = small_cnn(n_classes)

        def forward(self, X):
            return self.inner(X.unflatten(1, (1, 8, 8)))

    net = make(name, Folds, max_epochs=1).fit(digits.rows[:60], digits.y[:60])
    assert net.transform(digits.rows).shape == (400, 128)


def test_other_rows_reach_the_module_as_they_are(make, digits):
    shapes = []

    class Sequences(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.memory = nn.GRU(8, 5, batch_first=True)
            self.out = nn.Linear(5, n_classes)

        def forward(self, X):
            shapes.append(tuple(X.shape[1:]))
            return self.out(self.memory(X)[0][:, -1])

    make("NetClassifier", Sequences).fit(digits.images, digits.y)
    assert set(shapes) == {(8, 8)}


# Containers ---------------------------------------------------------------------------


class Bare(Dataset):
    """Rows without labels."""

    def __init__(self, rows):
        self.rows = torch.tensor(rows)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


class Arrays:
    """Knows nothing but how to become an array."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


CONTAINERS = {
    "list": lambda X, _: X.tolist(),
    "fortran": lambda X, _: np.asfortranarray(X),
    "strided": lambda X, _: np.repeat(X, 2, axis=0)[::2],
    "tensor": lambda X, _: torch.tensor(X),
    "dataset": lambda X, y: TensorDataset(torch.tensor(X), torch.tensor(y)),
    "wrong labels": lambda X, y: TensorDataset(torch.tensor(X), torch.tensor(1 - y)),
    "bare dataset": lambda X, _: Bare(X),
    "subset": lambda X, _: Subset(
        Bare(np.repeat(X, 2, axis=0)), range(0, 2 * len(X), 2)
    ),
    "array-like": lambda X, _: Arrays(X),
}
OF_TABLES = {
    "frame": lambda X, _: pd.DataFrame(X),
    "csr": lambda X, _: sp.csr_array(X),
    "csr matrix": lambda X, _: sp.csr_matrix(X),
    "coo": lambda X, _: sp.coo_array(X),
}


@pytest.mark.parametrize("container", [*CONTAINERS, *OF_TABLES])
@pytest.mark.parametrize("name", PREDICT)
def test_tables_in_every_container(name, container, make, learn, digits, digest):
    X = digits.rows[:60]
    known = learn(make(name, max_epochs=1), X)
    pool = (CONTAINERS | OF_TABLES)[container](X, digits.y[:60])
    y = digits.known[:60] if name == "ContrastivePoolClassifier" else digits.y[:60]
    net = make(name, max_epochs=1).fit(pool, y)
    assert digest(net) == digest(known)
    same(said(net, pool), said(known, X))
    assert net.n_features_in_ == 64
    assert net.predict(pool).tolist() == known.predict(X).tolist()


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", ["NetClassifier", "RotationPretext"])
def test_images_in_every_container(name, container, make, learn, digits, digest):
    X = digits.images[:60]
    pool = CONTAINERS[container](X, digits.y[:60])
    net, known = learn(make(name), pool, digits.y[:60]), learn(make(name), X)
    assert digest(net) == digest(known)
    same(said(net, pool), said(known, X))


def test_a_dataset_of_what_the_module_takes_by_name(make, digits):
    class Named(Dataset):
        def __len__(self):
            return 400

        def __getitem__(self, i):
            row = torch.tensor(digits.rows[i])
            return {"left": row[:32], "right": row[32:]}, -1

    class TwoInputs(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.out = nn.Linear(64, n_classes)

        def forward(self, left, right):
            return self.out(torch.cat([left, right], dim=1))

    net = make("NetClassifier", TwoInputs, max_epochs=10).fit(Named(), digits.y)
    assert net.score(Named(), digits.y) > 0.8
    assert read(net, Named(), ["embedding"])["embedding"].shape == (400, 64)


@pytest.mark.parametrize("name", PREDICT)
def test_columns_have_names(name, make, learn, digits):
    """Right names earn no warning, whoever hands the rows on."""
    frame = pd.DataFrame(digits.rows, columns=[f"pixel {i}" for i in range(64)])
    net = learn(make(name, max_epochs=1), frame)
    assert net.feature_names_in_.tolist() == list(frame)
    said(net, frame)
    net.predict(frame)
    learn(net, frame, by="partial_fit")
    assert len(net.get_feature_names_out()) == 128
    for method in (net.predict, net.transform):
        with pytest.raises(ValueError, match="feature names should match"):
            method(frame[frame.columns[::-1]])
        with pytest.warns(UserWarning, match="valid feature names"):
            method(digits.rows)


# Labels -------------------------------------------------------------------------------

NAMES = np.array(["nil", "one", "two", "three"])
LABELS = {
    "strings": lambda y: NAMES[y],
    "objects": lambda y: NAMES[y].astype(object),
    "list of strings": lambda y: NAMES[y].tolist(),
    "gaps": lambda y: y * 10 - 5,
    "bytes": lambda y: y.astype("u1"),
    "floats": lambda y: y.astype("f4"),
    "series": lambda y: pd.Series(y, index=np.arange(len(y))[::-1]),
    "categories": lambda y: pd.Series(NAMES[y]).astype("category"),
    "pandas strings": lambda y: pd.Series(NAMES[y], dtype="string"),
    "tensor": torch.tensor,
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_of_every_kind(name, kind, make, digits):
    four = digits.y < 4
    X, y = digits.rows[four], digits.y[four]
    given = LABELS[kind](y)
    net = make(name, max_epochs=1).fit(X, given)
    values = np.asarray(given)
    assert net.classes_.tolist() == sorted(set(values.tolist()))
    assert set(net.predict(X).tolist()) <= set(values.tolist())
    codes = np.searchsorted(net.classes_.astype(values.dtype), values)
    plain = make(name, max_epochs=1).fit(X, codes)
    same([net.predict_proba(X)], [plain.predict_proba(X)])
    np.testing.assert_array_equal(net.predict(X), net.classes_[plain.predict(X)])
    assert net.score(X, values) == plain.score(X, codes)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_two_classes_of_booleans(name, make, digits):
    two = digits.y < 2
    net = make(name, max_epochs=6, batch_size=16)
    net.fit(digits.rows[two], digits.y[two] == 1)
    assert net.classes_.dtype == bool
    predicted = net.predict(digits.rows[two])
    assert predicted.dtype == bool
    assert (predicted == (digits.y[two] == 1)).mean() > 0.9


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_only(name, make, digits):
    images = digits.images[:20]
    net = make(name).fit(images, ["only"] * 20)
    assert net.predict_proba(images).tolist() == [[1.0]] * 20
    assert net.predict(images).tolist() == ["only"] * 20
    assert net.transform(images).shape == (20, 128)


def test_a_column_of_labels(make, digits):
    net = make("NetClassifier")
    with pytest.warns(DataConversionWarning, match="column-vector"):
        net.fit(digits.rows, digits.y[:, None])
    plain = make("NetClassifier").fit(digits.rows, digits.y)
    same([net.predict(digits.rows)], [plain.predict(digits.rows)])


WRONG_LABELS = {
    "none": (None, "y"),
    "too few": (np.arange(50) % 3, "inconsistent numbers of samples"),
    "two columns": (np.zeros((100, 2), int), "y should be a 1d array"),
    "no classes": (np.linspace(0, 1, 100), "continuous"),
    "missing": (np.full(100, np.nan), "y contains NaN"),
    "infinite": (np.full(100, np.inf), "y contains infinity"),
    "mixed": (np.array([1, "a"] * 50, dtype=object), "type"),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("kind", WRONG_LABELS)
def test_wrong_labels_are_refused(name, kind, make, digits):
    y, message = WRONG_LABELS[kind]
    with pytest.raises((ValueError, TypeError), match=message):
        make(name).fit(digits.images[:100], y)


# What will not do ---------------------------------------------------------------------


def nothing_finite(value):
    X = np.zeros((100, 8, 8), "f4")
    X[50, 3, 3] = value
    return X


WRONG_ROWS = {
    "a row": (np.zeros(100), "Expected 2D|1D"),
    "a number": (np.float64(3), "array|Singleton"),
    "none": (None, "None|array"),
    "no rows": (np.zeros((0, 8, 8)), "0 sample|minimum of 1"),
    "NaN": (nothing_finite(np.nan), "NaN"),
    "infinity": (nothing_finite(-np.inf), "infinity"),
    "NaN in a tensor": (torch.tensor(nothing_finite(np.nan)), "NaN"),
    "words": (np.full((100, 3), "word"), "could not convert|numeric"),
    "texts": (["a text"] * 100, "could not convert|Expected 2D"),
    "complex": (np.zeros((100, 8), complex), "[Cc]omplex"),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", WRONG_ROWS)
def test_wrong_rows_are_refused(name, kind, make, digits):
    X, message = WRONG_ROWS[kind]
    y = () if name == "RotationPretext" else (np.arange(100) % 3,)
    with pytest.raises((ValueError, TypeError), match=message):
        make(name).fit(X, *y)


@pytest.mark.parametrize("name", ALL)
def test_rows_of_another_shape_are_refused(name, make, learn, digits):
    net = learn(make(name))
    X = digits.images
    others = [
        X[:, :7],
        X[:, None],
        digits.rows,
        torch.tensor(X[:, None]),
        Bare(X[:, 1:]),
    ]
    methods = [net.transform]
    methods += [net.predict, net.predict_proba] if hasattr(net, "classes_") else []
    methods += [net.sample_losses] if hasattr(net, "sample_losses") else []
    for other in others:
        for method in methods:
            with pytest.raises(ValueError, match=r"shape|features"):
                method(other)
    if name != "RotationPretext":
        with pytest.raises(ValueError, match=r"shape|features"):
            learn(net, X[:100, :7], by="partial_fit")
    assert net.transform(X[:3]).shape == (3, 128)


def test_the_message_names_both_shapes(make, learn, digits):
    net = learn(make("NetClassifier"))
    message = r"rows of the shape \(1, 8, 8\), but NetClassifier.*\(8, 8\)"
    with pytest.raises(ValueError, match=message):
        net.predict(torch.tensor(digits.images[:, None]))
    net = learn(make("NetClassifier"), digits.rows[:100])
    with pytest.raises(ValueError, match="X has 60 features, but NetClassifier"):
        net.predict(digits.rows[:, :60])


@pytest.mark.parametrize("name", ALL)
def test_fit_takes_another_shape(name, make, learn, digits):
    net = learn(make(name))
    X = digits.images[:100, 1:, 1:]
    learn(net, X)
    assert net.input_shape_ == (7, 7)
    assert net.n_features_in_ == 7
    assert net.transform(X).shape == (100, 128)


@pytest.mark.parametrize("kind", ["images", "rows"])
@pytest.mark.parametrize("scale", [1, 255])
def test_images_of_large_numbers_earn_a_warning(scale, kind, make, digits):
    X, y = getattr(digits, kind) * scale, digits.y
    net = make("NetClassifier", max_epochs=1)
    if kind == "images" and scale > 1:
        with pytest.warns(UserWarning, match="values up to 255.*uint8") as caught:
            net.fit(X, y)
        assert len(caught) == 1
        assert caught[0].filename == __file__
    else:
        net.fit(X, y)
    net.predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make("NetClassifier", max_epochs=1).fit((X / scale * 255).astype("u1"), y)


def test_a_module_that_returns_no_logits(make, digits):
    for module in (nn.Sequential(nn.Linear(8, 10), nn.Flatten(0)), nn.GRU(8, 4)):
        net = make("NetClassifier", module)
        with pytest.raises(ValueError, match=r"module returned .*\(n, n_classes\)"):
            net.fit(digits.images, digits.y)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_module_that_is_too_narrow(name, make, digits):
    net = make(name, module__n_classes=3)
    with pytest.raises(ValueError, match=r"3 outputs.*10 classes.*module__n_classes"):
        net.fit(digits.images, digits.y)


def test_a_table_is_no_image(make, digits):
    net = make("NetClassifier", small_cnn)
    with pytest.raises((TypeError, ValueError), match=r"\(64,\)"):
        net.fit(digits.rows, digits.y)


def test_an_image_is_a_row_of_pixels_to_an_mlp(make, digits):
    net = make("NetClassifier", mlp, max_epochs=8).fit(digits.images, digits.y)
    assert net.score(digits.images, digits.y) > 0.8


def test_labels_may_be_missing_from_a_transformer(make, digits):
    pretext = make("RotationPretext")
    pretext.fit(digits.images[:50], digits.y[:50])
    chain = FunctionTransformer(lambda X: X / X.max(), validate=False)
    assert pretext.transform(chain.transform(digits.images[:5])).shape == (5, 128)


def test_lenet_takes_small_images(make, learn, digits):
    assert learn(make("NetClassifier", lenet)).transform(digits.images).shape == (
        400,
        84,
    )
