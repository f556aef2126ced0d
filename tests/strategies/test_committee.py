"""BALD and BatchBALD over the committees that readout knows."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from torch import nn

from skal import ActiveLearner
from skal.functional import batch_bald, mutual_information, top
from skal.readout import read
from skal.strategies import BALD, BatchBALD

X, TRUTH = load_iris(return_X_y=True)
X = X.astype("f4")
Y = np.full(150, -1)
Y[::10] = TRUTH[::10]
ROWS = np.flatnonzero(Y >= 0)
told_apart = pytest.mark.filterwarnings("ignore:The labels of the first picks tell")


def dropout_net():
    torch.manual_seed(0)
    layers = nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3)
    return NeuralNetClassifier(
        nn.Sequential(*layers),
        criterion=nn.CrossEntropyLoss,
        lr=0.1,
        max_epochs=30,
        train_split=None,
        verbose=0,
    )


COMMITTEES = {
    "forest": lambda: RandomForestClassifier(40, random_state=0, max_depth=2),
    "bagging": lambda: BaggingClassifier(
        LogisticRegression(), 25, max_features=3, random_state=0
    ),
    "dropout": dropout_net,
}


@pytest.fixture(params=COMMITTEES)
def model(request):
    return COMMITTEES[request.param]().fit(X[ROWS], TRUTH[ROWS].astype("i8"))


class Answers:
    """An ensemble whose members say what they are told to, row by row."""

    draws = np.array(
        [
            [[1, 0], [1, 0], [1, 0], [0.9, 0.1], [0.5, 0.5]],
            [[1, 0], [1, 0], [0, 1], [0.9, 0.1], [0.5, 0.5]],
            [[0, 1], [0, 1], [1, 0], [0.6, 0.4], [0.5, 0.5]],
            [[0, 1], [0, 1], [0, 1], [0.6, 0.4], [0.5, 0.5]],
        ]
    )


def test_worked_example():
    assert np.allclose(
        BALD()._score(Answers.draws), [np.log(2)] * 3 + [0.063288, 0], atol=1e-6
    )
    rng = np.random.default_rng(0)
    assert BatchBALD()._select(2, rng, Answers.draws).tolist() == [0, 2]


def test_bald_scores_what_the_committee_says(model):
    strategy = BALD(random_state=0, n_draws=30).fit(X, Y, estimator=model)
    scores = strategy.score_samples()
    assert scores.shape == (150,)
    if isinstance(model, NeuralNetClassifier):
        assert (scores > 0).all()
    else:
        draws = read(model, X, "proba_draws")["proba_draws"]
        np.testing.assert_allclose(scores, mutual_information(draws))
        left = np.flatnonzero(Y < 0)
        least = np.sort(scores[left])[-7:].min()
        assert scores[strategy.query(7)].min() == pytest.approx(least)


@told_apart
def test_batch_bald_takes_what_bald_takes_first_and_then_others(model):
    left = np.flatnonzero(Y < 0)
    strategy = BatchBALD(random_state=0, n_draws=30, n_samples=200)
    picks = strategy.fit(X, Y, estimator=model).query(6)
    assert set(picks.tolist()) <= set(left.tolist())
    if isinstance(model, NeuralNetClassifier):
        return
    draws = read(model, X[left], "proba_draws")["proba_draws"]
    assert mutual_information(draws)[left.tolist().index(picks[0])] == pytest.approx(
        mutual_information(draws).max()
    )
    exact = left[batch_bald(draws, 3)]
    assert picks[:3].tolist() == exact.tolist()


def test_copies_are_chosen_by_bald_and_not_by_batch_bald():
    copies = np.repeat(X[[55, 70, 106, 133]], 20, axis=0)
    model = COMMITTEES["forest"]().fit(X[ROWS], TRUTH[ROWS])
    one = BALD(random_state=0).fit(copies, estimator=model).query(4) // 20
    other = BatchBALD(random_state=0).fit(copies, estimator=model).query(2) // 20
    assert len(set(one.tolist())) == 1
    assert len(set(other.tolist())) == 2


def test_rows_far_apart_in_opinion_come_first():
    model = COMMITTEES["forest"]().fit(X[ROWS], TRUTH[ROWS])
    scores = BALD().fit(X, Y, estimator=model).score_samples()
    assert scores[TRUTH == 0].max() < np.sort(scores[TRUTH > 0])[-20:].min()


def test_more_draws_change_the_number_of_passes():
    model = dropout_net().fit(X[ROWS], TRUTH[ROWS].astype("i8"))
    few, many = (
        BALD(n_draws=n, random_state=0).fit(X, Y, estimator=model).score_samples()
        for n in (2, 60)
    )
    assert few.max() <= np.log(2) + 1e-6
    assert not np.allclose(few, many)


def test_it_warns_that_the_draws_are_told_apart():
    model = RandomForestClassifier(5, random_state=0).fit(X[ROWS], TRUTH[ROWS])
    strategy = BatchBALD(random_state=0).fit(X, Y, estimator=model)
    with pytest.warns(UserWarning, match=r"5 draws apart[\s\S]*more draws") as caught:
        assert len(set(strategy.query(20).tolist())) == 20
    assert len(caught) == 1


@told_apart
@pytest.mark.parametrize("kind", [BALD, BatchBALD])
def test_a_run_of_a_learner(kind):
    learner = ActiveLearner(
        RandomForestClassifier(20, random_state=0),
        kind(),
        n_initial=9,
        query_size=5,
        n_rounds=3,
        random_state=0,
    )
    assert learner.fit(X, TRUTH).score(X, TRUTH) > 0.8


@pytest.mark.parametrize("kind", [BALD, BatchBALD])
@pytest.mark.parametrize("n_draws", [0, -1, 2.5, "many"])
def test_bad_numbers_of_draws(kind, n_draws):
    for make in (COMMITTEES["forest"], dropout_net):
        model = make().fit(X[ROWS], TRUTH[ROWS].astype("i8"))
        strategy = kind(n_draws=n_draws).fit(X, Y, estimator=model)
        with pytest.raises(ValueError, match=f"n_draws is {n_draws!r}: give an int"):
            strategy.query(2)


@pytest.mark.parametrize("n_samples", [0, 2.5])
def test_bad_numbers_of_samples(n_samples):
    model = COMMITTEES["forest"]().fit(X[ROWS], TRUTH[ROWS])
    strategy = BatchBALD(n_samples=n_samples).fit(X, Y, estimator=model)
    with pytest.raises(ValueError, match=f"n_samples is {n_samples}: give an int"):
        strategy.query(2)


def test_a_model_without_members_is_named():
    model = LogisticRegression().fit(X[ROWS], TRUTH[ROWS])
    with pytest.raises(TypeError, match=r"LogisticRegression.*proba_draws"):
        BALD().fit(X, Y, estimator=model).query(2)


def test_ties_are_broken_by_chance_in_bald():
    draws = np.repeat(Answers.draws[:, :1], 30, axis=1)
    scores = BALD()._score(draws)
    picks = {int(top(scores, 1, np.random.default_rng(s))[0]) for s in range(20)}
    assert len(picks) > 5
