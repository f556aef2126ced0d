"""Budget curves and sampling bias: what is drawn is what the table says."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.plotting import BudgetCurveDisplay, SamplingBiasDisplay

BOTH = pytest.mark.parametrize(
    ("display_class", "column"),
    [(BudgetCurveDisplay, "accuracy"), (SamplingBiasDisplay, "sampling_bias")],
)


def shared_runs(results, name, column):
    """Runs of a strategy, (repeats, rounds that all have), row by row."""
    group = results[results["strategy"] == name]
    runs = [rows.sort_values("round") for _, rows in group.groupby("repeat")]
    n = min(map(len, runs))
    return np.array([rows[column].to_list()[:n] for rows in runs])


def band_edges(band):
    """Lower and upper edge of a band by its budgets."""
    vertices = band.get_paths()[0].vertices
    edges = {}
    for x, y in vertices:
        edges.setdefault(x, []).append(y)
    return {x: (min(ys), max(ys)) for x, ys in edges.items()}


def legend_texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def legend_title(display):
    return display.legend_.get_title().get_text()


@BOTH
@pytest.mark.parametrize("budget", ["n_labeled", "cost"])
@pytest.mark.parametrize("unequal", [False, True])
def test_lines_are_means_over_the_rounds_that_all_repeats_have(
    make_table, display_class, column, budget, unequal
):
    results = make_table(unequal=unequal)
    shuffled = results.sample(frac=1, random_state=0).sort_values(
        "strategy", kind="stable"
    )
    display = display_class.from_results(shuffled, budget=budget)
    for name, line in zip(["Margin", "Random"], display.lines_, strict=True):
        assert line.get_label() == name
        x = shared_runs(results, name, budget).mean(axis=0)
        y = shared_runs(results, name, column).mean(axis=0)
        assert len(x) == 4 - unequal
        np.testing.assert_allclose(line.get_xdata(), x)
        np.testing.assert_allclose(line.get_ydata(), y)
    expected = {"n_labeled": "Labels bought", "cost": "Labels paid for"}[budget]
    assert display.ax_.get_xlabel() == expected


@BOTH
@pytest.mark.parametrize("spread", ["sem", "std", "range"])
def test_bands_are_the_spread_of_the_repeats(make_table, display_class, column, spread):
    results = make_table(n_repeats=4)
    display = display_class.from_results(results, spread=spread)
    for name, line, band in zip(
        ["Margin", "Random"], display.lines_, display.bands_, strict=True
    ):
        edges = band_edges(band)
        for x, run in zip(
            line.get_xdata(), shared_runs(results, name, column).T, strict=True
        ):
            mean = sum(run) / 4
            deviation = (sum((v - mean) ** 2 for v in run) / 3) ** 0.5
            width = {"sem": deviation / 2, "std": deviation}.get(spread)
            expected = (
                (min(run), max(run))
                if spread == "range"
                else (mean - width, mean + width)
            )
            assert edges[x] == pytest.approx(expected)
    words = {
        "sem": "standard error",
        "std": "standard deviation",
        "range": "lowest to highest",
    }
    assert legend_title(display) == f"Mean of 4 runs,\nband: {words[spread]}"


def test_without_spread_there_is_no_band_and_no_word_of_one(make_table):
    display = BudgetCurveDisplay.from_results(make_table(), spread=None)
    assert display.bands_ == [None, None]
    assert not display.ax_.collections
    assert legend_title(display) == "Mean of 3 runs"


@BOTH
def test_one_repeat_has_no_band(make_table, display_class, column):
    results = make_table(n_repeats=1)
    display = display_class.from_results(results)
    assert display.bands_ == [None, None]
    assert legend_title(display) == "One run a strategy"
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), results[column][:4])


def test_a_strategy_of_one_repeat_beside_others(make_table):
    results = make_table()
    results = results[(results["strategy"] == "Margin") | (results["repeat"] == 0)]
    display = BudgetCurveDisplay.from_results(results)
    assert display.bands_[0] is not None
    assert display.bands_[1] is None
    assert legend_title(display).startswith("Mean of 1 to 3 runs")


@BOTH
def test_one_strategy_and_one_round(make_table, display_class, column):
    display = display_class.from_results(make_table(["Margin"], n_rounds=1))
    assert len(display.lines_[0].get_xdata()) == 1
    assert legend_texts(display) == ["Margin"]


@BOTH
def test_twelve_strategies_differ_without_their_colors(
    make_table, twelve, display_class, column
):
    display = display_class.from_results(make_table(twelve, unequal=True))
    assert legend_texts(display) == twelve
    looks = {
        (line.get_marker(), str(line._unscaled_dash_pattern)) for line in display.lines_
    }
    assert len(looks) == 12
    assert len({line.get_marker() for line in display.lines_}) == 12


def test_the_thirteenth_strategy_still_has_a_look_of_its_own(make_table):
    names = [f"S{number}" for number in range(24)]
    display = BudgetCurveDisplay.from_results(make_table(names, n_repeats=1))
    looks = {
        (line.get_marker(), line.get_color(), str(line._unscaled_dash_pattern))
        for line in display.lines_
    }
    assert len(looks) == 24


@pytest.mark.parametrize("name", ["Random", "random", "RandomSampling", "RANDOM"])
def test_random_sampling_looks_the_same_everywhere(make_table, name):
    first = BudgetCurveDisplay.from_results(make_table([name, "A"])).lines_
    last = BudgetCurveDisplay.from_results(make_table(["A", "B", name])).lines_
    assert first[0].get_color() == last[2].get_color() == "#222222"
    assert first[0].get_marker() == last[2].get_marker() == "x"
    assert first[1].get_color() == last[0].get_color() != last[1].get_color()


def test_long_runs_have_few_markers(make_table):
    display = BudgetCurveDisplay.from_results(make_table(n_rounds=60, n_repeats=2))
    start, step = display.lines_[1].get_markevery()
    assert len(range(start, 60, step)) <= 12
    assert start == 1  # not on those of the first line
    assert display.lines_[0].get_markevery() == (0, step)
    short = BudgetCurveDisplay.from_results(make_table(n_rounds=5, n_repeats=2))
    assert short.lines_[1].get_markevery() == (0, 1)


def test_labels_in_words(make_table):
    results = make_table().rename(columns={"accuracy": "f1_macro"})
    display = BudgetCurveDisplay.from_results(results, budget="fit_time")
    assert display.ax_.get_ylabel() == "F1 macro"
    assert display.ax_.get_xlabel() == "Fit time"


def test_line_kw_overrides_the_looks_and_the_band_follows(make_table):
    display = BudgetCurveDisplay.from_results(
        make_table(), line_kw={"c": "red", "lw": 5}
    )
    assert {line.get_color() for line in display.lines_} == {"red"}
    assert {line.get_linewidth() for line in display.lines_} == {5}
    np.testing.assert_allclose(display.bands_[0].get_facecolor()[0][:3], (1, 0, 0))


def test_a_score_is_chosen(make_table):
    results = make_table().assign(f1=0.25)
    with pytest.raises(ValueError, match=r"2 columns .* score="):
        BudgetCurveDisplay.from_results(results)
    display = BudgetCurveDisplay.from_results(results, score="f1")
    np.testing.assert_allclose(display.lines_[0].get_ydata(), 0.25)


def test_bias_starts_at_zero(make_table):
    display = SamplingBiasDisplay.from_results(make_table())
    assert display.ax_.get_ylim()[0] == 0
    assert display.ax_.get_ylim()[1] > 0.1
    assert display.ax_.get_ylabel() == "Sampling bias (0 = even, 1 = one class)"


@BOTH
def test_bad_tables_are_refused(make_table, display_class, column):
    results = make_table()
    with pytest.raises(TypeError, match="results is a list"):
        display_class.from_results([])
    with pytest.raises(ValueError, match=f"'{column}'|0 columns"):
        display_class.from_results(results.drop(columns=column))
    with pytest.raises(ValueError, match="budget is 'labels'"):
        display_class.from_results(results, budget="labels")
    with pytest.raises(ValueError, match=r"spread is 'iqr'.*'sem', 'std', 'range'"):
        display_class.from_results(results, spread="iqr")
    results.loc[2, column] = np.nan
    with pytest.raises(ValueError, match=f"no finite '{column}' for 'Margin'"):
        display_class.from_results(results)


@BOTH
@pytest.mark.parametrize("curves", [{}, [1, 2], None])
def test_bad_curves_are_refused(display_class, column, curves):
    with pytest.raises(ValueError, match=r"curves is .* by strategy and repeat"):
        display_class(curves).plot()


def test_made_of_plain_data(given_ax):
    curves = {"A": {0: ([1, 2], [0.25, 0.5]), 1: ([1, 2, 3], [0.75, 1.0, 1.0])}}
    display = BudgetCurveDisplay(curves, score_name="recall").plot(given_ax)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [0.5, 0.75])
    assert display.curves is curves
    assert given_ax.get_ylabel() == "Recall"


# Learners


def test_a_learner_is_a_line(learner):
    display = BudgetCurveDisplay.from_estimator(learner)
    [line] = display.lines_
    assert line.get_xdata().tolist() == [10, 15, 20, 25]
    assert line.get_ydata().tolist() == [row["accuracy"] for row in learner.history_]
    assert legend_texts(display) == ["MarginSampling"]
    assert legend_title(display) == "One run a strategy"
    assert display.ax_.get_ylabel() == "Accuracy"


def test_the_bias_of_a_learner(learner):
    display = SamplingBiasDisplay.from_estimator(learner, name="m", budget="cost")
    bias = [row["sampling_bias"] for row in learner.history_]
    assert display.lines_[0].get_ydata().tolist() == bias
    assert legend_texts(display) == ["m"]
    assert display.ax_.get_xlabel() == "Labels paid for"


def test_a_learner_in_a_pipeline(learner, iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), clone(learner))
    pipeline.fit(X, y, activelearner__X_val=X, activelearner__y_val=y)
    history = pipeline[-1].history_
    line = BudgetCurveDisplay.from_estimator(pipeline).lines_[0]
    assert line.get_ydata().tolist() == [row["accuracy"] for row in history]


def test_a_learner_that_was_taught_has_bias_and_no_score(iris):
    X, y = iris
    labels = np.where(np.arange(len(y)) % 15 == 0, y, -1)
    learner = ActiveLearner(LogisticRegression(max_iter=500)).teach(X, labels)
    display = SamplingBiasDisplay.from_estimator(learner)
    assert display.lines_[0].get_xdata().tolist() == [10]
    assert legend_texts(display) == ["RandomSampling"]
    for score in (None, "accuracy"):
        with pytest.raises(ValueError, match=r"no score .* X_val and y_val, by `scori"):
            BudgetCurveDisplay.from_estimator(learner, score=score)


@BOTH
def test_what_is_no_fitted_learner_is_refused(learner, display_class, column):
    with pytest.raises(ValueError, match="not fitted"):
        display_class.from_estimator(clone(learner))
    with pytest.raises(
        TypeError, match=f"{display_class.__name__}.from_estimator need"
    ):
        display_class.from_estimator(learner.estimator_)


def test_two_learners_on_the_same_axes(learner, iris):
    first = BudgetCurveDisplay.from_estimator(learner)
    second = BudgetCurveDisplay.from_estimator(learner, name="again", ax=first.ax_)
    assert second.figure_.legends == [second.legend_]
    assert second.ax_.get_legend() is None
    assert legend_texts(second) == ["MarginSampling", "again"]
    assert legend_title(second) == "One run a strategy"
    assert first.lines_[0].get_color() != second.lines_[0].get_color()


def test_random_sampling_takes_no_look_from_the_others(make_table, given_ax):
    BudgetCurveDisplay.from_results(make_table(["random"]), ax=given_ax)
    second = BudgetCurveDisplay.from_results(make_table(["A"]), ax=given_ax)
    alone = BudgetCurveDisplay.from_results(make_table(["A"]))
    assert second.lines_[0].get_color() == alone.lines_[0].get_color()


def test_a_title_that_is_not_true_of_all_lines_goes(learner, make_table, given_ax):
    BudgetCurveDisplay.from_results(make_table(), ax=given_ax)
    display = BudgetCurveDisplay.from_estimator(learner, ax=given_ax)
    assert legend_title(display) == ""
    assert len(legend_texts(display)) == 3


def test_a_legend_of_the_figure_that_is_not_ours_stays(learner, given_ax):
    theirs = given_ax.figure.legend([given_ax.plot([])[0]], ["theirs"])
    display = BudgetCurveDisplay.from_estimator(learner, ax=given_ax)
    assert given_ax.figure.legends == [theirs]
    assert legend_texts(display) == ["MarginSampling"]
