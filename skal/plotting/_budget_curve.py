"""Score against labels bought."""

from sklearn.utils._optional_dependencies import check_matplotlib_support

from skal.metrics._results import FACTS, learning_curves, score_column
from skal.plotting._curves import CurveDisplay
from skal.plotting._history import history_table
from skal.plotting._style import in_words


class BudgetCurveDisplay(CurveDisplay):
    """What the labels are worth: score against budget, one line a strategy.

    A line is the mean over the repeats, a band their spread. It is the wrong figure for
    saying that one strategy is better than another: repeats share their splits, bands
    may overlap where every pair of runs differs the same way. Use
    :class:`PenaltyMatrixDisplay` or a paired test.

    Make it with :meth:`from_results` or :meth:`from_estimator`.

    Parameters
    ----------
    curves : dict of {str: dict of {repeat: (budget, score)}}
        By strategy and repeat, two arrays of shape (n_rounds,). Where the repeats of a
        strategy differ in their number of rounds, the rounds that all have are drawn.
    score_name : str, default="score"
        What the score is; with words for underscores, the label of the y-axis.
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
    SamplingBiasDisplay : How unevenly the labels bought fall on the classes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skal.plotting import BudgetCurveDisplay
    >>> results = pd.DataFrame({"strategy": ["Margin"] * 4, "repeat": [0, 0, 1, 1],
    ...                         "round": [0, 1, 0, 1], "n_labeled": [20, 40, 20, 40],
    ...                         "accuracy": [0.6, 0.8, 0.7, 0.9]})
    >>> display = BudgetCurveDisplay.from_results(results)
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('Labels bought', 'Accuracy')
    >>> display.lines_[0].get_ydata().round(2)
    array([0.65, 0.85])
    """

    def __init__(self, curves, *, score_name="score", budget_name="n_labeled"):
        super().__init__(curves, budget_name=budget_name)
        self.score_name = score_name

    @classmethod
    def from_results(
        cls,
        results,
        *,
        score=None,
        budget="n_labeled",
        spread="sem",
        ax=None,
        line_kw=None,
    ):
        """Draw the table of a comparison.

        Parameters
        ----------
        results : DataFrame
            One row a strategy, repeat and round, as
            :func:`skal.evaluation.compare_strategies` returns.
        score : str or None, default=None
            Column of the score; None takes the only one that there is.
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
        display : BudgetCurveDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_results")
        score = score_column(results, score)
        curves = learning_curves(results, score, budget)
        display = cls(curves, score_name=score, budget_name=budget)
        return display.plot(ax, spread=spread, line_kw=line_kw)

    @classmethod
    def from_estimator(
        cls,
        learner,
        *,
        score=None,
        budget="n_labeled",
        name=None,
        ax=None,
        line_kw=None,
    ):
        """Draw the run of a fitted learner.

        Give the ``ax_`` of one display to the next to see learners side by side.

        Parameters
        ----------
        learner : ActiveLearner
            Fitted with ``X_val`` and ``y_val``, so that its rounds were scored; or what
            holds one at its end, a ``Pipeline`` or a search.
        score : str or None, default=None
            Name of the score in ``history_``; None takes the only one that there is.
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
        display : BudgetCurveDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        results = history_table(learner, name, f"{cls.__name__}.from_estimator")
        if score not in results and set(results) <= set(FACTS):
            raise ValueError(
                "learner has no score in its history_: its rounds are scored where fit "
                "is given X_val and y_val, by `scoring`."
            )
        return cls.from_results(
            results, score=score, budget=budget, ax=ax, line_kw=line_kw
        )

    def _label_scores(self, ax):
        ax.set(ylabel=in_words(self.score_name))
