"""The looks of picks: a color for each round, light to dark."""

import numpy as np

from skal._seeding import generator
from skal.plotting._style import DARK

MOST_POINTS = 20_000  # a figure shows no more


def thinned(rows, most=MOST_POINTS):
    """Take as many rows as a figure can show, always the same ones."""
    if len(rows) <= most:
        return rows
    return np.sort(generator(0).choice(rows, most, replace=False))


def pick_looks(colors, named):
    """Yield properties of the first batch, and of each round that has a color."""
    shared = {"edgecolor": DARK, "linewidth": 0.6}
    initial = {"marker": "*", "facecolor": "white", "s": 70, "label": "Initial batch"}
    yield shared | initial
    for number, color in enumerate(colors, start=1):
        look = {"marker": "o", "facecolor": [color], "s": 30}
        yield shared | look | ({"label": f"Round {number}"} if named else {})


def scatter(ax, points, look, custom, **more):
    """Draw points in a look, and in what the user wants of it."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import PathCollection

    custom = normalize_kwargs(custom, PathCollection)
    if not custom.keys().isdisjoint({"c", "color"}):
        look = {key: value for key, value in look.items() if key != "facecolor"}
    return ax.scatter(*points.T, **(look | more | custom))


def round_colors(n_rounds, cmap):
    """Return a color for each round, light to dark, and the scale that they are on."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shades = colormaps.get_cmap(cmap)(np.linspace(0.05, 1, max(n_rounds, 2)))
    scale = ScalarMappable(Normalize(0.5, n_rounds + 0.5), ListedColormap(shades))
    return list(shades[:n_rounds]), scale
