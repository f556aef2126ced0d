"""Reliability diagram: accuracy against confidence."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skal.metrics._calibration import confidence_bins
from skal.plotting._style import COLORS, DARK, axes_for, draw_legend, finish
from skal.readout import column_labels, read

_MOST_NUMBERED = 20  # bins whose counts are written out
_STRIP = 0.22  # height of the strip of counts, the diagram being 1


class ReliabilityDisplay:
    """Whether a model is right as often as it says, for any number of classes.

    Samples are put into bins by the probability of their predicted class. A bar is the
    accuracy in a bin, hatched is its gap to the mean confidence there, and the strip on
    top counts the samples. It says nothing about the probabilities of the other
    classes, and a bin of few samples says little at all: look at the strip.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    confidence, accuracy : array-like of shape (n_bins,)
        Mean confidence and share of right predictions in each bin; NaN where the bin is
        empty. Bins are of equal width from 0 to 1.
    counts : array-like of shape (n_bins,)
        Samples in each bin.
    error : float or None, default=None
        Expected calibration error, shown beside the axes.
    name : str or None, default=None
        Name of the model, shown beside the axes.

    Attributes
    ----------
    bars_, gaps_, counts_ : matplotlib BarContainer
        One bar for each bin that is not empty.
    line_ : matplotlib Line2D
        The diagonal: perfect calibration.
    legend_ : matplotlib Legend
    ax_, ax_counts_ : matplotlib Axes
        The diagram, and the strip of counts within it.
    figure_ : matplotlib Figure

    See Also
    --------
    skal.metrics.expected_calibration_error : The number that is shown.

    Examples
    --------
    >>> from skal.plotting import ReliabilityDisplay
    >>> y_prob = [[0.75, 0.25]] * 4
    >>> display = ReliabilityDisplay.from_predictions([0, 0, 1, 1], y_prob, n_bins=2)
    >>> display.confidence, display.accuracy, display.counts
    (array([ nan, 0.75]), array([nan, 0.5]), array([0, 4]))
    >>> display.error
    0.25
    """

    def __init__(self, *, confidence, accuracy, counts, error=None, name=None):
        self.confidence = confidence
        self.accuracy = accuracy
        self.counts = counts
        self.error = error
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_bins=15, name=None, ax=None, bar_kw=None
    ):
        """Draw how a fitted classifier does on samples that it was not trained on.

        Parameters
        ----------
        estimator : classifier
            Fitted, with probabilities: of scikit-learn, a skorch net, a learner.
        X : container of n rows
            What the classifier predicts.
        y : array-like of shape (n,)
            True labels.
        n_bins : int, default=15
            Number of bins between 0 and 1.
        name : str or None, default=None
            Name of the model; None is its class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        bar_kw : dict, default=None
            Properties of the bars of accuracy.

        Returns
        -------
        display : ReliabilityDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        return cls.from_predictions(
            y,
            read(estimator, X, "proba", random_state=0)["proba"],
            n_bins=n_bins,
            classes=column_labels(estimator),
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            bar_kw=bar_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_prob,
        *,
        n_bins=15,
        classes=None,
        name=None,
        ax=None,
        bar_kw=None,
    ):
        """Draw the probabilities that a model gave.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels. One that names no column is a miss.
        y_prob : array-like of shape (n_samples, n_classes)
            Probabilities; each row sums to 1.
        n_bins : int, default=15
            Number of bins between 0 and 1; a bin holds its upper edge, (lo, hi].
        classes : array-like of shape (n_classes,), default=None
            The label of each column, as in
            :func:`skal.metrics.expected_calibration_error`.
        name : str or None, default=None
            Name of the model.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        bar_kw : dict, default=None
            Properties of the bars of accuracy.

        Returns
        -------
        display : ReliabilityDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        bins = confidence_bins(y_true, y_prob, n_bins=n_bins, classes=classes)
        counts = np.where(bins.counts, bins.counts, np.nan)
        return cls(
            confidence=bins.confidence / counts,
            accuracy=bins.correct / counts,
            counts=bins.counts,
            error=bins.error,
            name=name,
        ).plot(ax, bar_kw=bar_kw)

    def plot(self, ax=None, *, bar_kw=None):
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. The legend goes to the right of the
            axes: a figure with ``layout="constrained"`` has room for it.
        bar_kw : dict, default=None
            Properties of the bars of accuracy, as ``Axes.bar`` takes them.

        Returns
        -------
        self : ReliabilityDisplay
        """
        ax, own = axes_for(self, ax, (7, 5))
        self._draw_bars(ax, bar_kw or {})
        [self.line_] = ax.plot(
            [0, 1], [0, 1], color=DARK, ls="--", lw=1.2, label="Perfectly calibrated"
        )
        ax.set(
            xlim=(0, 1),
            ylim=(0, 1.05 + _STRIP),
            yticks=np.linspace(0, 1, 6),
            xlabel="Confidence in the prediction",
            ylabel="Accuracy",
        )
        ax.spines["left"].set_bounds(0, 1)
        self.legend_ = draw_legend(ax, own, title=self._title())
        return finish(self, ax)

    def _draw_bars(self, ax, bar_kw):
        """Draw a bar, its gap and its count for each bin that is not empty."""
        counts = np.asarray(self.counts)
        full = np.flatnonzero(counts)
        confidence = np.asarray(self.confidence)[full]
        accuracy = np.asarray(self.accuracy)[full]
        width = 1 / len(counts)
        centers = (full + 0.5) * width
        look = {"color": COLORS[-1], "edgecolor": "white", "label": "Accuracy"}
        self.bars_ = ax.bar(centers, accuracy, width, **(look | bar_kw))
        self.gaps_ = ax.bar(
            centers,
            confidence - accuracy,
            width,
            bottom=accuracy,
            facecolor="none",
            edgecolor=COLORS[1],
            hatch="///",
            linewidth=1,
            label="Gap to mean confidence",
        )
        self._draw_counts(ax, centers, counts[full], width)

    def _draw_counts(self, ax, centers, counts, width):
        """Draw how many samples the bins have, in a strip on top of the diagram."""
        strip = ax.inset_axes([0, 1.05, 1, _STRIP], transform=ax.transData, sharex=ax)
        self.counts_ = strip.bar(
            centers, counts, width, color="#888888", edgecolor="white"
        )
        if len(self.counts) <= _MOST_NUMBERED:
            labels = [_short(int(n)) for n in counts]
            strip.bar_label(self.counts_, labels, padding=1, fontsize=6.5)
        strip.margins(y=0.3)
        strip.tick_params(labelbottom=False, bottom=False, left=False, labelleft=False)
        strip.spines[["top", "right", "left"]].set_visible(False)
        strip.set_ylabel("Samples", rotation=0, ha="right", va="center")
        self.ax_counts_ = strip

    def _title(self):
        lines = [] if self.name is None else [str(self.name)]
        if self.error is not None:
            lines.append(f"Expected calibration\nerror {self.error:.3f}")
        return "\n".join(lines) or None


def _short(n):
    """Write a count with four characters: 999, 1.2k, 12k."""
    if n < 1000:
        return str(n)
    return f"{n / 1000:.1f}k" if n < 9950 else f"{n / 1000:.0f}k"
