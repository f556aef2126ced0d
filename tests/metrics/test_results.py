"""What is read off learning curves: penalties, areas, labels saved."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skal.metrics import area_under_budget_curve, labels_saved, penalty_matrix


def make_results(curves):
    """Make a table of (budgets, (repeats, rounds)) for each name."""
    rows = [
        {
            "strategy": name,
            "repeat": repeat,
            "round": i,
            "n_labeled": n,
            "cost": 2 * n,
            "fit_time": 0.1,
            "accuracy": value,
        }
        for name, (budgets, runs) in curves.items()
        for repeat, run in enumerate(runs)
        for i, (n, value) in enumerate(zip(budgets, run, strict=True))
    ]
    return pd.DataFrame(rows)


A = np.array([[0.50, 0.6, 0.70], [0.52, 0.6, 0.71], [0.54, 0.6, 0.72]])
B = np.array([[0.40, 0.55, 0.71], [0.41, 0.65, 0.73], [0.45, 0.60, 0.74]])

# Penalty matrix ----------------------------------------------------------------------


def test_penalty_worked_example():
    penalty = penalty_matrix({"A": A, "B": B})
    expected = pd.DataFrame([[0, 1 / 3], [1 / 3, 0]], ["A", "B"], ["A", "B"])
    pd.testing.assert_frame_equal(penalty, expected)


def test_penalty_of_a_table_is_that_of_its_curves():
    table = make_results({"A": ([10, 20, 30], A), "B": ([10, 20, 30], B)})
    pd.testing.assert_frame_equal(
        penalty_matrix(table.sample(frac=1, random_state=0)).loc[
            ["A", "B"], ["A", "B"]
        ],
        penalty_matrix({"A": A, "B": B}),
    )


def test_rows_win():
    penalty = penalty_matrix({"good": A + 0.06, "bad": B})
    assert penalty.loc["good", "bad"] == 2 / 3  # the second round is too noisy
    assert penalty.loc["bad", "good"] == 0


def slow_penalty(a, b):
    wins = 0
    for i in range(a.shape[1]):
        t, p = stats.ttest_rel(a[:, i], b[:, i])
        wins += bool(p < 0.05 and t > 0)
    return wins / a.shape[1]


@given(st.integers(0, 10_000), st.integers(2, 7))
def test_penalty_slow_twin(seed, n_repeats):
    rng = np.random.default_rng(seed)
    curves = {
        name: gain + rng.normal(0, 0.02, (n_repeats, 6))
        for name, gain in {"a": 0.50, "b": 0.52, "c": 0.55}.items()
    }
    penalty = penalty_matrix(curves)
    for one in curves:
        for two in curves:
            expected = 0 if one == two else slow_penalty(curves[one], curves[two])
            assert penalty.loc[one, two] == pytest.approx(expected)


def test_equal_differences_have_no_spread():
    same = np.full((3, 2), 0.5)
    assert penalty_matrix({"a": same + 0.1, "b": same}).loc["a", "b"] == 1
    assert penalty_matrix({"a": same, "b": same.copy()}).to_numpy().sum() == 0
    nearly = same + np.array([1e-16, 0])
    assert penalty_matrix({"a": nearly, "b": same}).to_numpy().sum() == 0


def test_unequal_repeats_and_rounds_use_what_is_common():
    longer = np.vstack([A, A[:1]])
    more_rounds = np.hstack([B, [[9], [9], [9]]])
    penalty = penalty_matrix({"A": longer, "B": more_rounds})
    pd.testing.assert_frame_equal(penalty, penalty_matrix({"A": A, "B": B}))


def test_a_table_compares_at_equal_budgets():
    # b has the same curve, read at every second budget
    fine = np.array([[0.1, 0.3, 0.5, 0.7], [0.2, 0.4, 0.5, 0.8]])
    table = make_results(
        {"a": ([10, 20, 30, 40], fine), "b": ([10, 30], fine[:, [0, 2]] + 0.1)}
    )
    penalty = penalty_matrix(table)
    assert penalty.loc["b", "a"] == 1
    assert penalty.loc["a", "b"] == 0


def test_repeats_are_paired_by_number():
    one = make_results({"a": ([10, 20], [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])})
    other = one.assign(strategy="b", accuracy=one["accuracy"] - 0.01)
    later = pd.concat([one, other[other["repeat"] > 0].sort_values("repeat")])
    assert penalty_matrix(later).loc["a", "b"] == 1


def test_no_strategy_is_judged_beyond_its_budgets():
    table = make_results(
        {
            "a": ([10, 20, 30], [[0, 1, 1], [0, 1, 1.1]]),
            "b": ([20, 30, 40], [[0.5, 0.5, 9], [0.6, 0.5, 9]]),
        }
    )
    penalty = penalty_matrix(table, alpha=0.5)
    assert penalty.loc["a", "b"] == 1
    assert penalty.loc["b", "a"] == 0


def test_one_strategy_has_no_opponent():
    assert penalty_matrix({"a": A}).to_numpy().tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("curves", "says"),
    [
        ({"a": A[:1], "b": B}, "1 repeats that 'a' and 'b'"),
        ({"a": A, "b": [0.1, 0.2]}, r"curves\['b'\] has shape \(2,\)"),
        ({"a": A, "b": A * np.nan}, r"curves\['b'\]"),
        ({"a": A, "b": B[:, :0]}, r"curves\['b'\] has shape \(3, 0\)"),
    ],
)
def test_penalty_refuses(curves, says):
    with pytest.raises(ValueError, match=says):
        penalty_matrix(curves)


@pytest.mark.parametrize("alpha", [0, 1, 5])
def test_penalty_level_is_checked(alpha):
    with pytest.raises(ValueError, match="alpha"):
        penalty_matrix({"a": A, "b": B}, alpha=alpha)


# Area --------------------------------------------------------------------------------


def test_area_worked_example():
    area = area_under_budget_curve([100, 200, 400], [0.5, 0.7, 0.8])
    assert area == pytest.approx(0.7)
    assert isinstance(area, float)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.integers(0, 99))
def test_area_lies_between_the_scores(scores, seed):
    steps = np.random.default_rng(seed).integers(1, 50, len(scores))
    area = area_under_budget_curve(np.cumsum(steps), scores)
    assert min(scores) - 1e-12 <= area <= max(scores) + 1e-12


def test_area_of_a_table():
    table = make_results(
        {
            "b": ([100, 200, 400], [[0.5, 0.7, 0.8], [0.5, 0.5, 0.5]]),
            "a": ([100, 200, 400], [[0.9, 0.9, 0.9], [0.9, 0.9, 0.9]]),
        }
    )
    area = area_under_budget_curve(table)
    assert area.index.tolist() == ["a", "b"]  # best first
    assert area["b"] == pytest.approx(0.6)
    each = area_under_budget_curve(table, average=False)
    assert each.columns.tolist() == ["b", "a"]
    assert each["b"].tolist() == pytest.approx([0.7, 0.5])
    assert area_under_budget_curve(table, budget="cost")["b"] == pytest.approx(0.6)


def test_areas_compare_over_the_budgets_of_all():
    table = make_results(
        {"short": ([100, 200], [[0.5, 0.7]]), "long": ([100, 300], [[0.5, 0.9]])}
    )
    area = area_under_budget_curve(table)
    assert area["short"] == pytest.approx(area["long"]) == pytest.approx(0.6)


def test_areas_begin_where_the_last_curve_begins():
    table = make_results(
        {
            "a": ([100, 200, 290, 300], [[0, 1, 0, 1]]),
            "b": ([200, 250, 290, 320], [[1, 1, 1, 1]]),
        }
    )
    area = area_under_budget_curve(table)
    assert area["b"] == pytest.approx(1)
    assert area["a"] == pytest.approx(0.5)  # from 200 to 300 with all its corners


def test_curves_with_gaps_are_refused():
    table = make_results({"a": ([10, 20, 30], [[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])})
    gap = table[(table["repeat"] == 0) | (table["round"] != 1)]
    with pytest.raises(ValueError, match=r"rounds \[0, 2\] of 'a', repeat 1"):
        area_under_budget_curve(gap)
    assert len(area_under_budget_curve(table[table["round"] > 0])) == 1


@pytest.mark.parametrize(
    ("budgets", "scores", "says"),
    [
        ([100], [0.5], "two values"),
        ([100, 100], [0.5, 0.6], "ascending"),
        ([100, 200], [0.5], "shape"),
        ([100, 200], [0.5, np.nan], "NaN"),
        ([100, 200], None, "scores"),
    ],
)
def test_area_refuses_arrays(budgets, scores, says):
    with pytest.raises(ValueError, match=says):
        area_under_budget_curve(budgets, scores)


def test_area_refuses_tables():
    table = make_results({"a": ([100], [[0.5]])})
    with pytest.raises(ValueError, match="no range of budgets"):
        area_under_budget_curve(table)
    with pytest.raises(ValueError, match="score="):
        area_under_budget_curve(table, [0.5])


# Labels saved ------------------------------------------------------------------------

CURVES = {
    "random": ([100, 200, 300, 400], [[0.5, 0.6, 0.7, 0.8]]),
    "good": ([100, 200, 300, 400], [[0.5, 0.7, 0.8, 0.9]]),
    "bad": ([100, 200, 300, 400], [[0.4, 0.5, 0.6, 0.65]]),
}


def test_labels_saved_at_a_level():
    saved = labels_saved(make_results(CURVES), "random", level=0.75)
    good = saved.loc["good"]
    assert (good.level, good.n_labeled, good.n_baseline) == (0.75, 250, 350)
    assert (good.saved, good.bound) == (100, "")
    bad = saved.loc["bad"]  # needs more than 400
    assert (bad.n_labeled, bad.saved, bad.bound) == (400, -50, "at most")


def test_labels_saved_at_the_strategys_own_score():
    saved = labels_saved(make_results(CURVES), "random")
    assert saved.index.tolist() == ["good", "bad"]
    assert saved.loc["good"].tolist() == [0.9, 400, 400, 0, "at least"]
    assert saved.loc["bad", "saved"] == pytest.approx(-150)
    assert saved.loc["bad", "bound"] == ""


def test_labels_saved_of_a_shorter_run():
    curves = CURVES | {"good": ([100, 200], [[0.5, 0.7]])}
    good = labels_saved(make_results(curves), "random").loc["good"]
    assert good.saved == pytest.approx(100)
    assert good.bound == ""


def test_labels_saved_at_the_shared_score():
    saved = labels_saved(make_results(CURVES), "random", "shared")
    assert saved["level"].tolist() == [0.8, 0.65]
    assert saved["saved"].tolist() == pytest.approx([100, -150])
    assert (saved["bound"] == "").all()


def test_labels_saved_of_curves_that_begin_above():
    curves = {
        "random": ([50, 100, 150], [[0.9, 0.95, 0.97]]),
        "a": ([50, 100, 150], [[0.8, 0.9, 0.97]]),
        "b": ([50, 100, 150], [[0.95, 0.96, 0.97]]),
    }
    saved = labels_saved(make_results(curves), "random", 0.89)
    assert saved.loc["a", "bound"] == "at most"  # random may have needed less than 50
    assert saved.loc["a", "saved"] == pytest.approx(50 - 95)
    assert saved.loc["b", "bound"] == "unknown"
    assert np.isnan(saved.loc["b", "saved"])
    turned = labels_saved(make_results(curves), "a", 0.89).loc["random"]
    assert (turned["bound"], turned["saved"]) == ("at least", pytest.approx(45))


def test_labels_saved_of_the_repeats_of_both():
    table = make_results(
        {
            "random": ([10, 20], [[0.1, 0.5], [0.5, 0.9]]),
            "a": ([10, 20], [[0.1, 0.6], [9, 9]]),
        }
    )
    table = table[(table["strategy"] == "random") | (table["repeat"] == 0)]
    saved = labels_saved(table, "random", 0.5).loc["a"]
    assert (saved.n_labeled, saved.n_baseline) == (18, 20)
    area = area_under_budget_curve(table)
    assert area["random"] == pytest.approx(0.3)  # of repeat 0 alone


def test_labels_saved_where_nobody_arrives():
    saved = labels_saved(make_results(CURVES), "random", 0.99).loc["good"]
    assert np.isnan(saved.saved)
    assert saved.bound == "unknown"


def test_labels_saved_averages_repeats_and_takes_the_first_crossing():
    curves = {
        "random": ([10, 20, 30], [[0.1, 0.5, 0.9], [0.3, 0.7, 1.1]]),
        "wavy": ([10, 20, 30], [[0.8, 0.2, 0.9], [0.8, 0.2, 0.9]]),
    }
    wavy = labels_saved(make_results(curves), "random", 0.8).loc["wavy"]
    assert wavy.n_labeled == 10
    assert wavy.n_baseline == pytest.approx(25)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("rand",), "baseline is 'rand'"),
        (("random", "best"), "level is 'best'"),
    ],
)
def test_labels_saved_refuses(args, says):
    with pytest.raises(ValueError, match=says):
        labels_saved(make_results(CURVES), *args)


# Tables ------------------------------------------------------------------------------


def test_the_score_is_named_where_there_are_several():
    table = make_results(CURVES).assign(f1=0.5)
    with pytest.raises(ValueError, match=r"2 columns .*'accuracy', 'f1'"):
        area_under_budget_curve(table)
    assert area_under_budget_curve(table, score="f1")["good"] == 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop(columns="repeat"), "lacks the column 'repeat'"),
        (lambda t: t[:0], "has no rows"),
        (lambda t: t.drop(columns="accuracy"), "0 columns"),
        (lambda t: t.assign(accuracy=np.nan), "no finite 'accuracy' for 'random'"),
        (lambda t: pd.concat([t, t]), "each once"),
        (lambda t: t.assign(repeat=np.nan), "rows of no strategy"),
        (lambda t: t.drop(columns="n_labeled"), "budget is 'n_labeled'"),
    ],
)
def test_bad_tables_are_refused(change, says):
    table = change(make_results(CURVES))
    for measure in (area_under_budget_curve, penalty_matrix):
        with pytest.raises(ValueError, match=says):
            measure(table)


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match="results is a list"):
        labels_saved([1, 2], "random")


def test_tables_are_not_changed():
    table = make_results(CURVES)
    before = table.copy()
    labels_saved(table, "random")
    area_under_budget_curve(table)
    pd.testing.assert_frame_equal(table, before)
