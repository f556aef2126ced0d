"""What is known about a pool: missing labels, budgets, and what has been bought.

The mark of a missing label lives at the door only. Here it becomes one array of codes,
and everything behind the door asks the :class:`Pool`.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from skal.containers import Positions, n_rows

UNLABELED = -1
OUT_OF_DISTRIBUTION = -2


@dataclasses.dataclass(frozen=True)
class Pool:
    """All rows and what has been bought of them.

    Parameters
    ----------
    X : container of n rows
        The pool, labeled rows included.
    codes : ndarray of shape (n,)
        The class number of each row, :data:`UNLABELED` or :data:`OUT_OF_DISTRIBUTION`.
    classes : ndarray of shape (n_classes,)
        The names of the classes, in the order of the columns of ``proba``.
    round : int, default=0
        The number of acquisitions made before this one.
    n_rounds : int or None, default=None
        The number of acquisitions planned, the first batch included; None = not known.
    n_dropped : int, default=0
        Rows that the pool had besides those in `codes`.
    """

    X: Any
    codes: NDArray[np.signedinteger[Any]]
    classes: NDArray[Any]
    round: int = 0
    n_rounds: int | None = None
    n_dropped: int = 0

    @property
    def n_rows(self) -> int:
        """Number of rows of the whole pool, also where they are not there anymore."""
        return len(self.codes) + self.n_dropped

    @classmethod
    def from_labels(
        cls,
        X: Any,
        y: ArrayLike | None,
        *,
        missing_label: Any = -1,
        ood_label: Any = None,
        name_classes: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> Pool:
        """Read labels with marks for the missing ones; ``y=None``: none is known.

        ``name_classes`` makes the classes of the sorted labels that were seen.
        """
        if y is None:
            names = np.empty(0, dtype=np.intp)
            names = name_classes(names) if name_classes else names
            return cls(X, _no_codes(n_rows(X), len(names)), names)
        y = as_labels(y, missing_label)
        if ood_label is not None and is_missing(
            np.array([ood_label], dtype=object), missing_label
        ):
            raise ValueError(
                f"ood_label and missing_label are both {ood_label!r}: give what is out "
                f"of distribution a mark of its own."
            )
        _refuse_text(y, "ood_label", ood_label)
        if len(y) != n_rows(X):
            raise ValueError(
                f"X has {n_rows(X)} rows and y has {len(y)}: give one label a row, "
                f"{missing_label!r} where nobody has labeled it yet."
            )
        return cls(X, *encode(y, missing_label, ood_label, name_classes))

    @functools.cached_property
    def labeled(self) -> NDArray[np.intp]:
        """Positions of the rows with the label of a class."""
        return np.flatnonzero(self.codes >= 0)

    @functools.cached_property
    def ood(self) -> NDArray[np.intp]:
        """Positions of the rows labeled out-of-distribution."""
        return np.flatnonzero(self.codes == OUT_OF_DISTRIBUTION)

    @functools.cached_property
    def unlabeled(self) -> NDArray[np.bool_]:
        """Mask of the rows that nobody has labeled."""
        return self.codes == UNLABELED

    @functools.cached_property
    def bought(self) -> NDArray[np.intp]:
        """Positions of all rows that somebody was paid for."""
        return np.flatnonzero(~self.unlabeled)

    @functools.cached_property
    def n_bought(self) -> int:
        """Number of rows that somebody was paid for."""
        return len(self.codes) - int(np.count_nonzero(self.unlabeled))

    @property
    def labeled_y(self) -> NDArray[np.intp]:
        """Class numbers of the rows in :attr:`labeled`."""
        return self.codes[self.labeled].astype(np.intp)

    @property
    def y(self) -> NDArray[Any]:
        """Labels of the rows in :attr:`labeled`."""
        return self.classes[self.codes[self.labeled]]

    def rows(self, prefix: str) -> tuple[NDArray[np.intp], NDArray[np.intp] | None]:
        """Positions that a prefix of a reading stands for, and their class numbers."""
        if prefix == "labeled_":
            return self.labeled, self.labeled_y
        if prefix == "ood_":
            return self.ood, None
        return np.arange(len(self.codes)), None

    def without_rows(self) -> Pool:
        """Return what was bought, without the rows."""
        codes = self.codes[self.bought]
        n_dropped = self.n_rows - len(codes)
        return dataclasses.replace(self, X=None, codes=codes, n_dropped=n_dropped)


@dataclasses.dataclass
class RoundCounter:
    """Counts acquisitions of somebody who labels by hand.

    One is over when at least as many new labels are in as the last query asked for:
    asking again, or handing in a part, is no round.
    """

    done: int = 0
    n_bought: int = 0
    n_asked: int = 0

    def ask(self, n_bought: int, n_asked: int) -> None:
        """Note a query at this number of labels."""
        self.n_bought, self.n_asked = n_bought, n_asked

    def update(self, n_bought: int) -> int:
        """Take in how many labels there are now; return the acquisitions made."""
        if self.n_asked and n_bought - self.n_bought >= self.n_asked:
            self.done, self.n_asked = self.done + 1, 0
        return self.done


def as_labels(y: Any, missing_label: Any = -1) -> NDArray[Any]:
    """Bring labels of any kind into a 1-D array whose missing values can be found."""
    if isinstance(y, np.ma.MaskedArray):
        y, masked = y.data.astype(object), np.ma.getmaskarray(y)
        y[masked] = None
    dtype = getattr(y, "dtype", None)
    if dtype is not None and not isinstance(dtype, np.dtype) and hasattr(y, "to_numpy"):
        y = y.to_numpy(dtype=object)  # pandas Int64, category, string
    elif isinstance(y, (list, tuple)) and _needs_objects(y):
        y = np.array([*y, None], dtype=object)[:-1]  # strings, None, NA: as they are
    y = column_or_1d(y, warn=True)
    _refuse_text(y, "missing_label", missing_label)
    return y


def _needs_objects(y: list[Any] | tuple[Any, ...]) -> bool:
    """Tell whether a list holds strings or marks that an array would turn into them."""
    nested = any(isinstance(label, (list, tuple, np.ndarray)) for label in y)
    return not nested and not all(isinstance(label, (Real, np.bool_)) for label in y)


def _refuse_text(y: NDArray[Any], name: str, mark: Any) -> None:
    """Refuse labels in which NumPy turned a mark that is no string into one."""
    if y.dtype.kind not in "US" or mark is None or isinstance(mark, (str, bytes)):
        return
    text = str(mark)
    if (y == np.asarray(text, dtype=y.dtype.kind)).any():
        raise ValueError(
            f"y holds the string {text!r}, which is not the {name} {mark!r}: NumPy "
            f"turned it into text. Build y with dtype=object, or pass {name}={text!r}."
        )


def is_missing(y: NDArray[Any], missing_label: Any = -1) -> NDArray[np.bool_]:
    """Mask of shape (n,): True where `y` is the mark, None, NaN or pandas.NA."""
    kind = y.dtype.kind
    if kind == "O":
        return _missing_objects(y, missing_label)
    marked = _comparable(kind, missing_label)
    if kind != "f":
        return y == missing_label if marked else np.zeros(len(y), dtype=bool)
    return np.isnan(y) | (y == missing_label) if marked else np.isnan(y)


def _comparable(kind: str, mark: Any) -> bool:
    if kind in "US":
        return isinstance(mark, (str, bytes))
    return isinstance(mark, (Real, np.generic)) and kind in "biuf"


def _missing_objects(y: NDArray[Any], mark: Any) -> NDArray[np.bool_]:
    pandas = sys.modules.get("pandas")
    absent = (None, getattr(pandas, "NA", None))
    marked = not any(mark is label for label in absent)

    def missing(label: Any) -> bool:
        if label is absent[0] or label is absent[1]:
            return True
        return bool(label != label or (marked and label == mark))

    return np.fromiter((missing(label) for label in y), dtype=bool, count=len(y))


def encode(
    y: NDArray[Any],
    missing_label: Any = -1,
    ood_label: Any = None,
    name_classes: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[Any]]:
    """Turn labels into codes (see :class:`Pool`) and the names of the classes."""
    bought = np.flatnonzero(~is_missing(y, missing_label))
    outside = np.zeros(len(bought), dtype=bool)
    if ood_label is not None:
        outside = is_missing(y[bought], ood_label)
    seen, inverse = distinct(y[known := bought[~outside]])
    names = seen if name_classes is None else name_classes(seen)
    number = {label: code for code, label in enumerate(names.tolist())}
    unknown = [label for label in seen.tolist() if label not in number]
    if unknown:
        raise ValueError(
            f"y holds the labels {unknown[:5]}, which are not among the classes "
            f"{names.tolist()}. Add them to `classes`, or mark them as missing."
        )
    codes = _no_codes(len(y), len(names))
    codes[bought[outside]] = OUT_OF_DISTRIBUTION
    codes[known] = np.array([number[v] for v in seen.tolist()], codes.dtype)[inverse]
    return codes, names


def _no_codes(n: int, n_classes: int) -> NDArray[np.signedinteger[Any]]:
    """Codes of n rows that nobody has labeled, in the smallest dtype that does."""
    return np.full(n, UNLABELED, dtype=np.min_scalar_type(-max(2, n_classes)))


def distinct(labels: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Sort the distinct labels, in the plainest dtype that holds them; the inverse."""
    labels = np.asarray(labels)
    kinds = {type(label) for label in labels} if labels.dtype.kind == "O" else set()
    if kinds and not any(issubclass(kind, (str, bytes)) for kind in kinds):
        labels = np.array(labels.tolist())
    try:
        seen, inverse = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"y mixes labels of the types {sorted(kind.__name__ for kind in kinds)}, "
            f"which cannot be sorted: use one type for all labels."
        ) from error
    if seen.dtype.kind == "O":
        seen[:] = [v.item() if isinstance(v, np.generic) else v for v in seen]
    return seen, inverse


def column_classes(
    n_columns: int, labels: ArrayLike, classes: ArrayLike | None = None
) -> NDArray[Any]:
    """Name the columns of an array of probabilities.

    ``classes`` if it is given; else the sorted distinct `labels` when their number
    fits; else 0 ... n_columns - 1 when the labels are integers in that range.
    """
    if classes is not None:
        names = np.asarray(classes)
        if len(set(names.tolist())) < len(names):
            raise ValueError(f"classes names a class twice: {names.tolist()}.")
        if len(names) != n_columns:
            raise ValueError(
                f"proba has {n_columns} columns and `classes` names {len(names)}: "
                f"give one name a column."
            )
        return names
    seen, _ = distinct(labels)
    if len(seen) == n_columns:
        return seen
    fits = seen.dtype.kind in "biu" and (seen >= 0).all() and (seen < n_columns).all()
    if len(seen) == 0 or fits:
        return np.arange(n_columns)
    raise ValueError(
        f"proba has {n_columns} columns and the labels are {seen[:10].tolist()}: "
        f"name the columns with `classes`."
    )


def resolve_count(value: Any, n: int, name: str) -> int:
    """Turn a count (int >= 1) or a share of n (float in (0, 1]) into a count."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(
            f"{name} is {value!r}, a {type(value).__name__}: give an int >= 1, or a "
            f"float in (0, 1] as a share of the pool."
        )
    if isinstance(value, Integral):
        if value < 1:
            raise ValueError(f"{name} is {value}: give an int >= 1.")
        return int(value)
    if not 0 < float(value) <= 1:
        raise ValueError(
            f"{name} is {value}: a float is a share of the pool, in (0, 1]. For a "
            f"number of labels give an int."
        )
    return max(1, round(float(value) * n))


def check_complete(y: ArrayLike | None, n: int, owner: str) -> NDArray[Any]:
    """Check the labels of a simulation: one a row, none missing."""
    if y is None:
        raise ValueError(
            f"This {owner} estimator requires y to be passed, but the target y is "
            f"None. To label by hand, use `teach`."
        )
    y = as_labels(y, missing_label=None)
    if len(y) != n:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n} "
            f"rows and y has {len(y)}."
        )
    if y.dtype.kind == "f" and np.isinf(y).any():
        raise ValueError(
            f"Input y contains infinity or a value too large for {y.dtype!r}."
        )
    if is_missing(y, None).any():
        raise ValueError(
            "Input y contains NaN or another missing label. `fit` simulates a run and "
            "needs every label; to label by hand, give the same y to `teach`."
        )
    return y


def warn_if_sentinel(classes: NDArray[Any], missing_label: Any) -> None:
    """Warn when the mark of a missing label is a class of a simulation."""
    if is_missing(classes, missing_label).any():
        warnings.warn(
            f"The label {missing_label!r} is taken as a class: `fit` simulates a run, "
            f"in which no label is missing. If it marks missing labels, use `teach`.",
            UserWarning,
            stacklevel=5,
        )


def check_query_size(query_size: Any) -> int:
    """Check a number of rows to choose."""
    if isinstance(query_size, (bool, np.bool_)) or not isinstance(query_size, Integral):
        raise TypeError(f"query_size is {query_size!r}: give an int >= 1.")
    if query_size < 1:
        raise ValueError(f"query_size is {query_size}: give an int >= 1.")
    return int(query_size)


def resolve_candidates(pool: Pool, candidates: ArrayLike | None) -> Positions:
    """Turn candidates, positions or a mask, into ascending unlabeled positions."""
    unlabeled = pool.unlabeled
    if candidates is None:
        if pool.n_bought == len(unlabeled):
            raise ValueError("The pool is empty: every row of it is labeled.")
        return range(len(unlabeled)) if not pool.n_bought else np.flatnonzero(unlabeled)
    positions = np.sort(as_positions(candidates, len(unlabeled), "candidates"))
    if not unlabeled[positions].all():
        taken = positions[~unlabeled[positions]][:5].tolist()
        raise ValueError(
            f"candidates holds the positions {taken}, which are labeled already."
        )
    return positions


def as_positions(given: ArrayLike, n: int, name: str) -> NDArray[np.intp]:
    """Check distinct positions in n rows, or a mask along them; keep their order."""
    given = np.asarray(given)
    if given.dtype == bool:
        if given.shape != (n,):
            raise ValueError(
                f"{name} is a mask of the shape {given.shape} and the pool has {n} "
                f"rows: give one value a row."
            )
        given = np.flatnonzero(given)
    if given.size == 0:
        raise ValueError(f"{name} is empty: give at least one position.")
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise TypeError(
            f"{name} has the shape {given.shape} and the dtype {given.dtype}: give "
            f"positions in X, or a mask along it."
        )
    wrong = given[(given < 0) | (given >= n)]
    if len(wrong):
        raise ValueError(
            f"{name} holds {wrong[0]}: positions in a pool of {n} rows go from 0 to "
            f"{n - 1}."
        )
    values, counts = np.unique(given, return_counts=True)
    if len(values) < len(given):
        raise ValueError(f"{name} holds {values[counts.argmax()]} more than once.")
    return given.astype(np.intp)
