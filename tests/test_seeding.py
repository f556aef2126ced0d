"""Seeds: one integer reproduces a run, and no global state moves."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal._seeding import derive, draw_seed, generator, seed_params, torch_seeded


@pytest.mark.parametrize("seed", [0, 42, 2**40, np.int64(7)])
def test_an_integer_is_its_own_seed(seed):
    assert draw_seed(seed) == seed
    assert type(draw_seed(seed)) is int


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_generators_are_drawn_from(kind):
    source = kind(3)
    first, second = draw_seed(source), draw_seed(source)
    assert first != second
    assert draw_seed(kind(3)) == first
    assert 0 <= first < 2**31


def test_none_is_a_new_seed_and_leaves_numpy_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    seeds = {draw_seed(None) for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("wrong", [-1, 1.5, "0", [1]])
def test_what_is_no_random_state(wrong):
    with pytest.raises(ValueError, match="random_state is"):
        draw_seed(wrong)


def test_keys_give_seeds_of_their_own():
    keys = [(), (0,), (1,), *itertools.product(range(3), repeat=2), (0, 1, 2)]
    seeds = [derive(*key) for key in keys]
    assert seeds == [derive(*key) for key in keys]
    assert len(set(seeds)) == len(keys)
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
    assert generator(5, 1).random() == generator(5, 1).random()


def a_pipeline():
    forest = RandomForestClassifier(random_state=9)
    return make_pipeline(
        StandardScaler(), PCA(), BaggingClassifier(LogisticRegression()), forest
    )


def seeds_of(estimator):
    return {
        name: value
        for name, value in estimator.get_params().items()
        if name.endswith("random_state")
    }


def test_only_what_was_left_open_is_seeded():
    pipeline = a_pipeline()
    assert seed_params(pipeline, 0) is pipeline
    seeds = seeds_of(pipeline)
    assert seeds.pop("randomforestclassifier__random_state") == 9
    assert len(set(seeds.values())) == len(seeds) == 3
    assert all(type(seed) is int for seed in seeds.values())
    assert seeds_of(seed_params(pipeline, 1)) == seeds_of(pipeline)
    assert seeds_of(seed_params(a_pipeline(), 0)).items() >= seeds.items()
    assert not set(seeds_of(seed_params(a_pipeline(), 1)).values()) & set(
        seeds.values()
    )


def test_parts_may_be_left_alone():
    pipeline = seed_params(a_pipeline(), 0, leave=("pca", "estimator"))
    open_ = {name for name, seed in seeds_of(pipeline).items() if seed is None}
    assert open_ == {"pca__random_state", "baggingclassifier__estimator__random_state"}
    assert seed_params(len, 0) is len


def test_torch_is_seeded_inside_and_restored_after():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    draws = []
    for seed in (0, 0, 5):
        with torch_seeded(seed):
            draws.append(torch.rand(4))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    with pytest.raises(ZeroDivisionError), torch_seeded(0):
        torch.rand(1) / (1 // 0)
    assert torch.equal(torch.get_rng_state(), before)
