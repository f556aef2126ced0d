"""Set functions over a pool, and how to maximize them: what to choose together.

A `Similarity` compares rows of a pool among each other, to a query set and to a private
set; a function values sets of rows by it; `maximize` finds a set of large value. Arrays
in, arrays out, as in `skal.functional`.
"""

from ._base import SetFunction
from ._determinants import LogDetCG, LogDetCMI, LogDeterminant, LogDetMI
from ._facility_locations import FLCG, FLCMI, FLQMI, FLVMI, FacilityLocation
from ._graph_cuts import GCCG, GCMI, DivGCMI, GraphCut
from ._maximize import Selection, maximize
from ._similarity import Similarity

__all__ = [
    "FLCG",
    "FLCMI",
    "FLQMI",
    "FLVMI",
    "GCCG",
    "GCMI",
    "DivGCMI",
    "FacilityLocation",
    "GraphCut",
    "LogDetCG",
    "LogDetCMI",
    "LogDetMI",
    "LogDeterminant",
    "Selection",
    "SetFunction",
    "Similarity",
    "maximize",
]
