"""The contract of query strategies: a public door, and a hook for each strategy.

A strategy is a class with one method: ``_score(self, proba)`` scores rows one at a
time, higher = more wanted; ``_select(self, query_size, rng, embedding, ...)`` chooses a
batch and returns positions among the candidates. The parameters of the hook are what it
reads (``_hooks.py`` has the vocabulary), and the base reads exactly that, in one pass
over the model. Annotated class attributes are the keyword-only parameters.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._docstrings import add_parameters
from skal._seeding import derive, draw_seed, generator, seed_params, torch_seeded
from skal.containers import Positions, as_array, as_pool, chunks, n_rows, take
from skal.functional import top
from skal.labels import (
    Pool,
    RoundCounter,
    check_query_size,
    column_classes,
    resolve_candidates,
)
from skal.readout import Reader, column_labels, learn_features, read_only
from skal.strategies._hooks import SHARED_PARAMETERS, Hook

# What a seed is for: the part of a key after the strategy's own seed.
_FOR_PROXY, _FOR_READING = range(1, 3)


def _has_score(strategy: QueryStrategy) -> bool:
    return strategy._score_hook is not None


@dataclass_transform(kw_only_default=True, eq_default=False)
@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class QueryStrategy(BaseEstimator):
    """Base class of all query strategies.

    Derive from it, annotate the parameters, and write one hook, ``_score`` or
    ``_select``. A class whose hook reads a model gets the parameter `estimator`, one
    whose hook reads features also `representation`.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None, default=None
        Seeds whatever is left to chance, ties among scores included. Drawn from once,
        at the first `fit`.
    missing_label : object, default=-1
        The mark of a missing label in y; NaN, None and pandas.NA are always missing.
    ood_label : object or None, default=None
        The label of a row that belongs to no class.

    Attributes
    ----------
    seed_ : int
        What was drawn from `random_state`.
    representation_ : transformer
        The fitted `representation`, where there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from skal import QueryStrategy
    >>> class LeastLikely(QueryStrategy):
    ...     '''Prefer rows that are improbable members of one class.'''
    ...     column: int = 0
    ...     def _score(self, proba):
    ...         return -proba[:, self.column]
    >>> proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> LeastLikely(column=1).fit(np.zeros((3, 1)), proba=proba).query(2)
    array([0, 2])
    """

    random_state: Any = None
    missing_label: Any = -1
    ood_label: Any = None

    representation: ClassVar[Any] = None
    estimator: ClassVar[Any] = None
    needs_dense_features: ClassVar[bool] = False
    """Whether the strategy refuses sparse features."""

    _score_hook: ClassVar[Hook | None] = None
    _select_hook: ClassVar[Hook | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        score, select = getattr(cls, "_score", None), getattr(cls, "_select", None)
        cls._score_hook = None if score is None else Hook(score)
        cls._select_hook = None if select is None else Hook(select)
        hooks = [hook for hook in (cls._score_hook, cls._select_hook) if hook]
        if any(hook.reads_model for hook in hooks):
            cls.__annotations__ = {**cls.__annotations__, "estimator": "Any"}
        if any(hook.reads_features for hook in hooks):
            cls.__annotations__ = {**cls.__annotations__, "representation": "Any"}
        dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
        names = {field.name for field in dataclasses.fields(cls)}
        shared = {n: text for n, text in SHARED_PARAMETERS.items() if n in names}
        cls.__doc__ = add_parameters(cls.__doc__, shared)

    # The door ------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        estimator: Any = None,
        proba: ArrayLike | None = None,
        embedding: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Take in the pool, what is labeled of it, and the model to read.

        Parameters
        ----------
        X : container of n rows
            The whole pool, labeled rows included.
        y : array-like of shape (n,), default=None
            Labels, with the missing label where there is none; None: nothing is
            labeled.
        estimator : fitted classifier, default=None
            The model that strategies read. It is not fitted again.
        proba : array-like of shape (n, n_classes), default=None
            Stands in for the probabilities of a model.
        embedding : array-like or sparse matrix of shape (n, n_features), default=None
            Stands in for the features of a model.
        classes : array-like of shape (n_classes,), default=None
            Names of the columns of `proba`. By default the sorted labels when their
            number fits, else 0 ... n_classes - 1 for integer labels.

        Returns
        -------
        self : object
        """
        if X is None:
            raise ValueError(
                "X is None: give the pool; where there are only features, they are X."
            )
        X = self._converted(X)
        _check_fitted(estimator)
        pool = Pool.from_labels(
            X,
            y,
            missing_label=self.missing_label,
            ood_label=self.ood_label,
            name_classes=lambda seen: _class_names(seen, estimator, proba, classes),
        )
        self._draw_seed()
        reader = Reader(
            X,
            estimator,
            classes=pool.classes,
            proba=proba,
            embedding=embedding,
            seed=derive(self.seed_, _FOR_READING, pool.n_bought),
        )
        return self._begin(self._in_its_round(pool), reader)

    def query(
        self, query_size: int = 1, *, candidates: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Choose the rows to label next.

        Parameters
        ----------
        query_size : int, default=1
            How many rows to choose.
        candidates : array-like of positions, or mask of shape (n,), default=None
            Restricts the choice; by default all unlabeled rows.

        Returns
        -------
        positions : ndarray of shape (query_size,), dtype intp
            Positions in X, distinct, most wanted first. All candidates, with a warning,
            where more are asked.
        """
        pool = self._whole_pool("query")
        query_size = check_query_size(query_size)
        positions = resolve_candidates(pool, candidates)
        if query_size > len(positions):
            warnings.warn(
                f"query_size is {query_size} and there are {len(positions)} candidates "
                f"left: all of them are returned.",
                UserWarning,
                stacklevel=2,
            )
        picked = self._query(min(query_size, len(positions)), positions)
        self._rounds.ask(pool.n_bought, len(picked))
        return picked

    @available_if(_has_score)
    def score_samples(self, X: Any = None) -> NDArray[np.floating]:
        """Score rows one at a time; higher = more wanted.

        Parameters
        ----------
        X : container of rows, default=None
            New data, as for the detection of out-of-distribution rows; None scores the
            whole pool, labeled rows included.

        Returns
        -------
        scores : ndarray of shape (n,)
        """
        if X is None:
            pool = self._whole_pool("score_samples")
            return self._scores(range(n_rows(pool.X)), self._model())
        self._check_begun("score_samples")
        X = as_pool(X)
        return self._scores(range(n_rows(X)), self._model().on(X))

    # The rooms -----------------------------------------------------------------------

    def _begin(self, pool: Pool, reader: Reader) -> Self:
        """Take in a pool and the reader of its model, from the door or a learner."""
        self._draw_seed()
        if (transformer := self._transformer(pool.X)) is not None:
            features = self._learn_features(transformer, pool.X, reader.memory)
            reader = reader.with_features(features)
        else:
            self.__dict__.pop("_learnt", None)
        self._pool, self._reader = pool, reader
        self._proxy: Reader | None = None
        self._forgotten = False
        self._rounds: RoundCounter = self.__dict__.get("_rounds", RoundCounter())
        return self

    def _query(
        self, query_size: int, candidates: Positions, key: tuple[int, ...] = ()
    ) -> NDArray[np.intp]:
        """Choose among candidates that are known to be unlabeled and enough.

        Several questions in one round draw from streams of their own by their `key`.
        """
        if not isinstance(candidates, range) and (np.diff(candidates) <= 0).any():
            candidates = np.sort(candidates)
        rng = generator(self.seed_, self._pool.n_bought, *key)
        hook = self._select_hook
        if hook is None:
            picked = top(self._scores(candidates, self._model()), query_size, rng)
            return picked if isinstance(candidates, range) else candidates[picked]
        candidates = as_array(candidates)
        chance = {"query_size": query_size, "rng": rng}
        arguments = self._arguments(hook, candidates, self._model(), chance)
        picked = np.asarray(self._select(**arguments))
        if not _are_distinct_positions(picked, query_size, len(candidates)):
            raise RuntimeError(
                f"{type(self).__name__}._select returned {picked!r}, not {query_size} "
                f"distinct positions among {len(candidates)} candidates."
            )
        return candidates[picked]

    def _scores(self, positions: Positions, reader: Reader) -> NDArray[np.floating]:
        """Score rows of a reader, chunk by chunk."""
        hook = self._score_hook
        if hook is None:
            raise RuntimeError(f"{type(self).__name__} has no hook, _score or _select.")
        if len(positions) == 0:
            return np.empty(0)
        around = self._surroundings(hook)
        pieces = [
            self._score(**self._rows(hook, piece, reader), **around)
            for piece in chunks(reader.X, positions)
        ]
        scores = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        if np.shape(scores) != (len(positions),):
            raise RuntimeError(
                f"{type(self).__name__}._score returned the shape {np.shape(scores)} "
                f"for {len(positions)} rows: return one score a row."
            )
        return scores

    def _arguments(
        self,
        hook: Hook,
        positions: NDArray[np.intp],
        reader: Reader,
        chance: dict[str, Any],
    ) -> dict[str, Any]:
        rows = self._rows(hook, positions, reader)
        given = {name: value for name, value in chance.items() if name in hook.facts}
        return rows | given | self._surroundings(hook)

    def _rows(self, hook: Hook, positions: Positions, reader: Reader) -> dict[str, Any]:
        """Read what a hook asks about the rows in question."""
        self._check_needs(hook, reader)
        names = hook.present(reader.knows).get("", ())
        values = reader.read(names, positions, **self._options())
        if "candidates" in hook.facts:
            values["candidates"] = read_only(as_array(positions))
        return values

    def _options(self) -> dict[str, Any]:
        return {"n_draws": self.n_draws} if hasattr(self, "n_draws") else {}

    def _once(self, make: Callable[..., Any], *given: Any, **options: Any) -> Any:
        """Make what a hook needs of its surroundings, once for all chunks of rows.

        As long as the same objects and equal options are given, what was made of them
        is returned again.
        """
        key = (*map(id, (make, *given)), options)
        if self.__dict__.get("_made") is None or self._made[0] != key:
            self._made: Any = (key, make(*given, **options), given)
        return self._made[1]

    def _surroundings(self, hook: Hook) -> dict[str, Any]:
        """Read what a hook asks about other rows, and what it asks of the pool."""
        pool, reader = self._pool, self._model()
        self._check_needs(hook, reader)
        if self._forgotten:
            if self._kept is None:
                raise NotFittedError(
                    f"{type(self).__name__} has dropped its pool and cannot score new "
                    f"rows without it: call fit(X, y, ...) again."
                )
            return self._kept
        facts = {
            "unlabeled": lambda: pool.unlabeled,
            "labeled_y": lambda: pool.labeled_y,
            "n_classes": lambda: len(pool.classes),
            "round": lambda: pool.round,
            "n_rounds": lambda: pool.n_rounds,
            "estimator": lambda: reader.estimator,
        }
        values = {
            name: read_only(facts[name]()) for name in hook.facts if name in facts
        }
        for prefix, names in hook.present(reader.knows).items():
            if prefix:
                positions, y = pool.rows(prefix)
                read = reader.read(names, positions, y=y, **self._options())
                values |= {prefix + name: read[name] for name in names}
        return values

    def _lacks(self, reader: Reader) -> list[str]:
        """Names that `_query` would miss over this reader."""
        hook = self._select_hook or self._score_hook
        if hook is None:
            return []
        learns = () if self._transformer(reader.X) is None else ("embedding",)
        return hook.missing(lambda name: name in learns or reader.knows(name))

    def _check_needs(self, hook: Hook, reader: Reader) -> None:
        if missing := hook.missing(reader.knows):
            raise ValueError(
                f"{type(self).__name__} reads `{missing[0]}`, and there is nothing to "
                f"read it from: {_remedy(missing[0], reader)}."
            )

    def _model(self) -> Reader:
        """Return the reader of the model, or of the proxy trained in its place."""
        pool = self._pool
        if self.estimator is None or self._forgotten or len(pool.labeled) == 0:
            return self._reader
        if self._proxy is None:
            seed = derive(self.seed_, _FOR_PROXY, pool.n_bought)
            proxy = seed_params(clone(self.estimator), seed)
            with torch_seeded(seed):
                proxy.fit(take(pool.X, pool.labeled), pool.y)
            self._proxy = self._reader.of(proxy)
        return self._proxy

    def _transformer(self, X: Any) -> Any:  # noqa: ARG002
        """Return what makes the features of a pool; None leaves it to the model."""
        return self.representation

    def _learn_features(self, transformer: Any, X: Any, memory: Any) -> Reader:
        """Fit a transformer, once as long as it and the pool stay the same."""
        learnt = self.__dict__.get("_learnt")
        if learnt is None or learnt[0] is not transformer or learnt[1].X is not X:
            features = learn_features(transformer, X, memory)
            self._learnt: Any = (transformer, features)
            self.representation_ = features.estimator.transformer
        return self._learnt[1]

    def set_params(self, **params: Any) -> Self:
        """Set parameters; what a representation learnt before is dropped with it."""
        if any(name.split("__")[0] == "representation" for name in params):
            self.__dict__.pop("_learnt", None)
        return super().set_params(**params)

    def _in_its_round(self, pool: Pool) -> Pool:
        """Count the rounds of a strategy by itself; another pool starts anew."""
        before: Pool | None = self.__dict__.get("_pool")
        same = before is not None and before.n_rows == pool.n_rows
        if before is None or not same or pool.n_bought < before.n_bought:
            self._rounds = RoundCounter()
        return dataclasses.replace(pool, round=self._rounds.update(pool.n_bought))

    def _converted(self, X: Any) -> Any:
        """Make a pool of X, the same one as long as X is the same object."""
        source = self.__dict__.get("_source")
        if source is None or source[0] is not X:
            self._source: Any = (X, as_pool(X))
        return self._source[1]

    def _draw_seed(self) -> None:
        if self.__dict__.get("_seed_source", self) is not self.random_state:
            self.seed_ = draw_seed(self.random_state)
            self._seed_source = self.random_state

    # Pool and pickle -----------------------------------------------------------------

    def _forget_pool(self) -> None:
        """Drop the pool; keep of it what scores of new rows need."""
        self._drop_pool(self._to_keep())

    def _to_keep(self) -> dict[str, Any] | None:
        """Read what scores of new rows need; None where that is all rows, or fails."""
        hook = self._score_hook
        if hook is None or hook.asks_for_all_rows:
            return None
        try:
            around = self._surroundings(hook)
        except (ValueError, TypeError):  # what cannot be read is missed when it is used
            return None
        return {
            name: value.copy() if hasattr(value, "dtype") else value
            for name, value in around.items()
        }

    def _drop_pool(self, kept: dict[str, Any] | None) -> None:
        self._kept = kept
        self._reader = (self._proxy or self._reader).on(None)
        self._pool = self._pool.without_rows()
        self._proxy = self._learnt = self._source = self._made = None
        self._forgotten = True

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __getstate__(self) -> dict[str, Any]:
        light = self
        if "_pool" in self.__dict__ and not self._forgotten:
            kept = self._to_keep()
            light = copy.copy(self)
            light._drop_pool(kept)
        state = super(QueryStrategy, light).__getstate__()
        left = ("_source", "_made")
        return {name: value for name, value in state.items() if name not in left}

    def __sklearn_is_fitted__(self) -> bool:
        return "_pool" in self.__dict__

    def _check_begun(self, method: str) -> None:
        if "_pool" not in self.__dict__:
            raise NotFittedError(
                f"{type(self).__name__} has no pool yet: call fit(X, y, ...) before "
                f"`{method}`."
            )

    def _whole_pool(self, method: str) -> Pool:
        self._check_begun(method)
        if self._forgotten:
            raise NotFittedError(
                f"{type(self).__name__} has dropped its pool, as a pickle or after a "
                f"simulation: call fit(X, y, ...) again before `{method}`."
            )
        return self._pool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.needs_dense_features
        tags.input_tags.allow_nan = True
        tags.target_tags.required = False
        return tags


def _remedy(name: str, reader: Reader) -> str:
    """Say what to do where a reading is missed."""
    if name.endswith("pretext_loss"):
        return (
            "give a `representation` that has sample_losses, such as "
            "skal.estimators.RotationPretext()"
        )
    if name.endswith("predicted_loss"):
        return "pass `fit` a fitted LossPredictionClassifier as `estimator`"
    model = "pass `fit` a fitted `estimator`"
    if name.endswith(("logit", "proba_draws")):
        return model
    array = "embedding" if "embedding" in name else "proba"
    if array in reader.given:
        return f"the array given to `fit` says nothing of new rows; {model}"
    return f"{model}, or an array `{array}` with one row a row of X"


def _are_distinct_positions(picked: NDArray[Any], n: int, n_candidates: int) -> bool:
    return (
        picked.shape == (n,)
        and picked.dtype.kind in "iu"
        and bool(((picked >= 0) & (picked < n_candidates)).all())
        and len(np.unique(picked)) == n
    )


def _class_names(
    seen: NDArray[Any], estimator: Any, proba: Any, classes: ArrayLike | None
) -> NDArray[Any]:
    """Name the columns of what will be read."""
    if proba is not None and np.ndim(proba) == 2:
        return column_classes(np.shape(proba)[1], seen, classes)
    if classes is not None:
        return np.asarray(classes)
    names = None if estimator is None else column_labels(estimator)
    if names is None:
        return seen
    known = set(np.asarray(names).tolist())
    new = [label for label in seen.tolist() if label not in known]
    if len(seen) and len(new) == len(seen):
        raise ValueError(
            f"y holds the labels {seen.tolist()[:10]} and the estimator knows the "
            f"classes {np.asarray(names).tolist()[:10]}, which share none: encode y as "
            f"it was encoded when the estimator was trained."
        )
    return np.asarray([*np.asarray(names).tolist(), *new]) if new else np.asarray(names)


def _check_fitted(estimator: Any) -> None:
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator is the class {estimator.__name__}: give a fitted instance."
        )
    if isinstance(estimator, BaseEstimator):
        check_is_fitted(estimator)
