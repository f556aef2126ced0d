"""What ``read`` says of scikit-learn's models, and of models that are none."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner
from skal.readout import (
    Reader,
    align_columns,
    column_labels,
    inner_model,
    read,
    read_rows,
)

X, Y3 = make_classification(
    90, n_features=6, n_informative=4, n_classes=3, random_state=0
)
Y = (Y3 > 0).astype(int)
LABELED = np.where(np.arange(len(Y)) < 40, Y, -1)
TEXTS = [f"{word} text {i % 7}" for i in range(15) for word in ("good", "bad")]
SIGNS = [0, 1] * 15


def scaled(rows=X):
    return StandardScaler().fit(X).transform(rows)


def pipeline(*steps):
    return make_pipeline(StandardScaler(), *(steps or [LogisticRegression()]))


def assert_read(model, rows, embedding):
    out = read(model, rows)
    np.testing.assert_allclose(out["proba"], model.predict_proba(rows), rtol=1e-12)
    np.testing.assert_allclose(out["embedding"], embedding, rtol=1e-12)
    assert list(out) == ["proba", "embedding"]


# One model ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5),
        GaussianNB(),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("labels", [Y, Y3], ids=["two", "three"])
def test_plain_classifiers(model, labels):
    assert_read(model.fit(X, labels), X, X)


def test_pipelines_have_the_features_of_their_last_step():
    assert_read(pipeline().fit(X, Y), X, scaled())
    assert_read(
        pipeline(PCA(2), LogisticRegression()).fit(X, Y),
        X,
        PCA(2).fit_transform(scaled()),
    )
    assert_read(pipeline("passthrough", LogisticRegression()).fit(X, Y), X, scaled())
    assert_read(make_pipeline("passthrough", LogisticRegression()).fit(X, Y), X, X)
    assert_read(make_pipeline(LogisticRegression()).fit(X, Y), X, X)
    assert_read(make_pipeline(make_pipeline(pipeline())).fit(X, Y), X, scaled())


WRAPPERS = {
    "grid search": (
        GridSearchCV(pipeline(), {"logisticregression__C": [0.1, 9.0]}, cv=2),
        lambda model: model.best_estimator_,
    ),
    "random search": (
        RandomizedSearchCV(pipeline(), {"logisticregression__C": [0.1]}, n_iter=1),
        lambda model: model.best_estimator_,
    ),
    "frozen": (FrozenEstimator(pipeline().fit(X[:50], Y[:50])), lambda m: m.estimator),
    "fixed threshold": (
        FixedThresholdClassifier(pipeline(), threshold=0.3),
        lambda model: model.estimator_,
    ),
    "tuned threshold": (
        TunedThresholdClassifierCV(pipeline(), cv=2, thresholds=5),
        lambda model: model.estimator_,
    ),
    "self-training": (SelfTrainingClassifier(pipeline()), lambda m: m.estimator_),
    "last in a pipeline": (
        make_pipeline("passthrough", GridSearchCV(pipeline(), {}, cv=2)),
        lambda model: model[-1].best_estimator_,
    ),
    "twice": (
        FixedThresholdClassifier(GridSearchCV(pipeline(), {}, cv=2)),
        lambda model: model.estimator_.best_estimator_,
    ),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_are_read_as_what_they_wrap(name):
    model, inner = WRAPPERS[name]
    model.fit(X, LABELED if name == "self-training" else Y)
    assert_read(model, X, inner(model)[:-1].transform(X))
    np.testing.assert_array_equal(column_labels(model), [0, 1])
    if name != "last in a pipeline":  # its own steps come first
        assert inner_model(model) is not None
    assert inner_model(inner(model)[-1]) is None


@pytest.mark.parametrize("ensemble", [True, False])
def test_calibrated_probabilities_with_the_features_of_the_model_inside(ensemble):
    search = GridSearchCV(pipeline(SVC()), {"svc__C": [1.0]}, cv=2)
    model = CalibratedClassifierCV(search, cv=2, ensemble=ensemble).fit(X, Y)
    inside = model.calibrated_classifiers_[0].estimator.best_estimator_
    assert_read(model, X, inside[:-1].transform(X))
    out = read(model, X, ["embedding"])["embedding"]
    assert not np.allclose(out, X)


def test_a_calibrated_model_of_texts():
    texts = make_pipeline(TfidfVectorizer(), LinearSVC()).fit(TEXTS, SIGNS)
    model = CalibratedClassifierCV(FrozenEstimator(texts), cv=2).fit(TEXTS, SIGNS)
    out = read(model, TEXTS)
    np.testing.assert_array_equal(out["proba"], model.predict_proba(TEXTS))
    expected = texts[:-1].transform(TEXTS)
    np.testing.assert_array_equal(out["embedding"].toarray(), expected.toarray())


class Duck:
    """A model that knows nothing of scikit-learn."""

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-np.asarray(X)[:, 0]))
        return np.column_stack([1 - p, p])


def test_a_duck_typed_model():
    assert_read(Duck(), X, X)
    assert column_labels(Duck()) is None


def test_logit_gradient_is_that_of_the_predicted_label():
    model = LogisticRegression().fit(X, Y3)
    out = read(model, X, ("logit_gradient", "proba"))
    onehot = np.eye(3)[model.predict(X)]
    np.testing.assert_allclose(out["logit_gradient"], model.predict_proba(X) - onehot)
    np.testing.assert_array_equal(out["proba"], model.predict_proba(X))
    assert list(out) == ["logit_gradient", "proba"]


def test_what_may_be_one_name_and_an_unknown_one_is_named():
    model = LogisticRegression().fit(X, Y)
    assert set(read(model, X, "proba")) == {"proba"}
    with pytest.raises(ValueError, match=r"what names 'probs'.*proba_draws"):
        read(model, X, ["proba", "probs"])


def test_random_state_must_be_one():
    with pytest.raises(ValueError, match="random_state"):
        read(LogisticRegression().fit(X, Y), X, random_state="zero")


# The learner --------------------------------------------------------------------------


def test_the_learner_has_a_column_for_every_class():
    rare = np.where(np.arange(len(Y)) == 0, 2, Y)  # bought never: it is not listed
    bought = np.arange(1, 30)
    learner = ActiveLearner(pipeline(), initial=bought, n_rounds=0).fit(X, rare)
    np.testing.assert_array_equal(learner.classes_, [0, 1, 2])
    np.testing.assert_array_equal(learner.estimator_.classes_, [0, 1])
    assert_read(learner, X, learner.estimator_[:-1].transform(X))
    assert read(learner, X)["proba"].shape == (len(X), 3)
    assert (read(learner, X)["proba"][:, 2] == 0).all()

    forest = RandomForestClassifier(4, random_state=0)
    learner = ActiveLearner(forest, initial=bought, n_rounds=0).fit(X, rare)
    draws = read(learner, X, ["proba_draws"])["proba_draws"]
    assert draws.shape == (4, len(X), 3)
    np.testing.assert_allclose(draws.mean(axis=0), learner.predict_proba(X))


# Ensembles ----------------------------------------------------------------------------

ENSEMBLES = {
    "bagging": BaggingClassifier(GaussianNB(), 4, max_features=0.5, random_state=0),
    "bagged pipelines": BaggingClassifier(pipeline(), 3, random_state=0),
    "forest": RandomForestClassifier(5, max_depth=3, random_state=0),
    "extra trees": ExtraTreesClassifier(5, max_depth=3, random_state=0),
    "voting": VotingClassifier(
        [("a", GaussianNB()), ("b", pipeline()), ("c", "drop")], voting="soft"
    ),
}
NAMES = np.array(["b", "c", "a"])[Y3]


FRAME = pd.DataFrame(X, columns=list("abcdef"))
POOLS = [(name, pool) for name in ENSEMBLES for pool in (X, FRAME)]
POOLS += [(name, sp.csr_matrix(X)) for name in ("forest", "extra trees")]


@pytest.mark.parametrize("labels", [Y3, NAMES], ids=["numbers", "names"])
@pytest.mark.parametrize(("name", "rows"), POOLS)
def test_an_ensemble_has_one_draw_a_member(name, rows, labels):
    model = ENSEMBLES[name].fit(rows, labels)
    draws = read(model, rows, ["proba_draws"], n_draws=99)["proba_draws"]
    assert draws.shape == (len(model.estimators_), len(X), 3)
    np.testing.assert_allclose(draws.mean(axis=0), model.predict_proba(rows))
    assert not np.allclose(draws[0], draws[1])


def test_members_that_lack_a_class_are_aligned():
    class NoWeights(DecisionTreeClassifier):  # bagging then fits it on its own rows
        def fit(self, X, y):
            return super().fit(X, y)

    labels = np.where(np.arange(len(Y)) < 2, "a", np.array(["b", "c"])[Y])
    model = BaggingClassifier(NoWeights(max_depth=2), 8, max_samples=9, random_state=3)
    model.fit(X, labels)
    assert any(len(tree.classes_) < 3 for tree in model.estimators_)
    draws = read(model, X, ["proba_draws"])["proba_draws"]
    np.testing.assert_allclose(draws.mean(axis=0), model.predict_proba(X))
    for draw, tree in zip(draws, model.estimators_, strict=True):
        absent = np.setdiff1d(np.arange(3), tree.classes_)
        assert (draw[:, absent] == 0).all()


def test_frozen_members_keep_their_own_names():
    members = [GaussianNB().fit(X, NAMES), pipeline().fit(X, NAMES)]
    frozen = [(str(i), FrozenEstimator(member)) for i, member in enumerate(members)]
    model = VotingClassifier(frozen, voting="soft").fit(X, NAMES)
    draws = read(model, X, ["proba_draws"])["proba_draws"]
    for draw, member in zip(draws, members, strict=True):
        np.testing.assert_array_equal(draw, member.predict_proba(X))
    np.testing.assert_allclose(draws.mean(axis=0), model.predict_proba(X))


def test_members_inside_a_pipeline_and_a_search():
    forest = RandomForestClassifier(4, random_state=0)
    model = GridSearchCV(pipeline(forest), {}, cv=2).fit(X, Y3)
    draws = read(model, X, ["proba_draws"])["proba_draws"]
    np.testing.assert_allclose(draws.mean(axis=0), model.predict_proba(X))


def test_members_without_probabilities():
    model = BaggingClassifier(LinearSVC(), 2, random_state=0).fit(X, Y)
    with pytest.raises(TypeError, match="LinearSVC has no predict_proba"):
        read(model, X, ["proba_draws"])


def test_no_draws_from_a_model_without_members():
    with pytest.raises(TypeError, match=r"LogisticRegression.*`proba_draws`"):
        read(LogisticRegression().fit(X, Y), X, ["proba_draws"])


# Models that fail ---------------------------------------------------------------------


class Says(ClassifierMixin, BaseEstimator):
    """Says of row i what `rows` says, by the number in the row's first column."""

    def __init__(self, rows=()):
        self.rows = rows

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        out = np.full((len(X), 2), 0.5)
        for number, values in dict(self.rows).items():
            out[X[:, 0] == number] = values
        return out


COUNT = np.arange(30.0).reshape(-1, 1)
TWO = np.arange(30) % 2
BAD_ROWS = {
    "nan": ([np.nan, 1.0], "holds NaN or infinity"),
    "inf": ([np.inf, 1.0], "holds NaN or infinity"),
    "-inf": ([-np.inf, 1.0], "holds NaN or infinity"),
    "negative": ([-0.5, 1.5], "holds a negative value"),
    "sum": ([0.5, 0.6], "sums to 1.1 and not to 1"),
    "logits": ([3.0, 1.0], "sums to 4 and not to 1"),
}


@pytest.mark.parametrize("later", BAD_ROWS)
@pytest.mark.parametrize("first", BAD_ROWS)
def test_the_first_bad_row_of_probabilities_is_named(first, later):
    values, text = BAD_ROWS[first]
    rows = [(7, values), (11, BAD_ROWS[later][0])]
    model = Says(rows).fit(COUNT, TWO)
    with pytest.raises(ValueError, match=f"proba {text} in row 7: "):
        read(model, COUNT)
    with pytest.raises(ValueError, match=f"proba {text} in row 7: "):
        Reader(COUNT, model).read(["proba"], np.arange(5, 30, 2))  # pool positions
    given = model.predict_proba(COUNT)
    with pytest.raises(ValueError, match=f"proba {text} in row 7: "):
        Reader(COUNT, proba=given)


def test_rounding_is_no_error():
    model = Says([(3, [0.5, 0.5004])]).fit(COUNT, TWO)
    assert read(model, COUNT)["proba"][3, 1] == 0.5004


class Shaped(Says):
    """Says something of another shape."""

    def predict_proba(self, X):
        n = len(X)
        return {
            "1-D": np.full(n, 0.5),
            "3-D": np.full((n, 2, 1), 0.5),
            "one row": np.full((1, 2), 0.5),
            "fewer rows": np.full((n - 1, 2), 0.5),
            "no numbers": np.full((n, 2), "a"),
        }[self.rows]


@pytest.mark.parametrize(
    ("shape", "error", "text"),
    [
        ("1-D", ValueError, "proba has 1 dimension"),
        ("3-D", ValueError, "proba has 3 dimension"),
        ("one row", ValueError, "proba has 1 rows for 30 rows of X"),
        ("fewer rows", ValueError, "proba has 29 rows for 30 rows of X"),
        ("no numbers", TypeError, "proba is of dtype <U1"),
    ],
)
def test_probabilities_of_another_shape(shape, error, text):
    with pytest.raises(error, match=text):
        read(Shaped(shape).fit(COUNT, TWO), COUNT)


def test_a_transformer_that_loses_rows():
    lossy = FunctionTransformer(lambda X: X[:-1])
    model = make_pipeline(lossy, LogisticRegression()).fit(X, Y[:-1])
    with pytest.raises(ValueError, match="embedding has 89 rows for 90 rows of X"):
        read(model, X, ["embedding"])


def test_more_columns_than_classes_named():
    class Wide(Says):
        def predict_proba(self, X):
            return np.full((len(X), 4), 0.25)

    model = Wide().fit(COUNT, TWO)
    with pytest.raises(ValueError, match=r"4 columns and names 2 classes: \[0, 1\]"):
        Reader(COUNT, model, classes=np.arange(3)).read(["proba"], np.arange(3))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_the_first_bad_row_of_features_is_named(kind, bad):
    spoilt = X.copy()
    spoilt[[41, 60], 0] = bad
    spoilt[40] = 0  # an empty row before it, in CSR
    spoilt = kind(spoilt)
    model = HistGradientBoostingClassifier(max_iter=2) if kind is np.asarray else Duck()
    if kind is np.asarray:
        model.fit(X, Y)
    text = "embedding holds NaN or infinity in row 41"
    with pytest.raises(ValueError, match=text):
        read(model, spoilt, ["embedding"])
    with pytest.raises(ValueError, match=text):
        Reader(spoilt, model).read(["embedding"], np.arange(1, 90, 2))
    with pytest.raises(ValueError, match=text):
        Reader(X, embedding=spoilt)


def test_large_features_are_finite():
    huge = np.full((4, 2), 1e308)
    assert Reader(huge).read(["embedding"], np.arange(4))["embedding"].max() == 1e308


def test_no_predict_proba():
    with pytest.raises(TypeError, match="LinearSVC has no predict_proba"):
        read(LinearSVC().fit(X, Y), X)
    out = read(LinearSVC().fit(X, Y), X, ["embedding"])
    np.testing.assert_array_equal(out["embedding"], X)


def test_a_model_that_raises_is_heard():
    class Broken(Says):
        def predict_proba(self, X):
            raise ZeroDivisionError("my own trouble")

    with pytest.raises(ZeroDivisionError, match="my own trouble"):
        read(Broken().fit(COUNT, TWO), COUNT)
    with pytest.raises(NotFittedError):
        read(LogisticRegression(), X)


def test_images_for_a_plain_classifier():
    images = np.zeros((6, 3, 4, 4))
    model = Shaped("1-D").fit(COUNT, TWO)
    with pytest.raises(ValueError, match=r"`embedding`.*Shaped.*`representation`"):
        read(model, images, ["embedding"])
    with pytest.raises(ValueError, match=r"4 dimension.*`representation`"):
        Reader(images).read(["embedding"], np.arange(6))


@pytest.mark.parametrize("model", [Says(), Duck()], ids=["estimator", "duck"])
def test_texts_for_a_plain_classifier(model):
    with pytest.raises(ValueError, match=r"(?s)`embedding`.*`representation`"):
        read(model, TEXTS, ["embedding"])


# What a pipeline does to rows ---------------------------------------------------------


def test_a_step_that_works_in_place_neither_spoils_the_pool_nor_the_reading():
    model = make_pipeline(StandardScaler(copy=False), LogisticRegression())
    model.fit(X.copy(), Y)
    for positions in (np.arange(len(X)), np.arange(0, len(X), 2)):
        pool = X.copy()
        out = Reader(pool, model).read(["embedding"], positions)
        np.testing.assert_allclose(out["embedding"], scaled()[positions])
        np.testing.assert_array_equal(pool, X)


def test_features_that_are_another_view_of_the_same_memory():
    flip = FunctionTransformer(lambda X: X[:, ::-1])
    model = make_pipeline(flip, LogisticRegression()).fit(X, Y)
    assert_read(model, X, X[:, ::-1])
    turn = FunctionTransformer(lambda X: X.T)  # even the same first number
    model = make_pipeline(turn, LogisticRegression()).fit(X[:6], [0, 1] * 3)
    assert_read(model, X[:6], X[:6].T)


def test_features_that_are_the_input_for_some_rows_only():
    def clip(rows):
        return rows if rows.max() < 10 else np.clip(rows, None, 10)

    pool = X.copy()
    pool[45] = 99
    model = make_pipeline(FunctionTransformer(clip), LogisticRegression()).fit(X, Y)
    low, high = np.arange(40), np.arange(40, 90)
    for order in ([low, high], [high, low]):
        before = pool.copy()
        reader = Reader(pool, model)
        for positions in order:
            reader.read(["embedding"], positions)
        out = reader.read(["embedding"], np.arange(90))["embedding"]
        np.testing.assert_array_equal(out, np.minimum(pool, 10))
        np.testing.assert_array_equal(pool, before)


# Columns ------------------------------------------------------------------------------


def test_align_columns():
    values = np.array([[0.2, 0.3, 0.5], [0.5, 0.5, 0.0]])
    names, classes = ["b", "a", "d"], np.array(["a", "b", "c", "d"])
    out = align_columns(values, names, classes)
    np.testing.assert_array_equal(out, [[0.3, 0.2, 0, 0.5], [0.5, 0.5, 0, 0]])
    out = align_columns(values, names, classes, -np.inf)
    np.testing.assert_array_equal(out[:, 2], -np.inf)
    np.testing.assert_array_equal(out[:, [1, 0, 3]], values)
    assert align_columns(values, names, names) is values
    assert align_columns(values.astype("f"), names, classes).dtype == np.float32


def test_align_columns_drops_what_is_no_class():
    values = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])
    out = align_columns(values, [0, 1, 9], [0, 1, 2])
    np.testing.assert_allclose(out[0], [0.4, 0.6, 0])
    assert np.isfinite(out).all()
    logits = align_columns(values, [0, 1, 9], [1, 0], -np.inf)
    np.testing.assert_array_equal(logits, values[:, [1, 0]])


def test_align_columns_of_a_binary_decision_function():
    values = np.array([2.0, -1.0])
    out = align_columns(values, ["no", "yes"], ["maybe", "no", "yes"], -np.inf)
    np.testing.assert_array_equal(out, [[-np.inf, -2, 2], [-np.inf, 1, -1]])


def test_align_columns_counts_names():
    with pytest.raises(ValueError, match=r"3 columns and names 2 classes"):
        align_columns(np.full((2, 3), 1 / 3), [0, 2], [0, 1, 2])


# Models of users ----------------------------------------------------------------------


def test_a_users_own_kind_of_model():
    class Oracle:
        classes_ = np.array(["x", "y"])

    @read_rows.register(Oracle)
    def _read_oracle(model, X, what, *, n_draws, seed):
        draws = np.full((n_draws, len(X), 2), [seed / 10, 1 - seed / 10])
        return {"proba": Duck().predict_proba(X), "proba_draws": draws}

    model = Oracle()
    out = read(model, X, ["proba", "proba_draws"], n_draws=3, random_state=4)
    np.testing.assert_array_equal(out["proba"], Duck().predict_proba(X))
    np.testing.assert_allclose(out["proba_draws"], np.full((3, 90, 2), [0.4, 0.6]))
    with pytest.raises(TypeError, match="Oracle cannot be read for `embedding`"):
        read(model, X)
    inside = Pipeline([("scale", StandardScaler().fit(X)), ("model", model)])
    proba = read(inside, X, ["proba"])["proba"]
    np.testing.assert_array_equal(proba, Duck().predict_proba(scaled()))
    aligned = Reader(X, model, classes=np.array(["w", "y", "x"]))
    proba = aligned.read(["proba"], np.arange(90))["proba"]
    expected = np.column_stack([np.zeros(90), out["proba"][:, ::-1]])
    np.testing.assert_array_equal(proba, expected)


def test_frames_keep_their_names():
    model = GridSearchCV(pipeline(), {}, cv=2).fit(FRAME, Y)
    assert_read(model, FRAME, scaled())
