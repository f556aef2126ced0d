"""Labels at the door: every way to write them, and every way to get them wrong."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning

from skal.labels import (
    Pool,
    as_labels,
    as_positions,
    check_complete,
    check_query_size,
    column_classes,
    encode,
    is_missing,
    resolve_candidates,
    resolve_count,
    warn_if_sentinel,
)


def codes(y, **marks):
    return Pool.from_labels(np.zeros((len(y), 1)), y, **marks).codes.tolist()


WRITTEN = [
    [1, -1, 0],
    np.array([1, -1, 0]),
    np.array([1, -1, 0], dtype=np.int8),
    [1, None, 0],
    [1.0, float("nan"), 0.0],
    np.array([1.0, -1.0, 0.0], dtype=np.float32),
    np.array([5, None, 3], dtype=object),
    np.array([5, np.nan, 3], dtype=object),
    [1, pd.NA, 0],
    pd.Series([1, None, 0]),
    pd.Series([1, None, 0], dtype="Int64"),
    pd.Series([1, None, 0], dtype="Int64", index=[7, 8, 9]),
    pd.array([1, -1, 0], dtype="Int8"),
    pd.Series(["b", None, "a"], dtype="string"),
    pd.Series(["b", None, "a"], dtype="category"),
    pd.Series(["b", -1, "a"]),
    ["b", None, "a"],
    ["b", -1, "a"],
    ("b", np.nan, "a"),
    [np.str_("b"), -1, np.str_("a")],
    [True, None, False],
    pd.array([True, None, False], dtype="boolean"),
]


@pytest.mark.parametrize("y", WRITTEN, ids=repr)
def test_every_way_to_write_labels(y):
    assert codes(y) == [1, -1, 0]


@pytest.mark.parametrize(
    ("y", "mark"),
    [
        (["b", "?", "a"], "?"),
        (np.array(["b", "?", "a"]), "?"),
        (np.array(["b", "-1", "a"]), "-1"),
        (pd.Series(["b", "?", "a"], dtype="string"), "?"),
        ([3, 99, 2], 99),
        ([0.0, np.inf, -1.0], np.inf),
        ([0, np.nan, -1], np.nan),
        ([0, None, -1], None),
        ([0, pd.NA, -1], pd.NA),
        (["b", None, "a"], pd.NA),
    ],
    ids=repr,
)
def test_every_mark_of_a_missing_label(y, mark):
    assert codes(y, missing_label=mark) == [1, -1, 0]


@pytest.mark.parametrize(
    ("y", "mark"),
    [([1, 0, -1], "a"), (np.array(["a"]), None), ([1, 0, -1], None), ([1.5], -1)],
)
def test_marks_of_another_kind_mark_nothing(y, mark):
    assert not is_missing(as_labels(y), mark).any()


def test_numpy_turned_the_mark_into_text():
    with pytest.raises(ValueError, match=r"'-1'.*dtype=object.*missing_label='-1'"):
        codes(np.array(["a", -1]))
    with pytest.raises(ValueError, match=r"'-2'.*dtype=object.*ood_label='-2'"):
        codes(np.array(["a", -2]), ood_label=-2)


@pytest.mark.parametrize("y", [["a", 1, -1], pd.Series(["a", 2.5])], ids=repr)
def test_labels_that_cannot_be_sorted(y):
    with pytest.raises(ValueError, match=r"\['\w+', 'str'\].*one type"):
        codes(y)


def test_a_column_of_labels_warns():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert codes(np.array([[1], [-1], [0]])) == [1, -1, 0]
    with pytest.raises(ValueError, match="1d array"):
        codes(np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("y", "ood"),
    [
        ([1, -1, 0, -2], -2),
        ([2, -1, 0, 1], 1),
        (["b", None, "a", "ood"], "ood"),
        (np.array(["b", -1, "a", -2], dtype=object), -2),
        ([1, None, 0, "ood"], "ood"),
        (pd.Series([1, None, 0, -2], dtype="Int64"), -2),
    ],
    ids=repr,
)
def test_a_row_of_no_class(y, ood):
    pool = Pool.from_labels(list("wxyz"), y, ood_label=ood)
    assert pool.codes.tolist() == [1, -1, 0, -2]
    assert len(pool.classes) == 2
    assert pool.labeled.tolist() == [0, 2]
    assert pool.ood.tolist() == [3]
    assert pool.bought.tolist() == [0, 2, 3]
    assert pool.unlabeled.tolist() == [False, True, False, False]
    assert pool.y.tolist() == [y[0], y[2]]
    light = pool.without_rows()
    assert light.X is None
    assert light.codes.tolist() == [1, 0, -2]


def test_nobody_has_labeled_anything():
    for y in (None, [-1, -1], [None, None]):
        pool = Pool.from_labels(["a", "b"], y)
        assert pool.codes.tolist() == [-1, -1]
        assert len(pool.classes) == len(pool.y) == 0


def test_classes_in_an_order_of_their_own():
    found, classes = encode(
        np.array([3, 7, -1, 3]), name_classes=lambda seen: np.array([9, 7, 3])
    )
    assert found.tolist() == [2, 1, -1, 2]
    assert classes.tolist() == [9, 7, 3]
    with pytest.raises(ValueError, match=r"\[5\].*not among the classes \[9, 7, 3\]"):
        encode(np.array([3, 5]), name_classes=lambda seen: np.array([9, 7, 3]))


def test_one_label_a_row():
    with pytest.raises(ValueError, match=r"X has 2 rows and y has 3: .*-7 where"):
        Pool.from_labels(np.zeros((2, 1)), [0, 1, -7], missing_label=-7)


@pytest.mark.parametrize(
    ("n", "labels", "classes", "expected"),
    [
        (2, ["b", "a", "b"], None, ["a", "b"]),
        (2, [5, 3], None, [3, 5]),
        (4, [3, 1], None, [0, 1, 2, 3]),
        (3, [], None, [0, 1, 2]),
        (3, ["a"], ["c", "a", "b"], ["c", "a", "b"]),
    ],
)
def test_names_of_columns(n, labels, classes, expected):
    assert column_classes(n, labels, classes).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ([0, 3], None, r"3 columns and the labels are \[0, 3\]"),
        ([-3, 1], None, "name the columns with `classes`"),
        (["a"], None, "name the columns with `classes`"),
        ([0], [0, 1], "3 columns and `classes` names 2"),
    ],
)
def test_columns_without_a_name(labels, classes, words):
    with pytest.raises(ValueError, match=words):
        column_classes(3, labels, classes)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        *((1, 1), (7, 7), (500, 500), (np.int64(3), 3), (0.0001, 1), (0.25, 50)),
        *((1.0, 200), (np.float32(0.5), 100), (0.0124, 2), (0.0126, 3)),
    ],
)
def test_counts_and_shares(value, count):
    found = resolve_count(value, 200, "n_initial")
    assert (type(found), found) == (int, count)


@pytest.mark.parametrize(
    "value", [0, -2, 0.0, 1.5, float("nan"), True, np.bool_(True), "3", None]
)
def test_counts_that_are_none(value):
    number = isinstance(value, (int, float)) and value is not True
    error = ValueError if number else TypeError
    with pytest.raises(error, match="n_initial is"):
        resolve_count(value, 200, "n_initial")
    if not isinstance(value, float):
        with pytest.raises(error, match="query_size is"):
            check_query_size(value)


def test_positions_keep_their_order():
    found = as_positions(np.array([4, 0, 2], dtype=np.uint8), 5, "initial")
    assert (found.tolist(), found.dtype) == ([4, 0, 2], np.intp)
    assert as_positions([False, True, True], 3, "initial").tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"initial holds 5: .* 0 to 4"):
        as_positions([5], 5, "initial")
    with pytest.raises(TypeError, match="initial has the shape"):
        as_positions(3, 5, "initial")


def test_candidates_are_unlabeled_and_ascending():
    pool = Pool.from_labels(np.zeros((6, 1)), [0, -1, -1, -2, -1, 1], ood_label=-2)
    assert resolve_candidates(pool, None).tolist() == [1, 2, 4]
    assert resolve_candidates(pool, [4, 1]).tolist() == [1, 4]
    with pytest.raises(ValueError, match=r"candidates holds the positions \[3, 5\]"):
        resolve_candidates(pool, [5, 1, 3])
    with pytest.raises(ValueError, match="every row of it is labeled"):
        resolve_candidates(Pool.from_labels(["a"], [0]), None)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "requires y to be passed.*teach"),
        ([0, 1], "X has 3 rows and y has 2"),
        ([0, np.inf, 1], "y contains infinity"),
        ([0, np.nan, 1], "y contains NaN.*teach"),
        (["a", None, "b"], "y contains NaN.*teach"),
        (pd.array([0, None, 1], dtype="Int64"), "y contains NaN.*teach"),
    ],
    ids=repr,
)
def test_a_simulation_needs_every_label(y, words):
    with pytest.raises(ValueError, match=words):
        check_complete(y, 3, "ActiveLearner")


def test_a_simulation_takes_any_class():
    assert check_complete([0, -1, 1], 3, "ActiveLearner").tolist() == [0, -1, 1]
    assert check_complete(["a", "b", "-1"], 3, "ActiveLearner").shape == (3,)
    with pytest.warns(UserWarning, match="label -1 is taken as a class.*teach"):
        warn_if_sentinel(np.array([-1, 1]), -1)
    for classes, mark in (([0, 1], -1), (["a"], -1), ([0, 1], None), ([0, 1], pd.NA)):
        warn_if_sentinel(np.array(classes), mark)


def test_rows_that_a_prefix_stands_for():
    pool = Pool.from_labels(list("wxyz"), [1, -1, 0, 9], ood_label=9)
    positions, codes = pool.rows("labeled_")
    assert (positions.tolist(), codes.tolist()) == ([0, 2], [1, 0])
    assert pool.rows("ood_")[0].tolist() == [3]
    assert pool.rows("pool_")[0].tolist() == [0, 1, 2, 3]


def test_masked_labels_are_missing():
    y = np.ma.array([0, 1, 0], mask=[False, False, True])
    assert Pool.from_labels(list("xyz"), y).codes.tolist() == [0, 1, -1]


def test_many_classes_have_wide_codes():
    pool = Pool.from_labels(list(range(300)), np.arange(300))
    assert pool.codes.tolist() == list(range(300))
