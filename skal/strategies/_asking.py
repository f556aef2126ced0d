"""Strategies that ask another strategy: they clone it, seed it and begin it."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import clone

from skal._seeding import derive, seed_params
from skal.strategies.base import QueryStrategy

_FOR_INNER = 3  # the part of a key after the strategy's own seed


class Asking(QueryStrategy):
    """Base of strategies that hold another one as a parameter.

    The clone that is asked is the attribute of the parameter's name with an underscore.
    """

    _held: ClassVar[str] = "strategy"

    def _given(self) -> Any:
        """Return the strategy to clone."""
        return getattr(self, self._held)

    @property
    def _asked(self) -> Any:
        """The clone that is asked."""
        return getattr(self, f"{self._held}_")

    def _begin(self, pool, reader):
        super()._begin(pool, reader)
        self._clone_inner()
        self._asked._begin(pool, self._read_by_inner())
        return self

    def _read_by_inner(self):
        """Return what the clone reads: by default what this one does."""
        return self._model()

    def _clone_inner(self):
        """Clone and seed the strategy, once for a seed and a strategy."""
        given, held = self._given(), getattr(self, self._held)
        if not isinstance(given, QueryStrategy):
            raise TypeError(
                f"{self._held} is {given!r}: give an instance of a class of "
                f"skal.strategies."
            )
        source = self.__dict__.get("_inner_source", (None, None))
        if source[0] is not held or source[1] != self.seed_:
            seed = derive(self.seed_, _FOR_INNER)
            asked = seed_params(clone(given), seed, leave=["representation"])
            setattr(self, f"{self._held}_", asked)
            self._inner_source = (held, self.seed_)

    def set_params(self, **params):
        """Set parameters; a changed inner strategy begins anew."""
        if any(name.split("__")[0] == self._held for name in params):
            self.__dict__.pop("_inner_source", None)
        return super().set_params(**params)

    def _forget_pool(self):
        super()._forget_pool()
        self._asked._forget_pool()
