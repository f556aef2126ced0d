"""The map of queries: picks stand where their rows are."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal import ActiveLearner
from skal.plotting import QueryMapDisplay

RNG = np.random.default_rng(0)
PLANE = RNG.normal(size=(60, 2))


def taught(*rounds):
    """Stands for a fitted learner."""
    history = [{"indices": np.asarray(rows, dtype=np.intp)} for rows in rounds]
    return SimpleNamespace(history_=history)


def offsets(collection):
    return np.asarray(collection.get_offsets())


def legend_texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_picks_stand_where_their_rows_are(learner, iris):
    X, _ = iris
    display = QueryMapDisplay.from_estimator(learner, X)
    points = PCA(2, random_state=0).fit_transform(X)
    assert len(display.picks_) == 4
    for picks, row in zip(display.picks_, learner.history_, strict=True):
        np.testing.assert_allclose(offsets(picks), points[row["indices"]])
    [pool] = display.pool_
    rest = np.delete(points, learner.labeled_indices_, axis=0)
    np.testing.assert_allclose(offsets(pool), rest)
    assert pool.get_rasterized()
    assert legend_texts(display) == [
        "Pool",
        "Initial batch",
        "Round 1",
        "Round 2",
        "Round 3",
    ]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("PCA 1", "PCA 2")


def test_two_columns_are_the_map():
    table = pd.DataFrame(PLANE, columns=["height", "width"])
    display = QueryMapDisplay.from_estimator(taught([5, 3], [0]), table)
    np.testing.assert_array_equal(offsets(display.picks_[0]), PLANE[[5, 3]])
    assert display.ax_.get_xlabel() == "height"
    plain = QueryMapDisplay.from_estimator(taught([5, 3]), PLANE.tolist())
    assert plain.ax_.get_ylabel() == "Feature 2"
    sparse = QueryMapDisplay.from_estimator(taught([5, 3]), sp.csr_array(PLANE))
    np.testing.assert_array_equal(offsets(sparse.picks_[0]), PLANE[[5, 3]])


def test_images_are_flattened_and_sparse_is_not_densified():
    images = RNG.normal(size=(60, 3, 2, 2)).astype(np.float32)
    expected = PCA(2, random_state=0).fit_transform(images.reshape(60, 12))
    display = QueryMapDisplay.from_estimator(taught([7], [8]), images)
    np.testing.assert_allclose(offsets(display.picks_[1]), expected[[8]], rtol=1e-5)
    sparse = sp.random(60, 40, density=0.2, random_state=0, format="coo")
    expected = TruncatedSVD(2, random_state=0).fit_transform(sparse)
    display = QueryMapDisplay.from_estimator(taught([7]), sparse)
    assert display.ax_.get_xlabel() == "TruncatedSVD 1"
    np.testing.assert_allclose(offsets(display.picks_[0]), expected[[7]])


def test_a_transformer_is_cloned_and_seeded():
    X = RNG.normal(size=(60, 6))
    transformer = make_pipeline(StandardScaler(), PCA(2, svd_solver="randomized"))
    first = QueryMapDisplay.from_estimator(taught([1]), X, transformer=transformer)
    second = QueryMapDisplay.from_estimator(taught([1]), X, transformer=transformer)
    np.testing.assert_array_equal(first.points, second.points)
    assert not hasattr(transformer[0], "mean_")
    assert transformer[1].random_state is None
    assert first.ax_.get_xlabel() == "PCA 1"


def test_texts_need_a_transformer():
    texts = [f"word{i % 7} word{i % 3}" for i in range(30)]
    with pytest.raises(
        TypeError, match=r"(?s)X cannot be drawn.* transformer .*TfidfVec"
    ):
        QueryMapDisplay.from_estimator(taught([1]), texts)
    transformer = make_pipeline(TfidfVectorizer(), TruncatedSVD(2))
    display = QueryMapDisplay.from_estimator(
        taught([1], [2]), texts, transformer=transformer
    )
    assert display.points.shape == (30, 2)


@pytest.mark.parametrize(
    ("X", "transformer", "error", "message"),
    [
        (np.zeros((60, 1)), None, ValueError, r"X has the shape \(60, 1\)"),
        (np.zeros(60), None, ValueError, r"X has the shape \(60,\)"),
        (np.full((60, 3), np.nan), None, TypeError, "X cannot be drawn.*NaN"),
        (PLANE, PCA, TypeError, "transformer is .*an instance"),
        (PLANE, "pca", TypeError, "transformer is 'pca'"),
        (RNG.normal(size=(60, 5)), PCA(3), ValueError, r"the shape \(60, 3\)"),
        (PLANE, FunctionTransformer(lambda X: X[1:]), ValueError, r"\(59, 2\)"),
        (PLANE, FunctionTransformer(lambda X: X * np.inf), ValueError, "two finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(X, transformer, error, message):
    with pytest.raises(error, match=message):
        QueryMapDisplay.from_estimator(taught([1]), X, transformer=transformer)


def test_another_pool_is_refused(learner, iris):
    with pytest.raises(ValueError, match=r"X has 20 rows and row .* was picked"):
        QueryMapDisplay.from_estimator(learner, iris[0][:20])
    with pytest.raises(ValueError, match="points has 60 rows and row 60 was picked"):
        QueryMapDisplay(PLANE, [[60]]).plot()


def test_what_is_no_fitted_learner_is_refused(learner, iris):
    with pytest.raises(ValueError, match="not fitted"):
        QueryMapDisplay.from_estimator(clone(learner), iris[0])
    with pytest.raises(TypeError, match=r"QueryMapDisplay.from_estimator needs a fit"):
        QueryMapDisplay.from_estimator(learner.estimator_, iris[0])


def test_rounds_get_darker():
    display = QueryMapDisplay(PLANE, [[0], [1], [2], [3], [4]]).plot()
    colors = [picks.get_facecolor()[0][:3] for picks in display.picks_[1:]]
    luminance = np.array(colors) @ (0.299, 0.587, 0.114)
    assert (np.diff(luminance) < -0.05).all()
    initial, first = display.picks_[:2]
    vertices = [len(p.get_paths()[0].vertices) for p in (initial, first)]
    assert vertices[0] != vertices[1]  # a star and a disk


def test_many_rounds_have_a_color_bar():
    few = QueryMapDisplay(PLANE, [[i] for i in range(7)]).plot()
    assert few.colorbar_ is None
    assert len(legend_texts(few)) == 8
    many = QueryMapDisplay(PLANE, [[i] for i in range(31)]).plot()
    assert legend_texts(many) == ["Pool", "Initial batch"]
    assert (many.colorbar_.vmin, many.colorbar_.vmax) == (0.5, 30.5)
    assert many.colorbar_.ax.get_ylabel() == "Round"
    for number in (1, 17, 30):
        expected = many.colorbar_.mappable.to_rgba(number)
        drawn = many.picks_[number].get_facecolor()[0]
        np.testing.assert_allclose(drawn, expected)


@pytest.mark.parametrize("n_rounds", [3, 30])
def test_the_legend_does_not_cover_the_data(given_ax, n_rounds):
    picks = [[i] for i in range(n_rounds + 1)]
    display = QueryMapDisplay(PLANE, picks).plot(given_ax)
    given_ax.figure.draw_without_rendering()
    left = display.legend_.get_window_extent().x0
    assert left >= given_ax.get_window_extent().x1
    if display.colorbar_ is not None:
        assert left >= display.colorbar_.ax.get_tightbbox().x1


def test_initial_batch_only_and_empty_rounds():
    display = QueryMapDisplay(PLANE, [[4, 5]]).plot()
    assert legend_texts(display) == ["Pool", "Initial batch"]
    display = QueryMapDisplay(PLANE, [[4, 5], []]).plot()
    assert len(offsets(display.picks_[1])) == 0


def test_everything_picked():
    display = QueryMapDisplay(PLANE, [np.arange(30), np.arange(30, 60)]).plot()
    assert len(offsets(display.pool_[0])) == 0


def test_a_large_pool_is_thinned_and_keeps_its_picks():
    points = np.random.default_rng(0).normal(size=(30_000, 2))
    picks = [np.arange(50), np.arange(29_900, 30_000)]
    display = QueryMapDisplay(points, picks).plot()
    drawn = offsets(display.pool_[0])
    assert len(drawn) == 20_000
    np.testing.assert_array_equal(offsets(display.picks_[1]), points[29_900:])
    again = QueryMapDisplay(points, picks).plot()
    np.testing.assert_array_equal(offsets(again.pool_[0]), drawn)
    assert not np.array_equal(drawn, points[50:20_050])


def test_classes_have_shades_and_shapes(iris, learner):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    display = QueryMapDisplay.from_estimator(learner, X, y=names)
    assert legend_texts(display)[:3] == [f"Pool: {name}" for name in np.unique(names)]
    points = PCA(2, random_state=0).fit_transform(X)
    rest = np.setdiff1d(np.arange(150), learner.labeled_indices_)
    for number, pool in enumerate(display.pool_):
        expected = points[rest[y[rest] == number]]
        np.testing.assert_allclose(offsets(pool), expected)
    display = QueryMapDisplay(PLANE, [[0]], y=np.arange(60) % 12).plot()
    looks = {
        (tuple(pool.get_facecolor()[0]), pool.get_paths()[0].vertices.tobytes())
        for pool in display.pool_
    }
    assert len(looks) == 12


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(59), "y has 59 labels .* the pool 60 rows"),
        (np.arange(60) % 13, "60 labels of 13 classes.* at most 12 classes"),
        ([None] * 60, "y has a missing label"),
    ],
)
def test_bad_classes_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        QueryMapDisplay.from_estimator(taught([1]), PLANE, y=y)


def test_a_learner_that_was_taught(iris):
    X, y = iris
    labels = np.where(np.arange(150) % 15 == 0, y, -1)
    learner = ActiveLearner(LogisticRegression(max_iter=500)).teach(X, labels)
    picked = learner.query(5)
    labels[picked] = y[picked]
    display = QueryMapDisplay.from_estimator(learner.teach(X, labels), X)
    points = PCA(2, random_state=0).fit_transform(X)
    np.testing.assert_allclose(offsets(display.picks_[1]), points[picked])


def test_artists_take_options():
    display = QueryMapDisplay(PLANE, [[0], [1]]).plot(
        cmap="Greys", pool_kw={"s": 1, "c": "red"}, pick_kw={"s": 99, "marker": "v"}
    )
    assert display.pool_[0].get_sizes() == [1]
    np.testing.assert_allclose(display.pool_[0].get_facecolor()[0][:3], (1, 0, 0))
    assert [picks.get_sizes() for picks in display.picks_] == [[99], [99]]
