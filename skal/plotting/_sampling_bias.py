"""Sampling bias against labels bought."""

from sklearn.utils._optional_dependencies import check_matplotlib_support

from skal.metrics._results import learning_curves
from skal.plotting._curves import CurveDisplay
from skal.plotting._history import history_table


class SamplingBiasDisplay(CurveDisplay):
    """How unevenly the labels bought fall on the classes, round by round.

    :func:`skal.metrics.sampling_bias` of all labels bought so far against their number,
    one line a strategy: 0 where every class has as many labels, 1 where one class has
    them all. A pool of unequal classes gives random sampling a bias as well: read the
    lines against that of random sampling and not against 0.

    Make it with :meth:`from_results` or :meth:`from_estimator`.

    Parameters
    ----------
    curves : dict of {str: dict of {repeat: (budget, bias)}}
        By strategy and repeat, two arrays of shape (n_rounds,).
    budget_name : str, default="n_labeled"
        What the budget is: ``"n_labeled"``, ``"cost"``, or another name.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The means, in the order of `curves`.
    bands_ : list of matplotlib artists or None
        The spreads; None for a strategy of one repeat.
    legend_ : matplotlib Legend
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    BudgetCurveDisplay : The same figure for a score.

    Examples
    --------
    >>> import pandas as pd
    >>> from skal.plotting import SamplingBiasDisplay
    >>> results = pd.DataFrame({"strategy": ["Margin"] * 2, "repeat": [0, 0],
    ...                         "round": [0, 1], "n_labeled": [20, 40],
    ...                         "sampling_bias": [0.25, 0.125]})
    >>> display = SamplingBiasDisplay.from_results(results)
    >>> display.ax_.get_ylabel()
    'Sampling bias (0 = even, 1 = one class)'
    >>> display.lines_[0].get_ydata()
    array([0.25 , 0.125])
    """

    @classmethod
    def from_results(
        cls, results, *, budget="n_labeled", spread="sem", ax=None, line_kw=None
    ):
        """Draw the table of a comparison.

        Parameters
        ----------
        results : DataFrame
            One row a strategy, repeat and round, as
            :func:`skal.evaluation.compare_strategies` returns, with the column
            ``sampling_bias``.
        budget : str, default="n_labeled"
            Column of the budget; ``"cost"`` counts labels out of distribution, too.
        spread : {"sem", "std", "range"} or None, default="sem"
            What the band shows, see :meth:`plot`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        line_kw : dict, default=None
            Properties for all lines.

        Returns
        -------
        display : SamplingBiasDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_results")
        curves = learning_curves(results, "sampling_bias", budget)
        display = cls(curves, budget_name=budget)
        return display.plot(ax, spread=spread, line_kw=line_kw)

    @classmethod
    def from_estimator(
        cls, learner, *, budget="n_labeled", name=None, ax=None, line_kw=None
    ):
        """Draw the run of a fitted learner.

        Parameters
        ----------
        learner : ActiveLearner
            Fitted, or taught by hand; or what holds one at its end, a ``Pipeline`` or a
            search.
        budget : str, default="n_labeled"
            ``"n_labeled"`` or ``"cost"``.
        name : str or None, default=None
            Name of the line; None is the class of the strategy.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        line_kw : dict, default=None
            Properties of the line.

        Returns
        -------
        display : SamplingBiasDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        results = history_table(learner, name, f"{cls.__name__}.from_estimator")
        return cls.from_results(results, budget=budget, ax=ax, line_kw=line_kw)

    def _label_scores(self, ax):
        ax.set(ylabel="Sampling bias (0 = even, 1 = one class)")
        ax.set_ylim(bottom=0, auto=None)
