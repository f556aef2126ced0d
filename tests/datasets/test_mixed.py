"""Pools of known classes, ambiguous rows and foreign ones."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.datasets import make_mixed_pool
from skal.strategies import EntropySampling

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), np.arange(40) % 4
BETWEEN, FOREIGN = RNG.normal(size=(10, 3)), RNG.normal(9, size=(6, 3))
PARTS = {"id": X, "ambiguous": BETWEEN, "ood": FOREIGN}


def test_every_row_is_there_once_and_says_where_it_is_from():
    pool = make_mixed_pool((X, Y), ambiguous=BETWEEN, ood=FOREIGN, random_state=0)
    names, counts = np.unique(pool.source, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "id": 40,
        "ambiguous": 10,
        "ood": 6,
    }
    for row, source, place in zip(
        pool.X, pool.source, pool.source_indices, strict=True
    ):
        assert np.array_equal(row, PARTS[source][place])
    known = pool.source == "id"
    assert np.array_equal(pool.y[known], Y[pool.source_indices[known]])
    assert (pool.y[~known] == pool.ood_label).all()
    assert pool.ood_label == -2
    assert (pool.y_masked == -1).all()
    assert not known[:40].all()  # shuffled


def test_one_seed_gives_one_order():
    one, two, other = (
        make_mixed_pool((X, Y), ood=FOREIGN, random_state=seed).y for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    "kind",
    [sparse.csr_array, pd.DataFrame, lambda rows: [str(row) for row in rows]],
    ids=["sparse", "frame", "list"],
)
def test_containers_of_every_kind(kind):
    pool = make_mixed_pool(
        (kind(X), Y), ambiguous=kind(BETWEEN), ood=kind(FOREIGN), random_state=0
    )
    plain = make_mixed_pool((X, Y), ambiguous=BETWEEN, ood=FOREIGN, random_state=0)
    found = pool.X.toarray() if sparse.issparse(pool.X) else pool.X
    if isinstance(found, list):
        assert found == [str(row) for row in plain.X]
    else:
        np.testing.assert_array_equal(np.asarray(found), plain.X)


@pytest.mark.parametrize(
    ("labels", "mark", "ood_label"),
    [(np.array(list("abcd"))[Y], -1, "ood"), (Y - 1, None, -2), (Y - 5, -1, -6)],
)
def test_labels_of_every_kind(labels, mark, ood_label):
    pool = make_mixed_pool((X, labels), ood=FOREIGN)
    assert pool.ood_label == ood_label
    assert all(label == mark for label in pool.y_masked.tolist())


def test_a_pool_without_other_parts_is_the_data_in_another_order():
    pool = make_mixed_pool((X, Y), random_state=0)
    assert np.array_equal(np.sort(pool.source_indices), np.arange(40))


def test_a_learner_pays_for_what_is_foreign():
    pool = make_mixed_pool((X, Y), ambiguous=BETWEEN, ood=FOREIGN, random_state=0)
    learner = ActiveLearner(
        LogisticRegression(),
        EntropySampling(),
        n_initial=8,
        query_size=4,
        n_rounds=3,
        ood_label=pool.ood_label,
        random_state=0,
    ).fit(pool.X, pool.y)
    assert learner.cost_ > 20 == (pool.y[learner.labeled_indices_] >= 0).sum()


def test_what_is_refused():
    with pytest.raises(TypeError, match="in_distribution"):
        make_mixed_pool(X)
    with pytest.raises(ValueError, match=r"shapes \[\(3,\), \(2,\)\]"):
        make_mixed_pool((X, Y), ood=FOREIGN[:, :2])
    with pytest.raises(ValueError, match="missing"):
        make_mixed_pool((X, np.where(Y == 0, np.nan, Y)))
