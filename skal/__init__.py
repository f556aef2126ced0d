"""skal decides what to label next: active learning as scikit-learn objects."""

from skal.learner import ActiveLearner
from skal.strategies import QueryStrategy

__version__ = "0.1.0.dev0"
__all__ = ["ActiveLearner", "QueryStrategy", "__version__"]
