"""What all displays promise: scikit-learn's contract."""

import copy
import inspect
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from sklearn.base import clone

import skal.plotting
from skal.plotting import (
    BudgetCurveDisplay,
    PenaltyMatrixDisplay,
    QueryMapDisplay,
    ReliabilityDisplay,
    SamplingBiasDisplay,
)
from skal.strategies import BAL

PROBA = np.array([[0.75, 0.25], [0.25, 0.75]])
MAKERS = [
    lambda f, **o: BudgetCurveDisplay.from_results(f["table"], **o),
    lambda f, **o: BudgetCurveDisplay.from_estimator(f["learner"], **o),
    lambda f, **o: SamplingBiasDisplay.from_results(f["table"], **o),
    lambda f, **o: SamplingBiasDisplay.from_estimator(f["learner"], **o),
    lambda f, **o: ReliabilityDisplay.from_predictions(f["y"][:2], PROBA, **o),
    lambda f, **o: ReliabilityDisplay.from_estimator(f["learner"], f["X"], f["y"], **o),
    lambda f, **o: PenaltyMatrixDisplay.from_results(f["table"], **o),
    lambda f, **o: QueryMapDisplay.from_estimator(f["learner"], f["X"], **o),
    lambda f, **o: QueryMapDisplay.from_estimator(f["ordered"], f["X"], **o),
]
EACH = pytest.mark.parametrize("make", MAKERS)


@pytest.fixture(scope="module")
def ordered(learner, iris):
    """A learner whose strategy orders the pool."""
    return clone(learner).set_params(strategy=BAL(), scoring=None).fit(*iris)


@pytest.fixture
def inputs(make_table, learner, ordered, iris):
    X, y = iris
    learners = {"learner": learner, "ordered": ordered}
    return {"table": make_table(), "X": X, "y": y, **learners}


def test_all_is_sorted_and_complete():
    assert skal.plotting.__all__ == sorted(skal.plotting.__all__)
    assert len(skal.plotting.__all__) == 5


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import skal.plotting", ["matplotlib"]),
        ("import skal", ["matplotlib", "skal.plotting"]),
    ],
)
def test_matplotlib_waits_until_something_is_drawn(code, absent):
    code += f"; import sys; print([m for m in {absent} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


@EACH
def test_without_matplotlib_the_error_says_what_to_install(monkeypatch, make, inputs):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Display\.from_.* requires matplotlib"):
        make(inputs)


@EACH
def test_a_figure_of_its_own(make, inputs):
    display = make(inputs)
    assert plt.get_fignums() == [display.figure_.number]
    assert display.ax_.figure is display.figure_
    assert isinstance(display.ax_, Axes)
    again = display.plot()
    assert again is display
    assert len(plt.get_fignums()) == 2


@EACH
def test_on_axes_that_are_given(make, inputs, given_ax):
    settings = copy.deepcopy(dict(mpl.rcParams))
    other = plt.figure()
    display = make(inputs, ax=given_ax)
    display.figure_.draw_without_rendering()
    assert display.ax_ is given_ax
    assert display.figure_ is given_ax.figure
    assert plt.get_fignums() == [other.number]
    assert plt.gcf() is other
    assert dict(mpl.rcParams) == settings
    assert not given_ax.figure.legends
    legend = given_ax.get_legend()
    if legend is not None:
        left = legend.get_window_extent().x0
        assert left >= given_ax.get_window_extent().x1


@EACH
def test_the_legend_of_its_own_figure_lies_beside_the_axes(make, inputs):
    display = make(inputs)
    display.figure_.draw_without_rendering()
    for legend in display.figure_.legends:
        left = legend.get_window_extent().x0
        assert left >= display.ax_.get_window_extent().x1
    assert display.ax_.get_legend() is None


@EACH
def test_nothing_is_shown_and_nothing_leaves_the_canvas(monkeypatch, make, inputs):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("show was called"))
    display = make(inputs)
    display.figure_.draw_without_rendering()
    drawn = display.figure_.get_tightbbox()
    width, height = display.figure_.get_size_inches()
    assert drawn.x0 >= -0.01
    assert drawn.y0 >= -0.01
    assert drawn.x1 <= width + 0.01
    assert drawn.y1 <= height + 0.01


@EACH
def test_inputs_stay_as_they_are(make, inputs):
    table = inputs["table"].copy(deep=True)
    history = copy.deepcopy(inputs["learner"].history_)
    make(inputs)
    pd.testing.assert_frame_equal(inputs["table"], table)
    for row, before in zip(inputs["learner"].history_, history, strict=True):
        np.testing.assert_equal(row, before)


@EACH
@pytest.mark.parametrize("bad", ["ax", 3])
def test_what_is_no_axes_is_refused(make, inputs, bad):
    with pytest.raises(TypeError, match=f"ax is a {type(bad).__name__}"):
        make(inputs, ax=bad)
    with pytest.raises(TypeError, match="ax is a ndarray"):
        make(inputs, ax=plt.figure().subplots(1, 2))


@pytest.mark.parametrize("name", skal.plotting.__all__)
def test_parameters_are_kept_as_they_are(name):
    cls = getattr(skal.plotting, name)
    parameters = list(inspect.signature(cls).parameters)
    values = {parameter: object() for parameter in parameters}
    display = cls(**values)
    assert {p: getattr(display, p) for p in parameters} == values
    for parameter in parameters:
        assert parameter in cls.__doc__
