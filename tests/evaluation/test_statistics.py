"""Tests against a baseline, and the sentences made of them."""

import numpy as np
import pytest
from scipy import stats

from skal.evaluation import compare_with_baseline, summary
from skal.metrics import area_under_budget_curve, labels_saved


@pytest.fixture
def ten_repeats(make_results):
    rng = np.random.default_rng(0)
    shape = (10, 4)
    curve, gain = np.array([[0.5, 0.7, 0.8, 0.85], [0, 0.04, 0.04, 0.04]])
    return make_results(
        {
            "Good": curve + gain + rng.normal(0, 0.01, shape),
            "random": curve + rng.normal(0, 0.01, shape),
            "Bad": curve - gain + rng.normal(0, 0.01, shape),
            "So so": curve + rng.normal(0, 0.01, shape),
        }
    )


def test_p_values_are_scipys(ten_repeats):
    tests = compare_with_baseline(ten_repeats)
    areas = area_under_budget_curve(ten_repeats, average=False)
    for name in ["Good", "Bad", "So so"]:
        expected = stats.wilcoxon(areas[name], areas["random"]).pvalue
        assert tests.loc[name, "p_value"] == expected
        assert tests.loc[name, "area"] == areas[name].mean()
        assert tests.loc[name, "ahead"] == (areas[name] > areas["random"]).sum()


def test_holm_worked_by_hand(monkeypatch, ten_repeats):
    from skal.evaluation import _statistics

    p_values = iter([0.02, 0.01, 0.03])
    monkeypatch.setattr(_statistics, "_wilcoxon", lambda _: next(p_values))
    tests = compare_with_baseline(ten_repeats)
    # ascending .01 .02 .03, times 3, 2, 1: .03 .04 .03; never below the one before
    assert tests["p_holm"].tolist() == pytest.approx([0.04, 0.03, 0.04])


def test_holm_never_exceeds_one(monkeypatch, ten_repeats):
    from skal.evaluation import _statistics

    p_values = iter([0.6, 0.7, 0.8])
    monkeypatch.setattr(_statistics, "_wilcoxon", lambda _: next(p_values))
    assert compare_with_baseline(ten_repeats)["p_holm"].tolist() == [1, 1, 1]


def test_the_verdict_follows_the_ranks_and_not_one_outlier(make_results):
    gains = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, -9.0])
    gains[:9] += 0.05
    scores = np.tile(gains[:, None], (1, 2))
    table = make_results({"a": scores, "random": np.zeros((10, 2))})
    assert gains.mean() < 0
    tests = compare_with_baseline(table, alpha=0.2)
    assert tests.loc["a", "verdict"] == "better"


def test_a_p_value_of_alpha_is_enough(make_results):
    scores = np.linspace(0.5, 0.6, 6)[:, None] + np.zeros((6, 2))
    table = make_results({"a": scores, "random": np.zeros((6, 2))})
    tests = compare_with_baseline(table, alpha=2 / 2**6)
    assert tests.loc["a", "verdict"] == "better"


def test_rounding_is_no_difference(make_results):
    curves = {"random": np.full((8, 3), 0.796), "a": np.full((8, 3), 0.796)}
    budgets = {"random": [50, 100, 150], "a": [50, 98, 150]}
    tests = compare_with_baseline(make_results(curves, budgets))
    assert tests.loc["a", "verdict"] == "equal"


def test_the_area_is_that_of_the_repeats_of_both(make_results):
    scores = np.arange(8.0)[:, None] + np.zeros((8, 2))
    table = make_results({"a": scores, "random": scores - 1})
    table = table[(table["strategy"] == "a") | (table["repeat"] > 3)]
    assert compare_with_baseline(table).loc["a", "area"] == np.arange(4, 8).mean()


def test_summary_counts_what_it_is_told_to(ten_repeats):
    dear = ten_repeats.assign(cost=10 * ten_repeats["n_labeled"])
    assert "with 2000 labels" in summary(dear, budget="cost")
    text = summary(dear, budget="cost").splitlines()[1]
    saved = labels_saved(dear, "random", "shared", budget="cost").loc["Good"]
    assert f"takes it {saved.n_labeled:.0f} labels" in text


def test_verdicts(ten_repeats):
    tests = compare_with_baseline(ten_repeats)
    assert tests["verdict"].to_dict() == {
        "Good": "better",
        "Bad": "worse",
        "So so": "not certain",
    }
    assert (tests["n_needed"] == 7).all()  # 3 * 2 ** (1 - 7) = .047


def test_n_needed_is_what_the_best_case_takes(make_results):
    gains = np.linspace(0.1, 0.2, 12)[:, None]
    for n_others in (1, 2, 4, 7):
        names = [f"s{i}" for i in range(n_others)]
        scores = {name: np.full((12, 2), 0.5) + gains for name in names}
        results = make_results(scores | {"random": np.full((12, 2), 0.5)})
        n = compare_with_baseline(results)["n_needed"].iloc[0]
        enough = compare_with_baseline(results[results["repeat"] < n])
        assert set(enough["verdict"]) == {"better"}
        too_few = compare_with_baseline(results[results["repeat"] < n - 1])
        assert set(too_few["verdict"]) == {"not certain"}


def test_a_strategy_does_not_beat_itself(make_results):
    rng = np.random.default_rng(1)
    scores = rng.uniform(size=(20, 5))
    tests = compare_with_baseline(make_results({"random": scores, "again": scores}))
    assert tests.loc["again", "verdict"] == "equal"
    assert tests.loc["again", "p_holm"] == 1
    text = summary(make_results({"random": scores, "again": scores}))
    assert "again is equal to random in each repeat" in text


@pytest.mark.parametrize("n_repeats", [6, 10, 20])
def test_chance_is_seldom_called_better(make_results, n_repeats):
    rng = np.random.default_rng(n_repeats)
    false = 0
    for _ in range(200):
        starts = rng.normal(0, 0.05, (n_repeats, 1))
        scores = {
            name: 0.7 + starts + rng.normal(0, 0.02, (n_repeats, 4))
            for name in ["random", "a", "b", "c", "d"]
        }
        verdicts = compare_with_baseline(make_results(scores))["verdict"]
        false += (verdicts == "better").any()
    assert false <= 14


def test_the_test_finds_what_is_there(make_results):
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(50):
        starts = rng.normal(0, 0.05, (10, 1))
        scores = {
            name: 0.7 + starts + gain + rng.normal(0, 0.02, (10, 4))
            for name, gain in {"random": 0, "a": 0.02}.items()
        }
        found += (
            compare_with_baseline(make_results(scores))["verdict"].eq("better").any()
        )
    assert found >= 40


def test_repeats_are_paired(make_results):
    starts = np.linspace(0, 0.5, 8)[:, None]
    gains = np.array([[0.1, 0.2], [0.1, 0.21]])
    table = make_results({"random": starts + gains[0], "a": starts + gains[1]})
    assert compare_with_baseline(table).loc["a", "verdict"] == "better"
    shuffled = table.copy()
    other = shuffled["strategy"] == "a"
    shuffled.loc[other, "repeat"] = 7 - shuffled.loc[other, "repeat"]
    assert compare_with_baseline(shuffled).loc["a", "verdict"] == "not certain"


def test_only_repeats_of_both_count(ten_repeats):
    one_short = ten_repeats[
        (ten_repeats["strategy"] != "Good") | (ten_repeats["repeat"] > 2)
    ]
    tests = compare_with_baseline(one_short)
    assert tests["n_repeats"].to_dict() == {"Good": 7, "Bad": 10, "So so": 10}


def test_summary_in_words(ten_repeats):
    lines = summary(ten_repeats).splitlines()
    assert lines[0].startswith("random, the baseline: accuracy 0.8")
    assert lines[0].endswith(
        "with 200 labels (10 repeats; p by Wilcoxon's test, Holm's correction)."
    )
    assert lines[1].startswith("Good beats random (p = 0.0059): accuracy 0.8")
    assert lines[3].startswith("Bad loses to random (p = 0.0059)")
    assert lines[2].startswith("So so is not certain to differ from random (ahead in ")
    assert "may be" not in lines[2]  # ten repeats are enough
    assert "saved" not in lines[2]
    saved = labels_saved(ten_repeats, "random", "shared")["saved"]
    assert lines[1].endswith(f"({saved['Good']:.0f} saved).")
    assert lines[3].endswith(f"({-saved['Bad']:.0f} more).")


def test_summary_of_few_repeats_says_how_many_it_takes(ten_repeats):
    lines = summary(ten_repeats[ten_repeats["repeat"] < 5]).splitlines()
    assert (
        "Good is not certain to differ from random (ahead in 5 of 5 repeats, p = 0.19; "
        "with 7 repeats it may be)" in lines[1]
    )
    one = summary(ten_repeats[ten_repeats["repeat"] < 1])
    assert "Good is not certain to differ from random (ahead in 1 of 1 repeat," in one


def test_another_baseline(ten_repeats):
    assert summary(ten_repeats, "Bad").startswith("Bad, the baseline")
    tests = compare_with_baseline(ten_repeats, "Bad")
    assert (tests["verdict"] == "better").all()


def test_only_the_baseline(make_results):
    alone = make_results({"Random": [[0.5, 0.6]]})
    assert compare_with_baseline(alone).empty
    assert summary(alone).count("\n") == 0


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"baseline": "Rand"}, r"baseline is 'Rand'.*Good"),
        ({"score": "f1"}, "score is 'f1'"),
        ({"budget": "hours"}, "budget is 'hours'"),
        ({"alpha": 5}, "alpha is 5"),
    ],
)
def test_bad_parameters_are_named(ten_repeats, params, says):
    with pytest.raises(ValueError, match=says):
        compare_with_baseline(ten_repeats, **params)


def test_no_or_two_baselines_are_ambiguous(ten_repeats, make_results):
    named = ten_repeats[ten_repeats["strategy"] != "random"]
    with pytest.raises(ValueError, match="baseline is None"):
        summary(named)
    two = make_results({"random": [[0.5, 0.6]], "Random": [[0.5, 0.6]]})
    with pytest.raises(ValueError, match="baseline is None"):
        summary(two)


def test_no_repeat_in_common(ten_repeats):
    apart = ten_repeats.copy()
    apart.loc[apart["strategy"] == "Good", "repeat"] += 100
    with pytest.raises(ValueError, match="no repeat of both 'Good' and 'random'"):
        compare_with_baseline(apart)
