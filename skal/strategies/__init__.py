"""Query strategies: what to label next."""

from skal.strategies.adversarial import VAAL
from skal.strategies.base import QueryStrategy
from skal.strategies.clusters import KMeansSampling, ProbCover, TypiClust
from skal.strategies.committee import BALD, BatchBALD
from skal.strategies.contrastive import CAL
from skal.strategies.coverage import ActiveFT, CoreSet
from skal.strategies.features import DDU, DFM, SCAL
from skal.strategies.gradients import BADGE
from skal.strategies.held_out import FISHER, GLISTER
from skal.strategies.pretext import PAL
from skal.strategies.random import RandomSampling
from skal.strategies.sub_pools import BAL, PT4AL
from skal.strategies.submodular import SIMILAR, SubmodularSampling
from skal.strategies.uncertainty import (
    EntropySampling,
    LearningLoss,
    LeastConfidenceSampling,
    MarginSampling,
    NormalizedConfidenceSampling,
)
from skal.strategies.wrappers import ClassBalanced, Partitioned

__all__ = [
    "BADGE",
    "BAL",
    "BALD",
    "CAL",
    "DDU",
    "DFM",
    "FISHER",
    "GLISTER",
    "PAL",
    "PT4AL",
    "SCAL",
    "SIMILAR",
    "VAAL",
    "ActiveFT",
    "BatchBALD",
    "ClassBalanced",
    "CoreSet",
    "EntropySampling",
    "KMeansSampling",
    "LearningLoss",
    "LeastConfidenceSampling",
    "MarginSampling",
    "NormalizedConfidenceSampling",
    "Partitioned",
    "ProbCover",
    "QueryStrategy",
    "RandomSampling",
    "SubmodularSampling",
    "TypiClust",
]
