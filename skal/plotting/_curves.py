"""Lines over the budget: what the displays of budget curves and of bias share."""

from collections.abc import Mapping

import numpy as np

from skal.metrics._results import Curve, mean_curve
from skal.plotting._style import axes_for, draw_legend, finish, in_words, looks

BUDGETS = {"n_labeled": "Labels bought", "cost": "Labels paid for"}
SPREADS = {
    "sem": "standard error",
    "std": "standard deviation",
    "range": "lowest to highest",
    None: None,
}
_MOST_MARKERS = 12


class CurveDisplay:
    """Mean over the repeats of each strategy, with a band for their spread."""

    def __init__(self, curves, *, budget_name="n_labeled"):
        self.curves = curves
        self.budget_name = budget_name

    def plot(self, ax=None, *, spread="sem", line_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. The legend goes to the right of the
            axes: a figure with ``layout="constrained"`` has room for it.
        spread : {"sem", "std", "range"} or None, default="sem"
            What the band shows: the standard error of the mean over the repeats, their
            standard deviation, or the lowest and the highest of them.
        line_kw : dict, default=None
            Properties for all lines, as ``Axes.plot`` takes them.

        Returns
        -------
        self : display
        """
        if spread not in SPREADS:
            raise ValueError(f"spread is {spread!r}: give one of {list(SPREADS)}.")
        curves = _as_curves(self.curves)
        ax, own = axes_for(self, ax, (8, 4.5))
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        custom = normalize_kwargs(line_kw, Line2D)
        self.lines_, self.bands_ = [], []
        for number, ((name, runs), look) in enumerate(
            zip(curves.items(), looks(curves, ax), strict=True)
        ):
            mean = mean_curve(runs)
            step = 1 + len(mean.score) // _MOST_MARKERS
            shared = {"linewidth": 1.8, "markersize": 6, "label": name}
            every = {"markevery": (number % step, step)}
            [line] = ax.plot(*mean, **(shared | every | look | custom))
            self.lines_.append(line)
            self.bands_.append(_draw_band(ax, line, runs, spread))
        ax.set(xlabel=BUDGETS.get(self.budget_name, in_words(self.budget_name)))
        locator = ax.xaxis.get_major_locator()
        if self.budget_name in BUDGETS and isinstance(locator, MaxNLocator):
            locator.set_params(integer=True)
        self._label_scores(ax)
        title = _explain([len(runs) for runs in curves.values()], spread)
        self.legend_ = draw_legend(ax, own, title=title, handlelength=3.2)
        return finish(self, ax)

    def _label_scores(self, ax):
        raise NotImplementedError


def _as_curves(curves):
    """Check the data of a display: budget and score by strategy and repeat."""
    if not isinstance(curves, Mapping) or not curves:
        raise ValueError(
            f"curves is {curves!r}; it needs pairs (budget, score) by strategy and "
            f"repeat: {{'Margin': {{0: ([20, 40], [0.7, 0.8])}}}}."
        )
    return {
        name: {repeat: Curve(*map(np.asarray, run)) for repeat, run in runs.items()}
        for name, runs in curves.items()
    }


def _draw_band(ax, line, runs, spread):
    """Draw the spread of the repeats around their mean; None where there is none."""
    if spread is None or len(runs) < 2:
        return None
    budget, mean = line.get_data()
    scores = np.array([run.score[: len(mean)] for run in runs.values()])
    if spread == "range":
        low, high = scores.min(axis=0), scores.max(axis=0)
    else:
        width = scores.std(axis=0, ddof=1)
        if spread == "sem":
            width = width / np.sqrt(len(scores))
        low, high = mean - width, mean + width
    look = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
    return ax.fill_between(budget, low, high, zorder=line.get_zorder() - 0.5, **look)


def _explain(n_runs, spread):
    """Say what lines and bands are, as the title of the legend."""
    low, high = min(n_runs), max(n_runs)
    if high == 1:
        return "One run a strategy"
    title = f"Mean of {high} runs" if low == high else f"Mean of {low} to {high} runs"
    return title if spread is None else f"{title},\nband: {SPREADS[spread]}"
