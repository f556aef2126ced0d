"""Which strategy beats which: the penalty matrix as a heat map."""

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skal.metrics import penalty_matrix
from skal.metrics._results import score_column
from skal.plotting._style import DARK, axes_for

_NO_CELL = "#EEEEEE"
UNTESTED = "–"  # noqa: RUF001
UNTESTABLE = "one repeat: differences cannot be tested"
_GAP = 0.3  # between the matrix and the row of means, in cells


class PenaltyMatrixDisplay:
    """Which strategy is significantly better than which, and how often.

    A cell is the share of rounds in which the strategy of its row is significantly
    better than that of its column (:func:`skal.metrics.penalty_matrix`). The row below
    is the mean of each column over the other strategies: how often a strategy is
    beaten, lower is better. Of a single repeat nothing can be tested: its cells have
    dashes.

    Make it with :meth:`from_results`.

    Parameters
    ----------
    matrix : DataFrame of shape (n_strategies, n_strategies)
        Shares between 0 and 1, the row beats the column; NaN where there was no test.
        The same names, in the same order, on both sides.

    Attributes
    ----------
    mean_ : Series of shape (n_strategies,)
        How often each strategy is beaten.
    texts_ : ndarray of shape (n_strategies + 1, n_strategies)
        The numbers in the cells, matplotlib Text; None on the diagonal.
    meshes_ : list of matplotlib QuadMesh
        The matrix, and the row of means.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    References
    ----------
    .. [1] J. T. Ash, C. Zhang, A. Krishnamurthy, J. Langford, A. Agarwal (2020). Deep
       Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds. ICLR.

    Examples
    --------
    >>> import pandas as pd
    >>> from skal.plotting import PenaltyMatrixDisplay
    >>> names = ["Margin", "Entropy", "Random"]
    >>> matrix = pd.DataFrame([[0, 0.25, 0.5], [0, 0, 0.25], [0, 0, 0]],
    ...                       index=names, columns=names)
    >>> display = PenaltyMatrixDisplay(matrix).plot()
    >>> display.mean_
    Margin     0.000
    Entropy    0.125
    Random     0.375
    dtype: float64
    """

    def __init__(self, matrix):
        self.matrix = matrix

    @classmethod
    def from_results(cls, results, *, score=None, ax=None, cmap="Blues", text_kw=None):
        """Test the table of a comparison, and draw the outcome.

        Parameters
        ----------
        results : DataFrame
            One row a strategy, repeat and round, as
            :func:`skal.evaluation.compare_strategies` returns.
        score : str or None, default=None
            Column of the score, higher is better; None takes the only one that there
            is.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        cmap : str or Colormap, default="Blues"
            From light to dark, so that it reads in gray.
        text_kw : dict, default=None
            Properties of the numbers.

        Returns
        -------
        display : PenaltyMatrixDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_results")
        score = score_column(results, score)
        if results["repeat"].nunique() > 1:
            matrix = penalty_matrix(results, score=score)
        else:
            names = results["strategy"].unique()
            matrix = pd.DataFrame(np.nan, index=names, columns=names)
        return cls(matrix).plot(ax, cmap=cmap, text_kw=text_kw)

    def plot(self, ax=None, *, cmap="Blues", text_kw=None):
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        cmap : str or Colormap, default="Blues"
            From light to dark, so that it reads in gray.
        text_kw : dict, default=None
            Properties of the numbers, as ``Axes.text`` takes them.

        Returns
        -------
        self : PenaltyMatrixDisplay
        """
        matrix = _as_matrix(self.matrix)
        n = len(matrix)
        ax, _ = axes_for(self, ax, _figure_size(matrix))
        off_diagonal = matrix.mask(np.eye(n, dtype=bool))
        self.mean_ = off_diagonal.mean()
        edges = np.arange(n + 1.0) - 0.5
        below = edges[-1] + _GAP + np.arange(2.0)
        self.meshes_ = [
            _draw_cells(ax, edges, edges, off_diagonal, cmap),
            _draw_cells(ax, edges, below, self.mean_.to_frame().T, cmap),
        ]
        heights = [*range(n), n + _GAP]
        rows = np.vstack([off_diagonal, self.mean_])
        self.texts_ = self._write_numbers(ax, rows, heights, text_kw or {})
        tested = n == 1 or off_diagonal.notna().any(axis=None)
        self._label(ax, [*matrix.index, "mean"], heights, tested)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _write_numbers(self, ax, rows, heights, text_kw):
        """Write each number in black or white, whichever reads on its cell."""
        texts = np.full(rows.shape, None, dtype=object)
        mesh = self.meshes_[0]
        for (row, column), value in np.ndenumerate(rows):
            if row == column:
                continue
            text = UNTESTED if np.isnan(value) else f"{value:.2f}"
            color = DARK if np.isnan(value) else _reads_on(mesh.to_rgba(value))
            look = {"ha": "center", "va": "center", "color": color, "fontsize": 9}
            texts[row, column] = ax.text(column, heights[row], text, **(look | text_kw))
        return texts

    def _label(self, ax, names, heights, tested):
        """Name rows and columns, and say which way the matrix is read."""
        note = "mean: how often a strategy is beaten" if tested else UNTESTABLE
        ax.set(
            xticks=heights[:-1],
            yticks=heights,
            xlabel=f"Share of rounds in which the row beats the column\n({note})",
            aspect="equal",
        )
        ax.set_yticklabels(names)
        ax.set_xticklabels(names[:-1], rotation=45, ha="right", rotation_mode="anchor")
        ax.invert_yaxis()
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)


def _figure_size(matrix):
    """Return inches for cells that hold a number, and for the names beside them."""
    cells = 0.47 * len(matrix)
    names = 0.085 * max(len(str(name)) for name in matrix)
    return max(cells + names + 0.8, 4.4), cells + 0.7 * names + 1.5


def _draw_cells(ax, x, y, values, cmap):
    from matplotlib import colormaps

    cmap = colormaps.get_cmap(cmap).with_extremes(bad=_NO_CELL)
    look = {"edgecolors": "white", "linewidth": 1.5}
    return ax.pcolormesh(x, y, values, vmin=0, vmax=1, cmap=cmap, **look)


def _as_matrix(matrix):
    """Check the data of the display: a square DataFrame of shares."""
    if not isinstance(matrix, pd.DataFrame):
        raise TypeError(
            f"matrix is a {type(matrix).__name__}; it needs the DataFrame that "
            f"penalty_matrix returns."
        )
    if matrix.empty or list(matrix.index) != list(matrix.columns):
        raise ValueError(
            f"matrix has the rows {list(matrix.index)} and the columns "
            f"{list(matrix.columns)}; it needs the same strategies on both sides."
        )
    values = matrix.astype(float)
    outside = ((values < 0) | (values > 1)).to_numpy()
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise ValueError(
            f"matrix holds {values.iloc[row, column]} for {values.index[row]!r} "
            f"against {values.columns[column]!r}; it needs shares between 0 and 1."
        )
    return values


def _reads_on(color):
    """Return black or white, whichever stands out from a color."""
    luminance = np.dot(color[:3], (0.299, 0.587, 0.114))
    return "black" if luminance > 0.55 else "white"
