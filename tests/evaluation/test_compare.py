"""compare_strategies: the same starts for all, one table."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal._seeding import derive
from skal.evaluation import compare_strategies
from skal.strategies import CoreSet, EntropySampling, MarginSampling, RandomSampling

from .conftest import without_times


class Recording(LogisticRegression):
    """Keeps what it was fitted on."""

    seen: ClassVar = []

    def fit(self, X, y):
        self.seen.append(np.asarray(X))
        return super().fit(X, y)


def test_table_is_tidy(compare):
    results = compare()
    assert list(results) == [
        "strategy",
        "repeat",
        "round",
        "initial",
        "n_labeled",
        "cost",
        "fit_time",
        "query_time",
        "sampling_bias",
        "accuracy",
    ]
    assert results["strategy"].tolist() == ["Margin"] * 8 + ["Random"] * 8
    assert results["repeat"].tolist() == ([0] * 4 + [1] * 4) * 2
    assert results["round"].tolist() == [0, 1, 2, 3] * 4
    assert results["n_labeled"].tolist() == [20, 30, 40, 50] * 4
    assert set(results["initial"]) == {"random"}
    assert results["accuracy"].between(0, 1).all()


def test_all_of_a_repeat_start_from_the_same_labels(compare):
    Recording.seen.clear()
    rows = {
        "a": RandomSampling(),
        "b": MarginSampling(),
        "c": RandomSampling(random_state=5),
        "learner": ActiveLearner(
            Recording(C=0.1), CoreSet(), n_initial=20, query_size=10, n_rounds=1
        ),
    }
    results = compare(rows, Recording(), n_rounds=1)
    firsts = [rows for rows in Recording.seen if len(rows) == 20]
    assert len(firsts) == 8
    for repeat in range(2):  # runs go repeat by repeat
        for other in firsts[4 * repeat + 1 : 4 * repeat + 4]:
            np.testing.assert_array_equal(other, firsts[4 * repeat])
    assert not np.array_equal(firsts[0], firsts[4])
    first = results[results["round"] == 0].pivot(
        index="strategy", columns="repeat", values="accuracy"
    )
    assert first.loc["a"].equals(first.loc["b"])
    seconds = [rows for rows in Recording.seen if len(rows) == 30]
    assert not np.array_equal(seconds[0], seconds[1])


def test_a_strategy_may_choose_its_own_start_of_the_same_size(compare, digits):
    X, y = digits
    chooser = ActiveLearner(
        LogisticRegression(max_iter=200),
        CoreSet(),
        initial="strategy",
        n_initial=2,
        query_size=10,
        n_rounds=3,
    )
    rows = {"core-set": chooser, "random": RandomSampling()}
    # one class has nearly all rows: a random start of two needs many labels
    rare = np.flatnonzero(y == 3)[:25]
    rows_kept = np.union1d(np.flatnonzero(y == 0), rare[:5])
    results = compare(
        rows, X=X[rows_kept], y=y[rows_kept], n_initial=2, n_repeats=4, n_rounds=3
    )
    sizes = results.pivot(
        index=["repeat", "round"], columns="strategy", values="n_labeled"
    )
    assert (sizes["core-set"] == sizes["random"]).all()
    assert sizes["random"].min() > 2
    initial = results.groupby("strategy")["initial"].unique().str[0]
    assert initial.to_dict() == {"core-set": "strategy", "random": "random"}


def test_initial_names_what_chose_the_first_batch(compare, digits):
    assert set(compare(initial=CoreSet(), n_repeats=1)["initial"]) == {"CoreSet"}
    X, y = digits
    tests = {"X_test": X[:50], "y_test": y[:50]}
    given = compare(initial=np.arange(20), n_repeats=1, **tests)
    assert set(given["initial"]) == {"given"}
    with pytest.raises(ValueError, match=r"initial of strategies\['Margin'\].*X_test"):
        compare(initial=np.arange(20))


def test_learners_bring_their_own_parameters(compare):
    own = ActiveLearner(
        GaussianNB(), MarginSampling(), n_initial=30, query_size=5, n_rounds=2
    )
    results = compare({"bayes": own, "random": RandomSampling()})
    bought = results[results["repeat"] == 0].groupby("strategy")["n_labeled"]
    assert bought.apply(list).to_dict() == {
        "bayes": [30, 35, 40],
        "random": [20, 30, 40, 50],
    }
    assert not hasattr(own, "history_")
    assert own.random_state is None
    assert own.scoring is None


def test_estimator_may_be_none_if_every_row_is_a_learner(compare, digits):
    own = ActiveLearner(GaussianNB(), n_initial=30, n_rounds=1)
    results = compare_strategies(None, {"own": own}, *digits, n_repeats=1)
    assert len(results) == 2


def test_one_seed_reproduces_the_table(compare):
    forest = RandomForestClassifier(5)
    first = compare(estimator=forest)
    assert_frame_equal(without_times(first), without_times(compare(estimator=forest)))
    other = compare(estimator=forest, random_state=1)
    assert not first["accuracy"].equals(other["accuracy"])


def test_more_repeats_or_rows_leave_the_others_as_they_are(compare):
    few = compare({"Margin": MarginSampling()}, n_repeats=1)
    many = compare({"Random": RandomSampling(), "Margin": MarginSampling()})
    same = many[(many["strategy"] == "Margin") & (many["repeat"] == 0)]
    assert_frame_equal(without_times(few), without_times(same).reset_index(drop=True))


def test_same_table_whatever_the_processes(compare):
    rows = {"Margin": MarginSampling(), "Random": RandomSampling()}
    forest = RandomForestClassifier(5)
    one = compare(rows, forest, n_jobs=1)
    two = compare(rows, forest, n_jobs=2)
    assert_frame_equal(without_times(one), without_times(two))


def test_global_state_is_left_alone(compare):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    compare(cv=ShuffleSplit(2), n_repeats=1)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# Where the scores come from ----------------------------------------------------------


def test_scores_are_those_of_the_test_set(compare, digits):
    X, y = digits
    parts = {"X": X[:400], "y": y[:400], "X_test": X[400:], "y_test": y[400:]}
    results = compare(n_repeats=1, **parts)
    learner = ActiveLearner(
        LogisticRegression(max_iter=200),
        MarginSampling(),
        n_initial=20,
        query_size=10,
        n_rounds=3,
        random_state=derive(0, 0, 0),
    )
    learner.fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    own = [row["score"] for row in learner.history_]
    assert results.loc[results["strategy"] == "Margin", "accuracy"].tolist() == own


def test_a_stratified_quarter_is_held_out(digits, compare):
    sizes = []

    def spy(estimator, X, y):
        sizes.append((len(y), np.bincount(y).tolist()))
        return estimator.score(X, y)

    compare({"r": RandomSampling()}, scoring={"accuracy": spy}, n_rounds=0)
    assert [n for n, _ in sizes] == [150, 150]
    expected = np.bincount(digits[1]) / 4
    assert all(np.abs(counts - expected).max() < 1 for _, counts in sizes)


def test_held_out_rows_are_never_bought(digits):
    X, y = digits
    X = X.copy()
    X[:, 0] = np.arange(len(X))  # a row number
    tested = []

    def spy(estimator, X, y):
        tested.append(set(X[:, 0]))
        return estimator.score(X, y)

    Recording.seen.clear()
    compare_strategies(
        Recording(max_iter=20, tol=1e9),
        {"r": None},
        X,
        y,
        n_initial=200,
        query_size=250,
        n_rounds=1,
        n_repeats=2,
        scoring=spy,
        random_state=0,
    )
    bought = [set(rows[:, 0]) for rows in Recording.seen]
    assert len(bought[1]) == 450
    assert not bought[1] & tested[1]
    assert not bought[3] & tested[3]
    assert tested[0] == tested[1] != tested[2]


@pytest.mark.parametrize(
    "cv",
    [3, KFold(3), StratifiedKFold(3, shuffle=True), "splits", "masks"],
    ids=str,
)
def test_cv_averages_over_folds(compare, digits, cv):
    parts = list(KFold(3).split(*digits))
    if isinstance(cv, str):
        cv = iter(parts) if cv == "splits" else iter([_as_masks(*p) for p in parts])
    results = compare({"r": RandomSampling()}, cv=cv)
    assert results["round"].tolist() == [0, 1, 2, 3] * 2
    assert results["n_labeled"].tolist() == [20, 30, 40, 50] * 2
    assert results["n_labeled"].dtype == np.int64


def _as_masks(train, test):
    n = len(train) + len(test)
    return np.isin(np.arange(n), train), np.isin(np.arange(n), test)


def test_cv_scores_are_means_of_the_folds(compare, digits):
    folds = list(KFold(2).split(*digits))
    both = compare({"r": None}, cv=folds, n_repeats=1)
    single = [compare({"r": None}, cv=[fold], n_repeats=1) for fold in folds]
    mean = (single[0]["accuracy"] + single[1]["accuracy"]) / 2
    np.testing.assert_allclose(both["accuracy"], mean)


def test_splitters_are_left_alone_and_drawn_anew(compare):
    for state in (None, np.random.RandomState(0)):
        cv = ShuffleSplit(1, random_state=state)
        one, two = compare(cv=cv), compare(cv=cv, random_state=1)
        assert cv.random_state is state
        assert_frame_equal(without_times(one), without_times(compare(cv=cv)))
        first = one[one["round"] == 0].groupby("repeat")["accuracy"]
        assert (first.nunique() == 1).all()  # one split for all rows of a repeat
        assert not one["accuracy"].equals(two["accuracy"])


def test_folds_of_unequal_size_are_averaged_as_they_are(compare, digits):
    folds = [(np.arange(30), np.arange(300, 400)), (np.arange(45), np.arange(300, 400))]
    params = {"n_initial": 0.5, "query_size": 10, "n_repeats": 1, "n_rounds": 9}
    results = compare({"r": None}, cv=folds, **params)
    assert results["n_labeled"].tolist() == [18.5, 28.5, 36]
    first = compare({"r": None}, cv=folds[:1], **params)
    second = compare({"r": None}, cv=folds[1:], **params)
    mean = (first["accuracy"] + second["accuracy"][:3]) / 2
    np.testing.assert_allclose(results["accuracy"], mean)


def test_a_score_that_fails_in_one_fold_is_no_score(compare):
    calls = []

    def sometimes(estimator, X, y):
        calls.append(1)
        return float("nan") if len(calls) == 2 else 0.5

    results = compare({"r": None}, cv=2, n_rounds=1, n_repeats=1, scoring=sometimes)
    assert results["score"].isna().tolist() == [False, True]


def test_missing_labels_are_refused(compare, digits):
    y = digits[1].astype(float)
    y[3] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        compare(y=y)


def test_several_scores(compare):
    scoring = {"accuracy": "accuracy", "loss": "neg_log_loss"}
    results = compare(scoring=scoring, n_repeats=1)
    assert {"accuracy", "loss"} <= set(results)
    assert (results["loss"] < 0).all()


def test_a_callable_is_called_score(compare):
    results = compare(scoring=make_scorer(accuracy_score), n_repeats=1)
    assert "score" in results


@pytest.mark.parametrize("kind", ["frame", "list", "strings"])
def test_kinds_of_data(compare, digits, kind):
    X, y = digits
    if kind == "frame":
        X = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)])
    elif kind == "list":
        X, y = X.tolist(), y.tolist()
    else:
        y = np.array([f"digit {label}" for label in y])
    expected = compare(n_repeats=1)
    results = compare(X=X, y=y, n_repeats=1)
    np.testing.assert_allclose(results["accuracy"], expected["accuracy"])


def test_out_of_distribution_labels_cost(compare):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    results = compare(estimator=model, ood_label=9, n_repeats=1)
    assert results["n_labeled"].tolist() == [20, 30, 40, 50] * 2
    last = results[results["round"] == 3]
    assert (last["cost"] > last["n_labeled"]).all()


# What is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "says"),
    [
        ({"strategies": [RandomSampling()]}, TypeError, "strategies is"),
        ({"strategies": {1: RandomSampling()}}, TypeError, "name 1"),
        ({"strategies": {"m": MarginSampling}}, TypeError, r"strategies\['m'\]"),
        (
            {"strategies": {"p": make_pipeline(ActiveLearner(GaussianNB()))}},
            TypeError,
            "inside the learner",
        ),
        ({"batch": 3}, TypeError, "no parameter 'batch'"),
        ({"strategy": None}, TypeError, "no parameter 'strategy'"),
        ({"X_test": np.zeros((2, 64))}, ValueError, "y_test"),
        ({"X_test": np.zeros((2, 64)), "y_test": [0, 1], "cv": 3}, ValueError, "cv"),
        ({"X_test": np.zeros((2, 64)), "y_test": [0]}, ValueError, "X_test has 2 rows"),
        ({"n_repeats": 0}, ValueError, "n_repeats"),
        ({"random_state": "x"}, ValueError, "random_state"),
        ({"cv": 100}, ValueError, "cv"),
        ({"cv": []}, ValueError, "cv holds no splits"),
        ({"cv": 2.5}, ValueError, "cv is no list"),
        ({"cv": [(np.arange(5), np.arange(5, 6000))]}, ValueError, "cv is no list"),
        ({"scoring": {"repeat": "accuracy"}}, ValueError, "scoring names .*'repeat'"),
        ({"scoring": lambda e, X, y: "good"}, TypeError, "scoring gives 'good'"),
        ({"scoring": "acuracy"}, ValueError, "scoring|acuracy"),
        ({"initial": "strategy"}, ValueError, "initial"),
    ],
)
def test_bad_input_is_named(compare, params, error, says):
    with pytest.raises(error, match=says):
        compare(**params)


def test_strategies_need_an_estimator(digits):
    with pytest.raises(TypeError, match="estimator is None"):
        compare_strategies(None, {"m": MarginSampling()}, *digits)


def test_lengths_must_agree(compare, digits):
    with pytest.raises(ValueError, match=r"X has 600\s+rows and y has 599"):
        compare(y=digits[1][:-1])


def test_a_class_of_one_row_cannot_be_split(compare, digits):
    y = digits[1].copy()
    y[0] = 77
    with pytest.raises(ValueError, match="Give X_test and y_test"):
        compare(y=y)


def test_an_error_says_which_run_it_was(compare):
    with pytest.raises(ValueError, match="initial") as caught:
        compare({"r": RandomSampling(), "e": EntropySampling()}, initial="strategy")
    assert "strategies['e'], repeat 0" in caught.value.__notes__[0]


def test_progress_is_one_bar(compare, capsys):
    compare(verbose=1)
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "Random, repeat 1" in shown
    compare()
    assert capsys.readouterr().err == ""
