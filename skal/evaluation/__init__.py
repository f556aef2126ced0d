"""Compare strategies on one pool, and say how sure the difference is."""

from skal.evaluation._compare import compare_strategies
from skal.evaluation._statistics import compare_with_baseline
from skal.evaluation._summary import summary

__all__ = ["compare_strategies", "compare_with_baseline", "summary"]
