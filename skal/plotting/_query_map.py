"""The pool in two dimensions, and on it what was picked when."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skal.containers import n_rows
from skal.labels import distinct
from skal.metrics._checks import complete_labels
from skal.plotting._bands import along_order, draw_lanes, lanes_height, why_no_bands
from skal.plotting._history import history_of
from skal.plotting._picks import pick_looks, round_colors, scatter, thinned
from skal.plotting._projection import project
from skal.plotting._style import axes_for, draw_legend, finish

_MOST_NAMED = 6  # rounds in the legend; above that, a color bar
_PALE = ("#BDBDBD", "#97C4E0", "#F2B88F", "#8FD1B7", "#E0B0CC", "#EACF78")
_SHAPES = "os^DP"
_MOST_CLASSES = 12


class QueryMapDisplay:
    """Where in the pool a strategy looked: its picks, round by round, on a map.

    The pool in two dimensions, in pale points, with the picks on top: the darker, the
    later. Two dimensions of many show little of what a model sees; that picks lie close
    together on the map does not say that they are alike.

    Of a strategy that orders the pool once and chooses in another part of the order
    each round, as :class:`~skal.strategies.BAL` and :class:`~skal.strategies.PT4AL`, it
    shows the order instead: a lane for each round, in it the part as a pale band, and
    the picks where they stand in the order. Picks beside a band were added because it
    held too few rows. What height they have in a lane means nothing.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    points : array-like of shape (n, 2)
        The pool. With `bands`, the position of each row in the order, and its height in
        a lane, from 0 to 1.
    picks : list of array-like of int
        Positions in the pool that were bought, the initial batch first, then round by
        round.
    y : array-like of shape (n,), default=None
        Classes of the pool, at most 12 of them, to tell its points apart.
    axis_names : tuple of two str, default=("Dimension 1", "Dimension 2")
        What the dimensions are.
    bands : list of (start, stop) or None, default=None
        For each of `picks`, the part of the order in which it was chosen, None where
        there was none. None draws a map.

    Attributes
    ----------
    pool_ : list of matplotlib PathCollection
        The points of the pool without the picks, a collection for each class of `y`. Of
        a pool of more than 20,000, a random part is drawn; picks are drawn always.
        Empty with `bands`.
    picks_ : list of matplotlib PathCollection
        One for each of `picks`. With `bands`, a random part of a batch that is larger
        than its lane's share of 20,000.
    bands_ : list of matplotlib PolyCollection or None
        One for each of `bands`; empty without.
    colorbar_ : matplotlib Colorbar or None
        Says which color is which round, where these are too many for the legend.
    legend_ : matplotlib Legend or None
        None with `bands`: lanes have their names on the axis.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.plotting import QueryMapDisplay
    >>> from skal.strategies import MarginSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), MarginSampling(),
    ...                         n_initial=10, query_size=5, n_rounds=3, random_state=0)
    >>> display = QueryMapDisplay.from_estimator(learner.fit(X, y), X)
    >>> [len(picks.get_offsets()) for picks in display.picks_]
    [10, 5, 5, 5]
    >>> display.ax_.get_xlabel()
    'PCA 1'

    Bands, of a strategy that has parts:

    >>> from skal.strategies import BAL
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), BAL(balance=1.0),
    ...                         initial="strategy", n_initial=30, query_size=10,
    ...                         n_rounds=2, random_state=0)
    >>> display = QueryMapDisplay.from_estimator(learner.fit(X, y), X)
    >>> display.bands
    [(0, 50), (50, 100), (100, 150)]
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['Initial batch', 'Round 1', 'Round 2']
    >>> display.bands_[2].set_facecolor("mistyrose")
    """

    def __init__(
        self,
        points,
        picks,
        *,
        y=None,
        axis_names=("Dimension 1", "Dimension 2"),
        bands=None,
    ):
        self.points = points
        self.picks = picks
        self.y = y
        self.axis_names = axis_names
        self.bands = bands

    @classmethod
    def from_estimator(
        cls,
        learner,
        X,
        *,
        transformer=None,
        y=None,
        bands="auto",
        ax=None,
        cmap="viridis_r",
        pick_kw=None,
    ):
        """Draw the run of a fitted learner.

        Parameters
        ----------
        learner : ActiveLearner
            Fitted, or taught by hand; or what holds one at its end, a ``Pipeline`` or a
            search.
        X : container of n rows
            The pool that the learner was given.
        transformer : transformer or None, default=None
            Makes two columns of X by its ``fit_transform``; a clone is fitted. None
            takes X as it is where it has two columns, ``PCA(2)`` for other arrays (of
            images, the pixels), ``TruncatedSVD(2)`` for sparse matrices.
        y : array-like of shape (n,), default=None
            Classes of the pool, at most 12 of them, to tell its points apart.
        bands : "auto" or bool, default="auto"
            Whether to show the sub-pools of the strategy along its order. "auto" does
            where it has some and neither `transformer` nor `y` asks for a map.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        cmap : str or Colormap, default="viridis_r"
            Colors of the rounds, from light to dark, so that they read in gray.
        pick_kw : dict, default=None
            Properties of the picks.

        Returns
        -------
        display : QueryMapDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        history = history_of(learner, f"{cls.__name__}.from_estimator")
        picks = [row["indices"] for row in history]
        _check_picks(picks, n_rows(X), "X")
        _class_codes(y, n_rows(X))
        if _wants_bands(bands, learner, transformer, y):
            points, bands, names = along_order(learner, picks, n_rows(X))
        else:
            (points, names), bands = project(X, transformer), None
        display = cls(points, picks, y=y, axis_names=names, bands=bands)
        return display.plot(ax, cmap=cmap, pick_kw=pick_kw)

    def plot(self, ax=None, *, cmap="viridis_r", pool_kw=None, pick_kw=None):
        """Draw the map, or the lanes of `bands`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. The legend goes to the right of the
            axes: a figure with ``layout="constrained"`` has room for it.
        cmap : str or Colormap, default="viridis_r"
            Colors of the rounds, from light to dark, so that they read in gray.
        pool_kw, pick_kw : dict, default=None
            Properties of the points of the pool and of the picks, as ``Axes.scatter``
            takes them.

        Returns
        -------
        self : QueryMapDisplay
        """
        picks = _check_picks(self.picks, len(self.points), "points")
        if self.bands is None:
            ax, own = axes_for(self, ax, (7.5, 5))
            return self._draw_map(ax, own, picks, cmap, pool_kw, pick_kw)
        if len(self.bands) != len(picks):
            raise ValueError(
                f"bands has {len(self.bands)} entries and picks {len(picks)}: give one "
                f"for each batch, None for a batch without."
            )
        ax, _ = axes_for(self, ax, (7.5, lanes_height(len(picks))))
        return draw_lanes(self, ax, picks, cmap, pick_kw)

    def _draw_map(self, ax, own, picks, cmap, pool_kw, pick_kw):
        points = np.asarray(self.points)
        names, codes = _class_codes(self.y, len(points))
        rest = thinned(np.setdiff1d(np.arange(len(points)), np.concatenate(picks)))
        size = float(np.clip(15_000 / max(len(rest), 1), 3, 14))
        self.pool_ = [
            scatter(ax, points[rest[codes[rest] == number]], look, pool_kw, s=size)
            for number, look in enumerate(_pool_looks(names))
        ]
        colors, scale = round_colors(len(picks) - 1, cmap)
        named = len(colors) <= _MOST_NAMED
        self.picks_ = [
            scatter(ax, points[rows], look, pick_kw)
            for rows, look in zip(picks, pick_looks(colors, named), strict=True)
        ]
        self.bands_ = []
        self.colorbar_ = None if named else _draw_colorbar(ax, scale)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        self.legend_ = draw_legend(ax, own, right_of=1.02 if named else 1.2)
        of_pool = {points.get_label() for points in self.pool_}
        for handle in self.legend_.legend_handles:
            if handle.get_label() in of_pool:
                handle.set_sizes([24])
        return finish(self, ax)


def _wants_bands(bands, learner, transformer, y):
    """Tell whether to draw bands: "auto" does where nothing speaks against it."""
    given = transformer is not None or y is not None
    if isinstance(bands, str) and bands == "auto":
        return not given and not why_no_bands(learner)
    if not isinstance(bands, (bool, np.bool_)):
        raise ValueError(f"bands is {bands!r}: give 'auto', True or False.")
    if bands and given:
        raise ValueError(
            "bands=True shows an order of the pool, for which transformer and y have "
            "no use: leave them out, or give bands=False for a map."
        )
    return bands


def _check_picks(picks, n, name):
    """Return picks as arrays of positions among n rows."""
    picks = [np.asarray(rows, dtype=np.intp) for rows in picks]
    last = max((int(rows.max()) for rows in picks if len(rows)), default=-1)
    if last >= n:
        raise ValueError(
            f"{name} has {n} rows and row {last} was picked: give the pool that the "
            f"learner was fitted on."
        )
    return picks


def _class_codes(y, n):
    """Return the names of the classes, and the number of the class of each row."""
    if y is None:
        return [None], np.zeros(n, dtype=np.intp)
    names, codes = distinct(complete_labels(y, "y"))
    if len(codes) != n or len(names) > _MOST_CLASSES:
        raise ValueError(
            f"y has {len(codes)} labels of {len(names)} classes, and the pool {n} "
            f"rows: give one label a row, of at most {_MOST_CLASSES} classes, which is "
            f"what a map can tell apart, or None."
        )
    return names.tolist(), codes


def _pool_looks(names):
    for number, name in enumerate(names):
        yield {
            "facecolor": _PALE[number % len(_PALE)],
            "marker": _SHAPES[number % len(_SHAPES)],
            "label": "Pool" if name is None else f"Pool: {name}",
            "linewidth": 0,
            "rasterized": True,
        }


def _draw_colorbar(ax, scale):
    from matplotlib.ticker import MaxNLocator

    beside = ax.inset_axes([1.03, 0, 0.035, 1])
    ticks = MaxNLocator(6, integer=True)
    return ax.figure.colorbar(scale, cax=beside, label="Round", ticks=ticks)
