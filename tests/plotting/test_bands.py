"""The sub-pools of a strategy: a band where a round chose, points at its picks."""

import pickle
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal import ActiveLearner
from skal.functional import sub_pool
from skal.plotting import QueryMapDisplay
from skal.strategies import BAL, PT4AL, MarginSampling, Partitioned

SIZES = {"n_initial": 12, "query_size": 6, "n_rounds": 3, "random_state": 0}


def make_learner(strategy=None, initial="strategy", **params):
    strategy = BAL(balance=1.0) if strategy is None else strategy
    model = LogisticRegression(max_iter=500)
    return ActiveLearner(model, strategy, initial=initial, **{**SIZES, **params})


def offsets(collection):
    return np.asarray(collection.get_offsets())


def extent(band):
    """Left, right, top and bottom of a band."""
    corners = band.get_paths()[0].vertices
    return [*corners[:, 0][[0, 2]], *corners[:, 1][[0, 2]]]


def lane_names(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def luminance(color):
    return np.asarray(color)[..., :3] @ (0.299, 0.587, 0.114)


def assert_picks_stand_at_their_position(display, learner):
    order = learner.strategy_.order_.tolist()
    assert len(display.picks_) == len(learner.history_)
    for lane, row in enumerate(learner.history_):
        expected = [order.index(pick) for pick in row["indices"]]
        x, y = offsets(display.picks_[lane]).T
        np.testing.assert_array_equal(np.sort(x), np.sort(expected))
        assert (abs(y - lane) < 0.4).all()  # inside the band


# What is drawn ------------------------------------------------------------------------


def test_a_worked_example():
    points = np.column_stack([[3, 0, 4, 1, 5, 2], [0.5, 0, 0.5, 1, 0.25, 0.5]])
    display = QueryMapDisplay(points, [[1, 3], [4]], bands=[None, (2, 6)]).plot()
    first, second = display.bands_
    assert first is None
    assert extent(second) == pytest.approx([1.5, 5.5, 0.6, 1.4])
    np.testing.assert_allclose(offsets(display.picks_[0]), [[0, -0.3], [1, 0.3]])
    np.testing.assert_allclose(offsets(display.picks_[1]), [[5, 0.85]])
    assert lane_names(display) == ["Initial batch", "Round 1"]
    bottom, top = display.ax_.get_ylim()
    assert (bottom, top) == (1.5, -0.5)  # time goes down
    assert display.pool_ == []
    assert display.legend_ is None
    assert display.colorbar_ is None


@pytest.mark.parametrize("initial", ["strategy", "random"])
@pytest.mark.parametrize("balance", [0.5, 1.0, 2.0])
def test_each_round_has_its_band_and_its_picks(iris, initial, balance):
    X, y = iris
    learner = make_learner(BAL(balance=balance), initial).fit(X, y)
    display = QueryMapDisplay.from_estimator(learner, X)
    assert_picks_stand_at_their_position(display, learner)
    if initial == "strategy":
        expected = [sub_pool(slot, 4, 150, balance) for slot in range(4)]
    else:
        expected = [None, *(sub_pool(slot, 3, 150, balance) for slot in range(3))]
    assert display.bands == expected
    for band, part in zip(display.bands_, expected, strict=True):
        assert (band is None) == (part is None)
        if band is not None:
            np.testing.assert_allclose(extent(band)[:2], np.subtract(part, 0.5))
    assert lane_names(display) == ["Initial batch", "Round 1", "Round 2", "Round 3"]
    name = "Position in the order, hardest first"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == (name, "")


def test_an_order_from_easy_to_hard_is_called_so(iris):
    learner = make_learner(BAL(descending=True)).fit(*iris)
    display = QueryMapDisplay.from_estimator(learner, iris[0])
    assert display.ax_.get_xlabel() == "Position in the order, easiest first"


def test_picks_of_a_round_keep_apart():
    n, rng = 4000, np.random.default_rng(0)
    order = rng.permutation(n)
    picks = [rng.permutation(order[:200]), rng.permutation(order[1000:3000:10])]
    learner = run_of(picks, order, {0: (1000, 3000)})
    points = QueryMapDisplay.from_estimator(learner, np.zeros((n, 1))).points
    for row in learner.history_:
        places, heights = points[row["indices"]].T
        assert ((heights >= 0) & (heights < 1)).all()
        counts, _ = np.histogram(heights, bins=10, range=(0, 1))
        assert (abs(counts - 20) <= 2).all()
        assert abs(np.diff(heights[np.argsort(places)])).min() > 0.3  # of neighbors


def test_bands_are_pale_and_get_darker_with_their_picks():
    points = np.column_stack([np.arange(60), np.full(60, 0.5)])
    picks = [[i] for i in range(0, 60, 10)]
    bands = [(i, i + 10) for i in range(0, 60, 10)]
    display = QueryMapDisplay(points, picks, bands=bands).plot()
    of_picks = [luminance(p.get_facecolor()[0]) for p in display.picks_]
    of_bands = [luminance(b.get_facecolor()[0]) for b in display.bands_]
    assert (np.diff(of_picks[1:]) < -0.05).all()
    assert (np.diff(of_bands[1:]) < 0).all()
    assert (np.array(of_bands) > np.array(of_picks) + 0.05).all()
    assert min(of_bands) > 0.65
    on_map = QueryMapDisplay(points, picks).plot()
    for lane, point in zip(display.picks_[1:], on_map.picks_[1:], strict=True):
        np.testing.assert_allclose(lane.get_facecolor(), point.get_facecolor())


def test_bands_are_there_to_restyle():
    points = np.column_stack([np.arange(9), np.full(9, 0.5)])
    display = QueryMapDisplay(points, [[0], [4]], bands=[None, (3, 6)])
    display.plot(cmap="Greys", pick_kw={"s": 99, "c": "red", "marker": "v"})
    assert [picks.get_sizes() for picks in display.picks_] == [[99], [99]]
    np.testing.assert_allclose(display.picks_[1].get_facecolor()[0][:3], (1, 0, 0))
    display.bands_[1].set_facecolor("red")
    np.testing.assert_allclose(display.bands_[1].get_facecolor()[0][:3], (1, 0, 0))
    assert display.plot() is display


# How much is drawn --------------------------------------------------------------------


def run_of(picks, order, sub_pools, initial="random", done=None):
    """Stands for a fitted learner with a strategy that has sub-pools."""
    done = len(picks) - (initial == "random") if done is None else done
    pool = SimpleNamespace(round=done)
    strategy = SimpleNamespace(order_=order, sub_pools_=sub_pools, _pool=pool)
    history = [{"indices": np.asarray(rows, dtype=np.intp)} for rows in picks]
    return SimpleNamespace(history_=history, strategy_=strategy, initial=initial)


def test_of_a_million_rows_few_are_drawn():
    n, rng = 1_000_000, np.random.default_rng(0)
    order = rng.permutation(n)
    bands = {number: sub_pool(number, 31, n, 1.0) for number in range(31)}
    picks = [order[start:stop:4] for start, stop in bands.values()]
    learner = run_of(picks, order, bands, "strategy")
    display = QueryMapDisplay.from_estimator(learner, np.zeros((n, 1)))
    drawn = [len(offsets(picks)) for picks in display.picks_]
    assert 15_000 < sum(drawn) <= 20_000
    assert len(set(drawn)) == 1
    names = lane_names(display)
    assert (names[0], names[-1], len(names)) == ("Initial batch", "Round 30", 31)
    label = display.ax_.xaxis.get_major_formatter()(1_000_000)
    assert label == "1,000,000"


@pytest.mark.parametrize(("n", "n_rounds"), [(50, 2), (50, 30), (5000, 25), (200, 0)])
@pytest.mark.parametrize("size", [None, (6, 2.5)])
def test_names_of_lanes_do_not_overlap(n, n_rounds, size):
    from matplotlib.figure import Figure

    points = np.column_stack([np.arange(n), np.full(n, 0.5)])
    picks = [[i] for i in range(n_rounds + 1)]
    bands = [sub_pool(i, n_rounds + 1, n, 1.5) for i in range(n_rounds + 1)]
    ax = size and Figure(size, layout="constrained").subplots()
    display = QueryMapDisplay(points, picks, bands=bands).plot(ax)
    display.figure_.draw_without_rendering()
    boxes = [name.get_window_extent() for name in display.ax_.get_yticklabels()]
    for above, below in pairwise(boxes):
        assert above.y0 >= below.y1
    names = lane_names(display)
    assert names[0] == "Initial batch"
    assert size or len(names) == n_rounds + 1
    for tick, name in zip(display.ax_.get_yticks(), names, strict=True):
        assert name == (f"Round {tick:.0f}" if tick else "Initial batch")


def test_dense_picks_are_smaller():
    points = np.column_stack([np.arange(2000), np.full(2000, 0.5)])
    bands = [None, (0, 2000)]
    few, many = (
        QueryMapDisplay(points, [[], np.arange(0, 2000, step)], bands=bands).plot()
        for step in (100, 1)
    )
    assert len(offsets(few.picks_[0])) == 0
    assert few.picks_[1].get_sizes() == [30]
    assert 5 <= many.picks_[1].get_sizes()[0] < 15


# When there are bands -----------------------------------------------------------------


def test_a_pipeline_a_search_and_a_frozen_learner_have_bands(iris):
    X, y = iris
    expected = [sub_pool(slot, 4, 150, 1.0) for slot in range(4)]
    pipeline = make_pipeline(StandardScaler(), make_learner()).fit(X, y)
    search = GridSearchCV(make_learner(), {"n_rounds": [3]}, cv=2).fit(X, y)
    frozen = FrozenEstimator(make_learner().fit(X, y))
    loaded = pickle.loads(pickle.dumps(pipeline))
    for holder in (pipeline, search, frozen, loaded):
        assert QueryMapDisplay.from_estimator(holder, X).bands == expected
    display = QueryMapDisplay.from_estimator(pipeline, X)
    assert_picks_stand_at_their_position(display, pipeline[-1])


def test_pt4al_has_bands():
    class Task(FunctionTransformer):
        def sample_losses(self, X):
            return -X[:, 0]

    X = np.random.default_rng(0).normal(size=(40, 2))
    strategy = PT4AL(representation=Task())
    learner = make_learner(strategy, n_initial=4, query_size=4)
    learner.fit(X, (X[:, 1] > 0).astype(int))
    display = QueryMapDisplay.from_estimator(learner, X)
    assert display.bands == [(0, 10), (10, 20), (20, 30), (30, 40)]
    np.testing.assert_array_equal(np.argsort(display.points[:, 0]), np.argsort(X[:, 0]))


def test_an_initial_strategy_of_its_own_is_not_the_strategy(iris):
    learner = make_learner(initial=BAL(balance=1.0)).fit(*iris)
    display = QueryMapDisplay.from_estimator(learner, iris[0])
    assert display.bands == [None, (0, 50), (50, 100), (100, 150)]


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        (MarginSampling(), {}),
        (Partitioned(BAL(), n_partitions=2), {}),
        (BAL(), {"transformer": PCA(2)}),
        (BAL(), {"y": np.arange(150) % 3}),
        (BAL(), {"bands": False}),
    ],
)
def test_otherwise_it_is_a_map(iris, strategy, options):
    learner = make_learner(strategy, "random").fit(*iris)
    display = QueryMapDisplay.from_estimator(learner, iris[0], **options)
    assert display.bands is None
    assert display.bands_ == []
    assert display.ax_.get_xlabel() == "PCA 1"
    points = PCA(2, random_state=0).fit_transform(iris[0])
    for picks, row in zip(display.picks_, learner.history_, strict=True):
        np.testing.assert_allclose(offsets(picks), points[row["indices"]])
    assert display.legend_ is not None


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (MarginSampling(), {"bands": True}, "its strategy, MarginSampling, has no sub"),
        (Partitioned(BAL(), n_partitions=2), {"bands": True}, "Partitioned, has no"),
        (
            BAL(),
            {"bands": True, "transformer": PCA(2)},
            "transformer and y have no use",
        ),
        (BAL(), {"bands": True, "y": np.zeros(150)}, "bands=False for a map"),
        (BAL(), {"bands": "all"}, "bands is 'all': give 'auto', True or False"),
        (BAL(), {"bands": None}, "bands is None"),
    ],
)
def test_bands_that_cannot_be_drawn_are_refused(iris, strategy, options, message):
    learner = make_learner(strategy, "random").fit(*iris)
    with pytest.raises(ValueError, match=message):
        QueryMapDisplay.from_estimator(learner, iris[0], **options)


def test_another_pool_and_uneven_bands_are_refused(iris):
    X, _ = iris
    learner = make_learner().fit(*iris)
    with pytest.raises(ValueError, match="X has 300 rows and the strategy ordered 150"):
        QueryMapDisplay.from_estimator(learner, np.vstack([X, X]))
    with pytest.raises(ValueError, match="bands has 1 entries and picks 2"):
        QueryMapDisplay(X[:, :2], [[0], [1]], bands=[None]).plot()


# By hand ------------------------------------------------------------------------------


def play(learner, X, y, labels, n_queries):
    for _ in range(n_queries):
        picked = learner.query()
        labels[picked] = y[picked]
        learner.teach(X, labels)


@pytest.mark.parametrize("initial", ["strategy", "random"])
def test_a_learner_that_was_taught_and_asked_again(iris, initial):
    X, y = iris
    learner, labels = make_learner(initial=initial), np.full(150, -1)
    play(learner.teach(X, labels), X, y, labels, 3)
    learner.query()  # nobody has answered yet
    display = QueryMapDisplay.from_estimator(learner, X)
    assert_picks_stand_at_their_position(display, learner)
    known = learner.strategy_.sub_pools_
    expected = [known[0], known[1], known[2]]
    if initial == "random":
        expected = [None, known[0], known[1]]
    assert len(known) == len([band for band in expected if band]) + 1
    assert display.bands == expected


def test_labels_in_parts_have_no_bands(iris):
    X, y = iris
    learner, labels = make_learner(), np.full(150, -1)
    play(learner.teach(X, labels), X, y, labels, 2)
    picked = learner.query()
    for part in (picked[:2], picked[2:]):
        labels[part] = y[part]
        learner.teach(X, labels)
        assert QueryMapDisplay.from_estimator(learner, X).bands is None
        with pytest.raises(ValueError, match="not handed in as they were asked for"):
            QueryMapDisplay.from_estimator(learner, X, bands=True)


def test_before_the_first_round_is_over_there_are_no_bands(iris):
    X, y = iris
    learner, labels = make_learner(initial="random"), np.full(150, -1)
    play(learner.teach(X, labels), X, y, labels, 1)
    learner.query()
    assert QueryMapDisplay.from_estimator(learner, X).bands is None
    with pytest.raises(ValueError, match="no round of its strategy is over yet"):
        QueryMapDisplay.from_estimator(learner, X, bands=True)
