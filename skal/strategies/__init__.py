"""Query strategies: what to label next."""

from skal.strategies.base import QueryStrategy
from skal.strategies.coverage import CoreSet
from skal.strategies.random import RandomSampling
from skal.strategies.uncertainty import (
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
)

__all__ = [
    "CoreSet",
    "EntropySampling",
    "LeastConfidenceSampling",
    "MarginSampling",
    "QueryStrategy",
    "RandomSampling",
]
