"""The formulas and kernels behind the strategies: arrays in, arrays out.

Nothing here knows an estimator, a label or a pool. Input is taken as checked, is never
modified, and every random choice takes a `numpy.random.Generator`.
"""

from .allocation import largest_remainder
from .distances import distance_to_nearest
from .k_center import k_center_greedy
from .ranking import round_to_grid, top
from .uncertainty import entropy, least_confidence, margin

__all__ = [
    "distance_to_nearest",
    "entropy",
    "k_center_greedy",
    "largest_remainder",
    "least_confidence",
    "margin",
    "round_to_grid",
    "top",
]
