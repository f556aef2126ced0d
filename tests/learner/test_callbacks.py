"""scikit-learn's callbacks on a learner."""

import time

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal.strategies import MarginSampling

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")


class Recording:
    """Remembers the rounds; stops after `last`."""

    def __init__(self, last=None):
        self.last = last
        self.scores = []
        self.tasks = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        if context.task_name == "round":
            self.scores.append(fitted_estimator.score(X, y))
            assert len(X) == fitted_estimator.cost_
            return context.task_id == self.last
        return False


def test_callbacks_follow_the_rounds_and_stop_them(make, digits):
    recording = Recording()
    learner = make(MarginSampling()).set_callbacks(recording).fit(*digits)
    assert recording.tasks == ["fit", "round", "round", "round", "round", "teardown"]
    assert len(recording.scores) == 4
    assert learner.cost_ == 100
    stopped = make(MarginSampling()).set_callbacks(Recording(last=1)).fit(*digits)
    assert stopped.cost_ == 60


def test_scikit_learn_callbacks(make, digits, capsys):
    X, y = digits
    monitor = callback.ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    bar = callback.ProgressBar()
    make(MarginSampling(), pipeline).set_callbacks(monitor, bar).fit(X, y)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        data = monitor.get_logs().data
        if sum(row["task_name"] == "round" for row in data) == 4:
            break
    assert sum(row["task_name"] == "round" for row in data) == 4
