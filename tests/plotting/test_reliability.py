"""The reliability diagram: bins and error against a slow twin."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skal.metrics import expected_calibration_error
from skal.plotting import ReliabilityDisplay


def predictions(n=400, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.5), size=n)
    return rng.integers(n_classes, size=n), proba


def slow_bins(y, proba, n_bins):
    """Confidence, accuracy and count of each bin (lo, hi], sample by sample."""
    bins = [[] for _ in range(n_bins)]
    for label, row in zip(y, proba, strict=True):
        top = max(range(len(row)), key=row.__getitem__)
        for b in range(n_bins):
            if b / n_bins < row[top] <= (b + 1) / n_bins:
                bins[b].append((row[top], top == label))
    nothing = (np.nan, np.nan)
    means = [np.mean(b, axis=0) if b else nothing for b in bins]
    return *np.array(means).T, [len(b) for b in bins]


@pytest.mark.parametrize("n_bins", [1, 2, 10, 15])
def test_bins_equal_their_definition(n_bins):
    y, proba = predictions()
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=n_bins)
    confidence, accuracy, counts = slow_bins(y, proba, n_bins)
    np.testing.assert_allclose(display.confidence, confidence)
    np.testing.assert_allclose(display.accuracy, accuracy)
    assert display.counts.tolist() == counts
    assert display.error == expected_calibration_error(y, proba, n_bins=n_bins)
    gaps = np.abs(np.array(accuracy) - confidence) * counts
    assert display.error == pytest.approx(np.nansum(gaps) / len(y))
    assert f"error {display.error:.3f}" in display.legend_.get_title().get_text()


def test_a_bin_holds_its_upper_edge():
    confidence = np.array([0.5, 0.75, 0.75, 1.0])
    proba = np.column_stack([confidence, 1 - confidence])
    display = ReliabilityDisplay.from_predictions([0, 0, 1, 0], proba, n_bins=4)
    assert display.counts.tolist() == [0, 1, 2, 1]
    np.testing.assert_array_equal(display.accuracy, [np.nan, 1, 0.5, 1])


def test_bars_are_drawn_where_there_are_samples_only():
    y, proba = predictions()
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=10)
    full = np.flatnonzero(display.counts)
    assert 0 < len(full) < 10
    for bars in (display.bars_, display.gaps_, display.counts_):
        assert [bar.get_x() for bar in bars] == pytest.approx(full / 10)
        assert [bar.get_width() for bar in bars] == pytest.approx([0.1] * len(full))
    accuracy, confidence = display.accuracy[full], display.confidence[full]
    assert [bar.get_height() for bar in display.bars_] == pytest.approx(accuracy)
    assert [bar.get_y() for bar in display.gaps_] == pytest.approx(accuracy)
    tops = [bar.get_y() + bar.get_height() for bar in display.gaps_]
    assert tops == pytest.approx(confidence)
    counts = [bar.get_height() for bar in display.counts_]
    assert counts == display.counts[full].tolist()
    texts = [text.get_text() for text in display.ax_counts_.texts]
    assert texts == [str(int(n)) for n in counts]
    assert display.line_.get_xydata().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("n", "text"), [(999, "999"), (1234, "1.2k"), (9960, "10k"), (12_345, "12k")]
)
def test_large_counts_are_short(n, text):
    display = ReliabilityDisplay(confidence=[0.9], accuracy=[0.5], counts=[n]).plot()
    assert [t.get_text() for t in display.ax_counts_.texts] == [text]


def test_many_bins_are_not_numbered():
    y, proba = predictions()
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=40)
    assert not display.ax_counts_.texts


def test_the_strip_lies_within_the_axes(given_ax):
    y, proba = predictions()
    display = ReliabilityDisplay.from_predictions(y, proba, ax=given_ax)
    given_ax.figure.draw_without_rendering()
    outer, strip = given_ax.get_window_extent(), display.ax_counts_.get_window_extent()
    assert outer.x0 == pytest.approx(strip.x0)
    assert outer.x1 == pytest.approx(strip.x1)
    assert outer.y0 < strip.y0 < strip.y1 <= outer.y1 + 1e-6


def test_a_classifier_names_its_columns(iris):
    X, y = iris
    names = np.array(["b", "a", "c"])
    model = LogisticRegression(max_iter=500).fit(X, names[y])
    display = ReliabilityDisplay.from_estimator(model, X[:60], names[y[:60]], n_bins=5)
    expected = expected_calibration_error(
        names[y[:60]], model.predict_proba(X[:60]), n_bins=5, classes=model.classes_
    )
    assert display.error == expected
    assert display.counts.sum() == 60
    assert display.legend_.get_title().get_text().startswith("LogisticRegression\n")


def test_a_learner_is_a_classifier(learner, iris):
    display = ReliabilityDisplay.from_estimator(learner, *iris, name="mine")
    expected = expected_calibration_error(iris[1], learner.predict_proba(iris[0]))
    assert display.error == pytest.approx(expected, abs=1e-12)
    assert display.legend_.get_title().get_text().startswith("mine\n")


def test_made_of_plain_lists():
    display = ReliabilityDisplay(
        confidence=[np.nan, 0.75], accuracy=[np.nan, 1.0], counts=[0, 2]
    ).plot(bar_kw={"color": "black"})
    assert display.legend_.get_title().get_text() == ""
    assert display.gaps_[0].get_height() == -0.25  # confidence is below accuracy
    assert display.bars_[0].get_facecolor() == (0, 0, 0, 1)


def test_bad_input_is_refused(iris):
    y, proba = predictions()
    with pytest.raises(ValueError, match="y_prob has shape"):
        ReliabilityDisplay.from_predictions(y[1:], proba)
    with pytest.raises(ValueError, match="n_bins"):
        ReliabilityDisplay.from_predictions(y, proba, n_bins=0)
    with pytest.raises(ValueError, match="classes"):
        ReliabilityDisplay.from_predictions(y, proba, classes=[0, 1])
    with pytest.raises(TypeError, match="no predict_proba"):
        ReliabilityDisplay.from_estimator(LinearSVC().fit(*iris), *iris)
