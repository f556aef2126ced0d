"""The parts of an ordered pool in which a strategy chose, round by round."""

import numpy as np

from skal.metrics._scorers import _layers
from skal.plotting._picks import MOST_POINTS, round_colors, scatter, thinned
from skal.plotting._style import DARK, finish

_GOLDEN = (5**0.5 - 1) / 2  # its multiples, modulo 1, are spread evenly
_BAND = 0.8  # height of a band, in lanes
_SPREAD = 0.6  # height of its picks
_FIRST = (0.55, 0.55, 0.55)  # the shade of the first batch
_SIZES = 5, 30  # of picks, in points squared, the smaller the denser
_LABEL = 14  # height of the name of a lane, in points


def why_no_bands(learner):
    """Say why the sub-pools of a run cannot be drawn; "" where they can."""
    learner, strategy = _learner_and_strategy(learner)
    if not hasattr(strategy, "sub_pools_"):
        return (
            f"its strategy, {type(strategy).__name__}, has no sub-pools, as those of "
            f"BAL and PT4AL"
        )
    done, first = strategy._pool.round, _first_round(learner)
    if len(learner.history_) != done + first:
        return (
            "its labels were not handed in as they were asked for, so that it is not "
            "known which round had which sub-pool"
        )
    if not any(number < done for number in strategy.sub_pools_):
        return "no round of its strategy is over yet"
    return ""


def along_order(learner, picks, n):
    """Return points, bands and names of the axes for the run of a learner.

    The first column of the points is the position in the strategy's order, the second
    the height in a lane, from 0 to 1.
    """
    if reason := why_no_bands(learner):
        raise ValueError(
            f"bands=True draws sub-pools, and this learner has none to draw: {reason}. "
            f"Leave bands at 'auto' for a map."
        )
    learner, strategy = _learner_and_strategy(learner)
    if len(strategy.order_) != n:
        raise ValueError(
            f"X has {n} rows and the strategy ordered {len(strategy.order_)}: give the "
            f"pool that the learner was fitted on."
        )
    points = np.full((n, 2), 0.5)
    points[strategy.order_, 0] = np.arange(n)
    for rows in picks:
        along = rows[np.argsort(points[rows, 0])]
        points[along, 1] = (0.5 + _GOLDEN * np.arange(len(rows))) % 1
    first = _first_round(learner)
    bands = [strategy.sub_pools_.get(row - first) for row in range(len(picks))]
    begin = "easiest" if getattr(strategy, "descending", False) else "hardest"
    return points, bands, (f"Position in the order, {begin} first", "")


def _learner_and_strategy(learner):
    layers = _layers(learner)
    learner = next(layer for layer in layers if hasattr(layer, "history_"))
    return learner, getattr(learner, "strategy_", None)


def _first_round(learner):
    """Return which row of the history is the strategy's first acquisition."""
    initial = learner.initial
    return 0 if isinstance(initial, str) and initial == "strategy" else 1


def lanes_height(n_lanes):
    """Return the height of a figure of that many lanes, in inches."""
    return float(np.clip(1.2 + 0.45 * n_lanes, 3, 9))


def draw_lanes(display, ax, picks, cmap, pick_kw):
    """Draw a lane for each batch: its band, if it has one, and its picks."""
    n_lanes = len(picks)
    names = ["Initial batch", *(f"Round {number}" for number in range(1, n_lanes))]
    shades = [_FIRST, *(color[:3] for color in round_colors(n_lanes - 1, cmap)[0])]
    display.bands_ = [
        None if band is None else _draw_band(ax, lane, band, shade)
        for lane, (band, shade) in enumerate(zip(display.bands, shades, strict=True))
    ]
    box = ax.get_window_extent()
    width, height = np.array([box.width, box.height / n_lanes]) * 72 / ax.figure.dpi
    points = np.asarray(display.points)
    drawn = [points[thinned(rows, MOST_POINTS // n_lanes)] for rows in picks]
    sizes = _sizes(drawn, width * height * _SPREAD / len(points))
    display.picks_ = []
    for lane, (at, size) in enumerate(zip(drawn, sizes, strict=True)):
        look = {"facecolor": [shades[lane]], "edgecolor": DARK, "label": names[lane]}
        look |= {"s": size, "linewidth": 0.11 * size**0.5, "zorder": 3}
        at = at * [1, _SPREAD] + [0, lane - _SPREAD / 2]
        display.picks_.append(scatter(ax, at, look, pick_kw))
    display.pool_, display.colorbar_, display.legend_ = [], None, None
    finish(display, ax)
    _name_lanes(ax, names, max(1, int(np.ceil(_LABEL / height))))
    _set_limits(ax, n_lanes, len(points))
    ax.set(xlabel=display.axis_names[0], ylabel=display.axis_names[1])
    return display


def _sizes(batches, area):
    """Return how large picks can be; a place in the order has `area` in its lane."""
    rooms = []
    for places in (batch[:, 0] for batch in batches):
        low, high = np.quantile(places, [0.1, 0.9]) if len(places) else (0, np.inf)
        rooms.append(area * (high - low + 0.8) / max(1, len(places)))
    rooms[1:] = [min(rooms[1:], default=0)] * (len(rooms) - 1)  # rounds look alike
    return np.clip(rooms, *_SIZES)


def _draw_band(ax, lane, band, shade):
    """Draw where a batch was chosen: a row takes half a place on either side."""
    start, stop = band
    return ax.broken_barh(
        [(start - 0.5, stop - start)],
        (lane - _BAND / 2, _BAND),
        facecolor=0.3 * np.asarray(shade) + 0.7,
        edgecolor=DARK,
        linewidth=0.5,
        zorder=2,
    )


def _name_lanes(ax, names, step):
    ax.set_yticks(range(0, len(names), step), names[::step])
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")


def _set_limits(ax, n_lanes, n):
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    ax.set_ylim(n_lanes - 0.5, -0.5)
    ax.set_xlim(-0.5 - 0.01 * n, n - 0.5 + 0.01 * n)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
