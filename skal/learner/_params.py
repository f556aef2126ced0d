"""Whether an estimator or strategy is still set as it was."""

from numbers import Real


def nested_params(estimator):
    """Return an object, its parameters and those of what it holds."""
    if estimator is None or not hasattr(estimator, "get_params"):
        return {"": estimator}
    return {"": estimator, **estimator.get_params(deep=True)}


def same_params(one, other):
    """Tell whether two answers of :func:`nested_params` say the same."""
    return one.keys() == other.keys() and all(
        value is other[name]
        or (isinstance(value, (str, Real)) and value == other[name])
        for name, value in one.items()
    )
