"""The loop: train, ask, label, and again."""

from skal.learner._learner import ActiveLearner

__all__ = ["ActiveLearner"]
