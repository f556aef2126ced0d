"""The looks that the displays share: axes, legends, and a look for each line."""

from itertools import count

from sklearn.utils._optional_dependencies import check_matplotlib_support

# Okabe and Ito's colors; their yellow fades on white, and black is the baseline's.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (6, 1.5)), (0, (4, 1.5, 1, 1.5)), (0, (2, 1)), (0, (9, 2, 3, 2)))
MARKERS = "os^DvPX<>p*d"
DARK = "#222222"
BASELINE = {"color": DARK, "marker": "x", "linestyle": (0, (1, 1.2))}
_BASELINE_NAMES = {"random", "randomsampling", "random sampling", "chance"}


def axes_for(display, ax, figsize):
    """Return the axes to draw on, and whether their figure was made for them."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=figsize, layout="constrained")[1], True
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax is a {type(ax).__name__}; it needs one matplotlib Axes, or None for a "
            f"figure of its own."
        )
    return ax, False


def finish(display, ax):
    """Tidy the axes and keep them as the display's."""
    ax.grid(alpha=0.25, lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    display.ax_, display.figure_ = ax, ax.figure
    return display


def looks(names, ax):
    """Give each strategy a color, a marker and dashes: twelve that print in gray.

    Random sampling has a look of its own, the same in every figure. Looks go on where
    the lines that are on the axes already end.
    """
    numbers = count(sum(not _is_baseline(line.get_label()) for line in ax.lines))
    return [BASELINE if _is_baseline(name) else _look(next(numbers)) for name in names]


def _is_baseline(name):
    return str(name).strip().casefold() in _BASELINE_NAMES


def _look(number):
    color = COLORS[number % len(COLORS)]
    marker = MARKERS[number % len(MARKERS)]
    hollow = number // len(COLORS) % 2
    return {
        "color": color,
        "marker": marker,
        "markersize": 8 if marker == "*" else 5,
        "linestyle": DASHES[number % len(DASHES)],
        "markerfacecolor": "white" if hollow else color,
    }


def draw_legend(ax, outside, *, title=None, right_of=1.02, handlelength=2.0):
    """Put the legend to the right of the data.

    Where another display drew on the same axes, one legend takes the place of two; its
    title stays if it is true of both.
    """
    handles, labels = ax.get_legend_handles_labels()
    ours = f"legend of skal {id(ax)}"
    old = [*ax.figure.legends, *filter(None, [ax.get_legend()])]
    for legend in old:
        if legend.get_gid() == ours:
            outside = outside or legend in ax.figure.legends
            title = title if legend.get_title().get_text() == title else None
            legend.remove()
    options = {
        "frameon": False,
        "title": title,
        "alignment": "left",
        "handlelength": handlelength,
    }
    if outside:
        place = {"loc": "outside right center"}
        legend = ax.figure.legend(handles, labels, **place, **options)
    else:
        place = {"loc": "center left", "bbox_to_anchor": (right_of, 0.5)}
        legend = ax.legend(handles, labels, borderaxespad=0, **place, **options)
    legend.set_gid(ours)
    return legend


def in_words(column):
    """Turn the name of a column into words: "f1_macro" is "F1 macro"."""
    words = str(column).replace("_", " ").strip()
    return words[:1].upper() + words[1:]
