"""Pools with rare classes, copies or strangers: whose rows, how many, which labels."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

import skal.datasets
from skal import ActiveLearner
from skal.datasets import make_imbalanced_pool, make_ood_pool, make_redundant_pool
from skal.strategies import SIMILAR, MarginSampling

LARGE = np.tile(np.arange(10), 5100)
CIFAR_SUBSET = np.tile(np.arange(10), 2000)
FEW = np.repeat([0, 1, 2], 20)
RARE = {
    "rare_classes": [1],
    "labeled_per_class": (1, 3),
    "pool_per_class": (2, 10),
    "query_per_class": 4,
}
COPIES = {"n_labeled": 6, "n_unique": 20, "duplicated_fraction": 0.25, "factor": 3}
STRANGERS = {
    "ood_classes": [2],
    "labeled_per_class": 3,
    "pool_per_class": 10,
    "ood_per_class": 15,
    "query_per_class": 2,
}
MAKERS = [
    pytest.param(make_imbalanced_pool, RARE, id="imbalanced"),
    pytest.param(make_redundant_pool, COPIES, id="redundant"),
    pytest.param(make_ood_pool, STRANGERS, id="ood"),
]


def positions(y):
    """Rows that say where they come from."""
    return np.arange(len(y))[:, None]


def counts(labels):
    return dict(sorted(Counter(np.asarray(labels).tolist()).items()))


def per_class(pool):
    """Labeled, query and unlabeled rows of each class, by looking at each row."""
    hidden = pool.y_masked == -1
    query = pool.get("y_query", [])
    return counts(pool.y[~hidden]), counts(query), counts(pool.y[hidden])


# The papers' numbers


@pytest.mark.parametrize(
    ("preset", "rare", "labeled", "pool", "totals"),
    [
        ("cifar10", [0, 1, 5, 7, 8], (3, 22), (300, 3000), (125, 16_500)),
        ("cifar10-table4", [0, 1, 5, 7, 8], (3, 22), (150, 3000), (125, 15_750)),
        ("mnist-20", [5, 6, 7, 8, 9], (3, 22), (200, 4000), (125, 21_000)),
        ("mnist-100", [5, 6, 7, 8, 9], (3, 22), (40, 4000), (125, 20_200)),
    ],
)
def test_rare_classes_have_the_numbers_of_the_paper(
    preset, rare, labeled, pool, totals
):
    made = make_imbalanced_pool(positions(LARGE), LARGE, preset=preset, random_state=0)
    known, query, hidden = per_class(made)
    assert made.rare_classes.tolist() == rare
    assert known == {c: labeled[c not in rare] for c in range(10)}
    assert hidden == {c: pool[c not in rare] for c in range(10)}
    assert query == dict.fromkeys(rare, 5)
    assert (sum(known.values()), sum(hidden.values())) == totals
    assert made.ood_label is None


def test_pneumonia_is_rare():
    y = np.repeat([0, 1], [1214, 3494])
    made = make_imbalanced_pool(positions(y), y, preset="pneumonia", random_state=0)
    known, query, hidden = per_class(made)
    assert (known, query) == ({0: 100, 1: 5}, {1: 5})
    assert sum(hidden.values()) == 1100
    assert hidden[0] == round(1100 * 20 / 21)  # one in twenty


@pytest.mark.parametrize(
    ("preset", "factor", "n_labeled", "n_unique", "n_pool"),
    [
        ("cifar10", None, 500, 5000, 14_000),
        ("cifar10", 5, 500, 5000, 9_000),
        ("cifar10", 20, 500, 5000, 24_000),
        ("mnist", None, 50, 500, 1_400),
    ],
)
def test_copies_have_the_numbers_of_the_paper(
    preset, factor, n_labeled, n_unique, n_pool
):
    made = make_redundant_pool(
        positions(LARGE), LARGE, preset=preset, factor=factor, random_state=0
    )
    hidden = made.y_masked == -1
    assert (~hidden).sum() == n_labeled
    assert hidden.sum() == n_pool
    times = counts(list(counts(made.source_indices[hidden]).values()))
    assert times == {1: n_unique * 4 // 5, factor or 10: n_unique // 5}


@pytest.mark.parametrize(
    ("preset", "labeled", "query", "pool", "totals"),
    [("cifar10", 200, 5, 500, (1600, 14_000)), ("mnist", 5, 2, 50, (40, 10_400))],
)
def test_strangers_have_the_numbers_of_the_paper(preset, labeled, query, pool, totals):
    made = make_ood_pool(positions(LARGE), LARGE, preset=preset, random_state=0)
    known, held_out, hidden = per_class(made)
    assert known == dict.fromkeys(range(8), labeled)
    assert held_out == dict.fromkeys(range(8), query)
    assert hidden == {made.ood_label: 10_000, **dict.fromkeys(range(8), pool)}
    assert (sum(known.values()), sum(hidden.values())) == totals
    assert made.ood_classes.tolist() == [8, 9]


def test_the_subset_of_cifar_at_six_tenths_has_rare_classes():
    made = make_imbalanced_pool(
        positions(CIFAR_SUBSET), CIFAR_SUBSET, preset="cifar10", scale=0.6
    )
    known, query, hidden = per_class(made)
    # 1.8, 13.2, 3, 180 and 1800, rounded up
    assert (known[0], known[2], query[0]) == (2, 14, 3)
    assert (hidden[0], hidden[2], len(made.X)) == (180, 1800, 80 + 9900)


def test_the_subset_of_cifar_at_four_tenths_has_strangers():
    made = make_ood_pool(
        positions(CIFAR_SUBSET), CIFAR_SUBSET, preset="cifar10", scale=0.4
    )
    known, query, hidden = per_class(made)
    assert (known[0], query[0], hidden[0], hidden[-2]) == (80, 2, 200, 4000)
    assert len(made.X) == 640 + 5600


def test_rounding_up_does_not_count_what_a_float_adds():
    assert 0.07 * 100 > 7
    made = make_redundant_pool(
        positions(FEW),
        FEW,
        n_labeled=100,
        n_unique=0,
        duplicated_fraction=0,
        factor=1,
        scale=0.07,
    )
    assert len(made.X) == 7


def test_the_share_of_copies_is_rounded_up():
    made = make_redundant_pool(positions(FEW), FEW, **COPIES | {"n_unique": 21})
    assert len(made.X) == 6 + 21 + 6 * 2  # 5.25 of 21 rows stand three times


def test_what_is_given_overrides_the_preset():
    made = make_imbalanced_pool(
        positions(CIFAR_SUBSET),
        CIFAR_SUBSET,
        preset="cifar10",
        rare_classes=[3],
        pool_per_class=(10, 20),
        query_per_class=(2, 1),
    )
    known, query, hidden = per_class(made)
    assert known == {c: 22 - 19 * (c == 3) for c in range(10)}
    assert query == {c: 1 + (c == 3) for c in range(10)}
    assert hidden == {c: 20 - 10 * (c == 3) for c in range(10)}


@pytest.mark.parametrize(
    ("maker", "numbers"), [(make_imbalanced_pool, RARE), (make_ood_pool, STRANGERS)]
)
@pytest.mark.parametrize("none", [None, 0])
def test_no_query_set_is_made_where_none_is_asked_for(maker, numbers, none):
    made = maker(positions(FEW), FEW, **numbers | {"query_per_class": none})
    assert "X_query" not in made
    assert "y_query" not in made


def test_without_labels_everything_is_hidden():
    made = make_ood_pool(
        positions(FEW), FEW, **STRANGERS | {"labeled_per_class": 0, "pool_per_class": 5}
    )
    assert (made.y_masked == -1).all()
    assert len(made.X) == 2 * 5 + 15


# Whose rows


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_class_gives_what_is_asked_for_and_no_row_twice(data):
    n_classes = data.draw(st.integers(2, 5))
    sizes = st.tuples(st.integers(0, 4), st.integers(0, 4))
    rare = data.draw(
        st.lists(
            st.integers(0, n_classes - 1),
            min_size=1,
            max_size=n_classes - 1,
            unique=True,
        )
    )
    labeled, pool, query = (data.draw(sizes) for _ in range(3))
    counts_given = data.draw(
        st.lists(st.integers(12, 15), min_size=n_classes, max_size=n_classes)
    )
    y = np.random.default_rng(0).permutation(np.repeat(range(n_classes), counts_given))
    made = make_imbalanced_pool(
        positions(y),
        y,
        rare_classes=rare,
        labeled_per_class=labeled,
        pool_per_class=pool,
        query_per_class=query,
        random_state=data.draw(st.integers(0, 99)),
    )

    def expected(pair):
        asked = {c: pair[c not in rare] for c in range(n_classes)}
        return {c: n for c, n in asked.items() if n}

    assert per_class(made) == tuple(map(expected, (labeled, query, pool)))
    held_out = made.get("X_query", np.empty((0, 1), dtype=int)).ravel()
    used = np.r_[made.source_indices, held_out]
    assert len(set(used.tolist())) == len(used)
    assert_array_equal(y[held_out], made.get("y_query", []))
    check_fields(made, positions(y), y)


def check_fields(made, X, y):
    """What holds of every pool: rows and labels are those of their sources."""
    truth = y[made.source_indices]
    assert_array_equal(made.X, X[made.source_indices])
    if made.ood_label is not None:
        truth = np.where(np.isin(truth, made.ood_classes), made.ood_label, truth)
    assert_array_equal(made.y, truth)
    known = made.y_masked != -1
    assert_array_equal(made.y_masked[known], truth[known])


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
def test_rows_and_labels_are_those_of_their_sources(maker, numbers):
    y = np.random.default_rng(0).permutation(FEW)
    made = maker(positions(y), y, **numbers, random_state=3)
    check_fields(made, positions(y), y)
    assert made.source_indices.shape == made.y.shape == made.y_masked.shape


def test_query_rows_are_in_no_pool_of_strangers():
    made = make_ood_pool(positions(FEW), FEW, **STRANGERS, random_state=0)
    assert not set(made.X_query.ravel()) & set(made.source_indices)
    assert_array_equal(made.y_query, FEW[made.X_query.ravel()])


def test_copies_stand_side_by_side_after_the_labeled_rows():
    made = make_redundant_pool(
        list("abcdefgh"),
        np.arange(8),
        n_labeled=2,
        n_unique=5,
        duplicated_fraction=0.4,
        factor=3,
        shuffle=False,
    )
    assert "".join(made.X) == "ab" + "cccddd" + "efg"
    assert made.source_indices.tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6]
    assert made.y_masked.tolist() == [0, 1] + [-1] * 9
    assert made.y.tolist() == made.source_indices.tolist()


def test_the_factor_repeats_the_same_rows():
    once, thrice = (
        make_redundant_pool(
            positions(FEW), FEW, **COPIES | {"factor": factor}, random_state=5
        ).source_indices
        for factor in (1, 3)
    )
    assert once.tolist() != sorted(once.tolist())
    assert_array_equal(once, list(dict.fromkeys(thrice.tolist())))


def test_with_one_seed_the_smaller_pool_is_part_of_the_larger():
    small, large = (
        make_imbalanced_pool(
            positions(LARGE), LARGE, preset=preset, scale=0.1, random_state=7
        )
        for preset in ("mnist-100", "mnist-20")
    )
    assert set(small.source_indices) < set(large.source_indices)
    assert_array_equal(np.sort(small.X_query, axis=0), np.sort(large.X_query, axis=0))
    known = [set(made.source_indices[made.y_masked != -1]) for made in (small, large)]
    assert known[0] == known[1]


def mean_places(maker, numbers, which):
    """Where rows stand, from 0 to 1, on average over many seeds."""
    y = np.repeat([0, 1, 2], 100)
    places = []
    for seed in range(60):
        made = maker(positions(y), y, **numbers, random_state=seed)
        places.extend(np.flatnonzero(which(made)) / len(made.y))
    return np.mean(places)


@pytest.mark.parametrize(
    "which",
    [
        lambda made: made.y == 1,
        lambda made: made.y == 0,
        lambda made: made.y_masked > 0,
    ],
    ids=["rare", "other", "labeled"],
)
def test_no_position_tells_what_is_rare_or_labeled(which):
    numbers = RARE | {"pool_per_class": (5, 90), "query_per_class": 0}
    assert mean_places(make_imbalanced_pool, numbers, which) == pytest.approx(
        0.5, abs=0.06
    )


def test_no_position_tells_a_stranger():
    numbers = STRANGERS | {"pool_per_class": 90, "ood_per_class": 10}
    place = mean_places(make_ood_pool, numbers, lambda made: made.y == made.ood_label)
    assert place == pytest.approx(0.5, abs=0.06)


def test_no_position_in_the_query_set_tells_a_label():
    numbers = RARE | {"query_per_class": (7, 7)}
    made = make_imbalanced_pool(positions(FEW), FEW, **numbers, random_state=0)
    assert (np.diff(made.y_query) != 0).sum() > 5  # 2 if sorted by class


@pytest.mark.parametrize("shuffle", [True, False])
def test_only_shuffling_mixes_the_labels_of_copies(shuffle):
    made = make_redundant_pool(
        positions(FEW), FEW, **COPIES, shuffle=shuffle, random_state=0
    )
    assert (sorted(made.y) != made.y.tolist()) == shuffle


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
def test_every_row_has_its_chance(maker, numbers):
    y = np.repeat([0, 1, 2], 20)
    labeled, seen = set(), set()
    for seed in range(120):
        made = maker(positions(y), y, **numbers, random_state=seed)
        labeled |= set(made.source_indices[made.y_masked != -1])
        seen |= set(made.source_indices)
    never = {40, *range(41, 60)} if maker is make_ood_pool else set()
    assert seen == set(range(60))
    assert labeled == set(range(60)) - never


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
def test_one_seed_reproduces_the_pool(maker, numbers):
    def made(seed):
        return maker(positions(FEW), FEW, **numbers, random_state=seed)

    first, again, other = made(1), made(1), made(2)
    assert set(first) == set(again)
    for name in first:
        assert_array_equal(first[name], again[name])
    assert first.source_indices.tolist() != other.source_indices.tolist()
    drawn = [made(np.random.default_rng(4)).source_indices for _ in range(2)]
    assert_array_equal(*drawn)


# What X and y may be

IMAGES = np.random.default_rng(0).integers(0, 255, (60, 4, 4, 3), dtype=np.uint8)
TABLE = np.random.default_rng(0).normal(size=(60, 3))


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
@pytest.mark.parametrize(
    ("X", "plain"),
    [
        (IMAGES, np.asarray),
        ([f"text {i}" for i in range(60)], np.asarray),
        (pd.DataFrame(TABLE, index=range(100, 160)), np.asarray),
        (sp.csr_array(TABLE), lambda X: X.toarray()),
        (sp.coo_matrix(TABLE), lambda X: X.toarray()),
        (torch.from_numpy(TABLE), np.asarray),
    ],
    ids=["images", "texts", "DataFrame", "csr", "coo", "tensor"],
)
def test_rows_are_taken_of_every_kind_of_data(maker, numbers, X, plain):
    made = maker(X, FEW, **numbers, random_state=0)
    assert_array_equal(plain(made.X), plain(X)[made.source_indices])
    if not sp.issparse(X):
        assert type(made.X) is type(X)


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
def test_what_is_given_stays_as_it_is(maker, numbers):
    X, y = TABLE.copy(), FEW.copy()
    X.setflags(write=False)
    y.setflags(write=False)
    made = maker(X, y, **numbers, random_state=0)
    for array in (made.X, made.y, made.y_masked):
        array[:] = 7
    assert_array_equal(X, TABLE)
    assert_array_equal(y, FEW)


NAMES = np.array(["ant", "bee", "cat"])


@pytest.mark.parametrize(
    ("classes", "kind", "ood_label"),
    [
        (["ant", "bee", "cat"], "O", "ood"),
        (["ant", "ood", "wasp"], "O", "ood_"),
        ([0.5, 1.0, 2.0], "f", -2),
        ([-4, 0, 3], "i", -5),
        (np.array([0, 1, 255], dtype=np.uint8), "i", -2),
    ],
)
def test_marks_are_outside_the_classes(classes, kind, ood_label):
    y = np.asarray(classes)[FEW]
    made = make_ood_pool(
        positions(y), y, **STRANGERS | {"ood_classes": classes[2:]}, random_state=0
    )
    assert made.ood_label == ood_label
    assert made.y.dtype.kind == made.y_masked.dtype.kind == kind
    assert (made.y == ood_label).sum() == 15
    assert set(made.y_masked) == {-1, *classes[:2]}
    assert (made.y_masked != -1).sum() == 6


@pytest.mark.parametrize(
    "y",
    [
        NAMES[FEW].tolist(),
        NAMES[FEW].astype(object),
        pd.Series(NAMES[FEW]),
        pd.Series(NAMES[FEW], dtype="category"),
    ],
    ids=["list", "object", "Series", "category"],
)
def test_names_of_classes_come_in_any_container(y):
    made = make_imbalanced_pool(
        positions(FEW), y, **RARE | {"rare_classes": ["bee"]}, random_state=0
    )
    assert counts(made.y) == {"ant": 13, "bee": 3, "cat": 13}
    assert made.rare_classes.tolist() == ["bee"]
    assert made.y_query.tolist() == ["bee"] * 4


def test_truth_values_are_numbers():
    y = FEW > 0
    made = make_imbalanced_pool(
        positions(y), y, **RARE | {"rare_classes": [True]}, random_state=0
    )
    assert counts(made.y) == {0: 13, 1: 3}
    assert counts(made.y_masked) == {-1: 12, 0: 3, 1: 1}


def test_a_class_that_is_the_mark_makes_none_the_mark():
    y = np.where(FEW == 1, 1, -1)
    made = make_imbalanced_pool(positions(y), y, **RARE, random_state=0)
    hidden = np.array([label is None for label in made.y_masked])
    assert hidden.sum() == 12
    assert counts(made.y_masked[~hidden]) == {-1: 3, 1: 1}
    learner = ActiveLearner(LogisticRegression(), missing_label=None, random_state=0)
    assert learner.teach(made.X, made.y_masked).classes_.tolist() == [-1, 1]


# With a learner


@pytest.mark.parametrize("classes", [np.arange(3), NAMES], ids=["numbers", "strings"])
def test_a_learner_goes_on_from_the_labeled_rows(classes):
    y = classes[FEW]
    X = 5 * np.eye(3)[FEW] + TABLE
    made = make_ood_pool(
        X, y, **STRANGERS | {"ood_classes": classes[2:]}, random_state=0
    )
    labeled = np.flatnonzero(made.y_masked != -1)
    learner = ActiveLearner(
        LogisticRegression(),
        MarginSampling(),
        initial=labeled,
        query_size=4,
        n_rounds=2,
        ood_label=made.ood_label,
        random_state=0,
    ).fit(made.X, made.y)
    assert set(labeled) <= set(learner.labeled_indices_)
    assert learner.classes_.tolist() == classes[:2].tolist()
    assert learner.history_[-1]["n_labeled"] == 6 + 8

    learner.teach(made.X, made.y_masked)
    picked = learner.query(3)
    assert (made.y_masked[picked] == -1).all()


def test_the_query_set_is_what_a_strategy_looks_for():
    X = 5 * np.eye(3)[FEW] + TABLE
    made = make_imbalanced_pool(X, FEW, **RARE, random_state=0)
    known = made.y_masked != -1
    model = LogisticRegression().fit(made.X[known], made.y[known])
    strategy = SIMILAR(scenario="rare", query_set=(made.X_query, made.y_query))
    picked = strategy.fit(made.X, made.y_masked, estimator=model).query(2)
    assert made.y[picked].tolist() == [1, 1]


# What can't be


@pytest.mark.parametrize(
    ("maker", "numbers", "message"),
    [
        (
            make_imbalanced_pool,
            {"preset": "cifar10"},
            r"Class 2 has 2000 rows, and 3022 are asked for \(22 labeled, 0 query, "
            r"3000 pool\): scale=0.66 would fit",
        ),
        (
            make_imbalanced_pool,
            {"preset": "cifar10", "scale": 0.7, "rare_classes": [0]},
            r"Class 1 has 2000 rows, and 2116 are asked for \(16 labeled, 0 query, "
            r"2100 pool\): scale=0.66 would fit",
        ),
        (
            make_ood_pool,
            {"preset": "mnist"},
            r"Class 8 has 2000 rows, and 5000 are asked for \(0 labeled, 0 query, 5000 "
            r"pool\): scale=0.4 would fit",
        ),
        (
            make_redundant_pool,
            {"preset": "cifar10", "scale": 8},
            r"X has 20000 rows, and 44000 are asked for \(4000 labeled, 40000 "
            r"unique\): scale=3.6 would fit",
        ),
    ],
)
def test_too_few_rows_say_how_many_and_which_scale_would_fit(maker, numbers, message):
    X = positions(CIFAR_SUBSET)
    with pytest.raises(ValueError, match=message):
        maker(X, CIFAR_SUBSET, **numbers)
    fitting = float(message.split("scale=")[1].split()[0])
    maker(X, CIFAR_SUBSET, **numbers | {"scale": fitting})
    step = 0.1 if fitting > 1 else 0.01
    with pytest.raises(ValueError, match="would fit"):
        maker(X, CIFAR_SUBSET, **numbers | {"scale": fitting + step})


def test_too_few_rows_of_two_classes_name_the_scale_for_both():
    y = np.repeat([0, 1, 2], [40, 30, 10])
    numbers = RARE | {"pool_per_class": (80, 30), "labeled_per_class": (0, 0)}
    with pytest.raises(ValueError, match=r"Class 2 has 10 rows.*scale=0\.33 would"):
        make_imbalanced_pool(positions(y), y, **numbers)


def test_no_scale_is_proposed_where_none_fits():
    with pytest.raises(ValueError, match=r"2 rows, and 125 are .* ask for fewer"):
        make_imbalanced_pool(
            np.zeros((4, 1)),
            [0, 0, 1, 1],
            rare_classes=[0],
            labeled_per_class=(100, 0),
            pool_per_class=(20, 0),
            query_per_class=5,
        )


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
def test_what_is_missing_is_named_with_the_presets(maker, numbers):
    for name in numbers.keys() - {"query_per_class"}:
        with pytest.raises(TypeError, match=rf"Give {name}, or a preset: 'cifar10', "):
            maker(positions(FEW), FEW, **numbers | {name: None})


@pytest.mark.parametrize(("maker", "numbers"), MAKERS)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"preset": "imagenet"},
            r"preset is 'imagenet': give None or one of 'cifar10'",
        ),
        ({"scale": 0}, r"scale is 0: give a number > 0"),
        ({"scale": -0.5}, r"scale is -0.5"),
        ({"scale": np.nan}, r"scale is nan"),
        ({"scale": np.inf}, r"scale is inf"),
        ({"scale": "0.6"}, r"scale is '0.6'"),
        ({"y": FEW[:-1]}, r"X has 60 rows and y has 59"),
        ({"y": [None, *FEW[1:]]}, r"y has missing labels"),
        ({"y": np.where(FEW, FEW, np.nan)}, r"y has missing labels"),
        ({"random_state": -1}, r"random_state is -1"),
    ],
)
def test_every_pool_refuses(maker, numbers, wrong, message):
    arguments = {"X": positions(FEW), "y": FEW, **numbers} | wrong
    with pytest.raises(ValueError, match=message):
        maker(**arguments)


@pytest.mark.parametrize(
    ("maker", "numbers", "wrong", "message"),
    [
        (
            make_imbalanced_pool,
            RARE,
            {"rare_classes": 1},
            "rare_classes is 1: give a l",
        ),
        (make_imbalanced_pool, RARE, {"rare_classes": []}, r"is \[\]: give a list"),
        (make_imbalanced_pool, RARE, {"rare_classes": [7]}, r"they are \[0, 1, 2\]"),
        (make_imbalanced_pool, RARE, {"rare_classes": [1, 1]}, "distinct classes"),
        (make_imbalanced_pool, RARE, {"rare_classes": [0, 1, 2]}, "not all of them"),
        (make_imbalanced_pool, RARE, {"rare_classes": "1"}, "give a list"),
        (make_imbalanced_pool, RARE, {"labeled_per_class": 3}, r"give a pair of ints"),
        (make_imbalanced_pool, RARE, {"pool_per_class": (1, 2, 3)}, "give a pair"),
        (make_imbalanced_pool, RARE, {"pool_per_class": (1, -2)}, "ints >= 0"),
        (make_imbalanced_pool, RARE, {"query_per_class": 2.0}, "give a pair of ints"),
        (make_ood_pool, STRANGERS, {"ood_classes": [9]}, r"ood_classes is \[9\]"),
        (make_ood_pool, STRANGERS, {"ood_per_class": (1, 2)}, "give an int >= 0"),
        (make_ood_pool, STRANGERS, {"pool_per_class": -1}, "pool_per_class is -1"),
        (make_ood_pool, STRANGERS, {"query_per_class": True}, "give an int >= 0"),
        (make_redundant_pool, COPIES, {"factor": 0}, "factor is 0: give an int >= 1"),
        (make_redundant_pool, COPIES, {"factor": 2.5}, "factor is 2.5: give an int"),
        (make_redundant_pool, COPIES, {"n_unique": -1}, "n_unique is -1"),
        (
            make_redundant_pool,
            COPIES,
            {"duplicated_fraction": 1.5},
            "is 1.5: give 0 to",
        ),
        (make_redundant_pool, COPIES, {"duplicated_fraction": np.nan}, "is nan: give"),
    ],
)
def test_one_pool_refuses(maker, numbers, wrong, message):
    with pytest.raises(ValueError, match=message):
        maker(positions(FEW), FEW, **numbers | wrong)


def test_a_preset_needs_its_classes():
    with pytest.raises(ValueError, match=r"y has 3 classes.*give ood_classes"):
        make_ood_pool(positions(FEW), FEW, preset="cifar10", scale=0.001)
    made = make_ood_pool(
        positions(FEW), FEW, preset="cifar10", scale=0.001, ood_classes=[0]
    )
    assert len(made.X) == 5 + 2 * (1 + 1)


def test_the_makers_of_pools_are_public():
    assert {maker.values[0].__name__ for maker in MAKERS} <= set(skal.datasets.__all__)
