"""What a strategy reads, declared by the signature of its hook."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from skal.readout import OF_REPRESENTATION, READINGS

PREFIXES = {
    "": "the rows in question",
    "labeled_": "the rows with the label of a class",
    "ood_": "the rows labeled out-of-distribution",
    "pool_": "all rows",
}
FACTS = {
    "query_size": "int: how many rows to choose",
    "rng": "numpy.random.Generator",
    "candidates": "(rows,) positions of the rows in question in the pool",
    "unlabeled": "(n,) mask along the pool",
    "labeled_y": "(labeled rows,) column numbers of proba",
    "n_classes": "int: classes known so far; under a simulation, all of them",
    "round": "int: acquisitions made before this one",
    "n_rounds": "int or None: acquisitions planned, the first batch included",
    "estimator": "the fitted model, or None",
}


class Hook:
    """The names that a hook asks for.

    Attributes
    ----------
    readings : dict of str to tuple of str
        By prefix, what is read of the model for those rows.
    facts : tuple of str
        What is known without a model.
    optional : frozenset of str
        Names with a default: absent while there is no model.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self.optional = frozenset(
            p.name for p in parameters if p.default is not inspect.Parameter.empty
        )
        self.facts = tuple(p.name for p in parameters if p.name in FACTS)
        self.readings: dict[str, tuple[str, ...]] = {}
        for parameter in parameters:
            if parameter.name not in FACTS:
                prefix, reading = _split(parameter.name, function)
                self.readings[prefix] = (*self.readings.get(prefix, ()), reading)

    @property
    def reads_features(self) -> bool:
        """Whether features are read, of whichever rows."""
        return any(OF_REPRESENTATION & {*names} for names in self.readings.values())

    @property
    def asks_for_all_rows(self) -> bool:
        """Whether readings or facts of every row of the pool are asked for."""
        return "pool_" in self.readings or "unlabeled" in self.facts

    @property
    def reads_model(self) -> bool:
        """Whether anything is read of the model."""
        names = {name for names in self.readings.values() for name in names}
        return bool(names - {"X"}) or "estimator" in self.facts

    def present(self, knows: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
        """Leave out optional readings that nothing is known of."""
        return {
            prefix: kept
            for prefix, names in self.readings.items()
            if (kept := tuple(n for n in names if self._given(prefix + n, n, knows)))
        }

    def _given(self, name: str, reading: str, knows: Callable[[str], bool]) -> bool:
        return name not in self.optional or knows(reading)

    def missing(self, knows: Callable[[str], bool]) -> list[str]:
        """Names that must be there and are not."""
        return [
            prefix + name
            for prefix, names in self.readings.items()
            for name in names
            if prefix + name not in self.optional and not knows(name)
        ]


def _split(name: str, function: Callable[..., Any]) -> tuple[str, str]:
    for prefix in ("labeled_", "ood_", "pool_", ""):
        reading = name.removeprefix(prefix)
        if name.startswith(prefix) and reading in READINGS:
            return prefix, reading
    raise TypeError(
        f"{function.__qualname__} asks for {name!r}, which no strategy can read. The "
        f"vocabulary: {sorted(READINGS)}, each also with the prefixes "
        f"{[p for p in PREFIXES if p]}; and {sorted(FACTS)}."
    )


SHARED_PARAMETERS = {
    "representation": """transformer or None, default=None
    Makes the features: None takes those of the model (of a skorch net, what goes into
    its last linear layer; of any other, its input after the steps of a pipeline), or X
    itself while there is no model and X is a table of numbers. Any other transformer is
    fitted once for a pool and reused while the pool stays the same object; one left at
    ``random_state=None`` is seeded with a constant, so that all runs share its
    features.""",
    "estimator": """classifier or None, default=None
    A proxy: a clone of it is fitted on the labeled rows and read in place of the model
    that `fit` is given.""",
    "random_state": """int, RandomState, Generator or None, default=None
    Seeds whatever is left to chance, ties among scores included. Drawn from once, at
    the first `fit`.""",
    "missing_label": """object, default=-1
    The mark of a missing label in y; NaN, None and pandas.NA are always missing. Under
    a learner, the learner's holds.""",
    "ood_label": """object or None, default=None
    The label of a row that belongs to no class. Under a learner, the learner's
    holds.""",
}
