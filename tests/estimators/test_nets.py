"""What all nets share: seeds, states, training on, and being kept."""

import copy
import os
import pickle
import subprocess
import sys
import tracemalloc
import warnings
from itertools import chain

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback

from skal import ActiveLearner
from skal.estimators import NetClassifier, small_cnn
from skal.estimators._inputs import Rows
from skal.readout import read
from skal.strategies import MarginSampling

CLASSIFIERS = [
    "NetClassifier",
    "SupConClassifier",
    "MCDropoutClassifier",
    "LossPredictionClassifier",
]
PREDICT = [*CLASSIFIERS, "ContrastivePoolClassifier"]
ALL = [*PREDICT, "RotationPretext"]
GO_ON = {"RotationPretext": "fit"} | dict.fromkeys(PREDICT, "partial_fit")


def outputs(net, X):
    """All that a net says of rows."""
    if hasattr(net, "sample_losses"):
        return [net.transform(X), net.sample_losses(X)]
    return [net.transform(X), net.predict_proba(X), net.predict(X)]


# One seed -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_seed_makes_the_weights(name, make, learn, digest):
    net = make(name)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    first = digest(learn(net))
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert digest(learn(clone(net))) == first
    assert digest(learn(net)) == first
    assert digest(learn(make(name, random_state=1))) != first
    assert digest(learn(make(name, random_state=None))) != first


def test_generators_are_drawn_from(make, learn, digest):
    for kind in (np.random.RandomState, np.random.default_rng):
        chance = kind(0)
        net = make("NetClassifier", random_state=chance)
        found = [digest(learn(net)), digest(learn(net))]
        assert found[0] != found[1]
        again = learn(make("NetClassifier", random_state=kind(0)))
        assert digest(again) == found[0]


IN_A_PROCESS = """
import sys, numpy as np, torch
sys.path.insert(0, {folder!r})
from conftest import build, load, summed_up, train
torch.manual_seed(77); np.random.seed(77)
digits = load()
for name, by in {go_on!r}.items():
    net = train(digits, build(name))
    print(name, summed_up(train(digits, net, by=by)))
"""


def test_two_processes_make_the_same_weights(make, learn, digest):
    folder = os.path.dirname(__file__)  # noqa: PTH120
    code = IN_A_PROCESS.format(folder=folder, go_on=GO_ON)
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "5"}
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, check=True, env=env)
    there = dict(line.split() for line in out.stdout.splitlines())
    assert there.keys() == set(ALL)
    for name in ALL:
        assert digest(learn(learn(make(name)), by=GO_ON[name])) == there[name], name


class Watched:
    """Fails where a block changes what the whole process shares."""

    def __enter__(self):
        self.before = self.state()

    def __exit__(self, *_):
        assert self.state() == self.before

    def state(self):
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002
        return (
            torch.get_rng_state().numpy().tobytes(),
            (kind, keys.tobytes(), *rest),
            list(warnings.filters),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_default_dtype(),
        )


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("name", ALL)
def test_nothing_that_others_share_is_touched(name, seed, make, learn, digits):
    net = make(name, random_state=seed, module=small_cnn)
    with Watched():
        learn(net)
    with Watched():
        outputs(net, digits.images[:30])
    with Watched():
        learn(net, by="partial_fit")
    with Watched():
        net.set_params(lr=0.01)
        net.set_params(module__n_classes=12)
    if name != "RotationPretext":
        learn(net)
        more = {"MCDropoutClassifier": "proba_draws"}
        more["LossPredictionClassifier"] = "predicted_loss"
        with Watched():
            read(net, digits.images[:30], ["proba", more.get(name, "embedding")])


def test_prediction_never_depends_on_chance(make, learn, digits):
    net = learn(make("MCDropoutClassifier", module=small_cnn))
    first = outputs(net, digits.images[:30])
    torch.manual_seed(3)
    for one, other in zip(first, outputs(net, digits.images[:30]), strict=True):
        np.testing.assert_array_equal(one, other)


# Batches ------------------------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch):
    """Record the positions of each batch."""
    batches, taken = [], Rows.__getitems__

    def spy(self, indices):
        batches.append([int(i) for i in indices])
        return taken(self, indices)

    monkeypatch.setattr(Rows, "__getitems__", spy)
    return batches


def test_batches_come_in_a_new_order_each_time(make, learn, digits, seen):
    net = learn(make("NetClassifier", iterator_train__batch_size=30))
    assert [len(batch) for batch in seen] == [30, 30, 30, 10] * 2
    for _ in range(2):
        learn(net, by="partial_fit")
    epochs = [(*chain(*seen[start : start + 4]),) for start in range(0, 24, 4)]
    assert len(seen) == 24
    assert all(sorted(epoch) == list(range(100)) for epoch in epochs)
    assert len(set(epochs)) == 6
    seen.clear()
    net.predict(digits.images)
    assert seen == [list(range(400))]
    seen.clear()
    net.set_params(batch_size=600).predict(np.repeat(digits.images, 2, axis=0))
    assert [len(batch) for batch in seen] == [600, 200]


@pytest.mark.parametrize(("n", "sizes"), [(61, [30, 30]), (60, [30, 30]), (1, [1])])
def test_one_leftover_row_is_no_batch(n, sizes, make, learn, seen):
    net = make("NetClassifier", iterator_train__batch_size=30, max_epochs=1)
    learn(net, n=n)
    assert [len(batch) for batch in seen] == sizes


STEPS = [
    # rows, batch size, rows of the steps: four at least, of eight rows at least, and
    # the last of half as many at least
    (400, 64, [61] * 6 + [34]),
    (400, 80, [80] * 5),
    (257, 64, [57] * 4 + [29]),
    (256, 64, [64] * 4),
    (100, 64, [25] * 4),
    (61, 64, [16, 16, 16, 13]),
    (33, 64, [9, 9, 9, 6]),
    (32, 64, [8] * 4),
    (20, 64, [8, 8, 4]),
    (9, 64, [6, 3]),
    (3, 64, [3]),
    (60, 5, [5] * 12),
]


@pytest.mark.parametrize(("n", "size", "sizes"), STEPS)
def test_few_labels_are_cut_into_four_steps(n, size, sizes, make, learn, seen):
    learn(make("NetClassifier", max_epochs=1, batch_size=size), n=n)
    assert [len(batch) for batch in seen] == sizes


@pytest.mark.parametrize("name", ["SupConClassifier", "RotationPretext"])
def test_the_more_there_is_to_compare_the_better(name, make, learn, seen):
    learn(make(name, max_epochs=1, batch_size=64), n=100)
    assert [len(batch) for batch in seen[:2]] == [64, 36]


def test_one_batch_of_all_rows(make, learn, digits, seen):
    net = make("NetClassifier", max_epochs=1, batch_size=-1)
    learn(net.set_params(iterator_train__batch_size=-1))
    net.predict(digits.images)
    assert [len(batch) for batch in seen] == [100, 400]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n", [65, 129])
def test_every_net_trains_with_one_leftover_row(name, n, make, learn):
    net = learn(make(name, batch_size=64, max_epochs=1), n=n)
    assert np.isfinite(net.history_[-1]["train_loss"])


def test_options_of_the_batches(make, learn, digits, seen):
    params = {"iterator_train__shuffle": False, "iterator_train__drop_last": True}
    net = make("NetClassifier", iterator_train__batch_size=30, max_epochs=1, **params)
    learn(net)
    assert seen == [list(range(i, i + 30)) for i in (0, 30, 60)]
    seen.clear()
    net.set_params(iterator_valid__batch_size=50)
    net.predict(digits.images[:120])
    assert [len(batch) for batch in seen] == [50, 50, 20]
    sampler = torch.utils.data.SubsetRandomSampler(range(10, 20))
    net = make("NetClassifier", max_epochs=1, iterator_train__sampler=sampler)
    seen.clear()
    learn(net)
    assert [sorted(batch) for batch in seen] == [list(range(10, 20))]


# Memory -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_memory_map_stays_on_the_disk(name, make, learn, digits, tmp_path, digest):
    np.save(tmp_path / "images.npy", digits.images[:100])
    there = np.load(tmp_path / "images.npy", mmap_mode="r")
    pools, init = [], Rows.__init__

    def spy(self, X, *args, **kwargs):
        pools.append(X)
        init(self, X, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "__init__", spy)
        net = learn(make(name), there)
    assert np.shares_memory(pools[0], there)
    assert digest(net) == digest(learn(make(name)))
    for one, other in zip(
        outputs(net, there), outputs(net, digits.images[:100]), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_only_a_batch_is_in_memory(dtype, make, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (20_000, 256)).astype(dtype)
    np.save(tmp_path / "rows.npy", rows)
    pool, y = np.load(tmp_path / "rows.npy", mmap_mode="r"), np.arange(20_000) % 3
    net = make("NetClassifier", max_epochs=1, batch_size=256, module__hidden=(4,))
    net.fit(pool[:100], y[:100])
    tracemalloc.start()
    net.fit(pool, y)
    net.predict(pool)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6 if dtype == "u1" else peak < rows.nbytes / 3


@pytest.mark.parametrize("name", ALL)
def test_a_net_keeps_no_rows(name, make, learn, digits):
    def size(n):
        net = make(name, max_epochs=1, module=small_cnn, module__n_classes=10)
        return len(pickle.dumps(learn(net, n=n)))

    assert size(400) - size(60) < digits.images[:340].nbytes / 2


# Training on --------------------------------------------------------------------------


def test_fit_starts_anew_and_warm_start_goes_on(make, learn, digest):
    net = learn(make("NetClassifier"))
    first = digest(net)
    assert len(net.history_) == 2
    assert digest(learn(net)) == first
    assert len(net.history_) == 2
    goes_on = learn(make("NetClassifier", warm_start=True))
    assert digest(goes_on) == first
    learn(goes_on)
    assert len(goes_on.history_) == 4
    learn(net, by="partial_fit")
    assert len(net.history_) == 4
    assert digest(net) == digest(goes_on) != first


@pytest.mark.parametrize("name", PREDICT)
def test_partial_fit_goes_on(name, make, learn, digest, digits):
    net = learn(make(name, max_epochs=3), by="partial_fit")
    assert digest(net) == digest(learn(make(name, max_epochs=3)))
    n_epochs = len(net.history_)
    learn(net, by="partial_fit")
    assert len(net.history_) > n_epochs
    assert net.history_[n_epochs]["train_loss"] < net.history_[0]["train_loss"]
    again = learn(learn(make(name, max_epochs=3)), by="partial_fit")
    assert digest(again) == digest(net)


def test_partial_fit_may_be_told_all_classes(make, digits):
    images, y = digits.images, digits.y.astype(str)
    few = np.flatnonzero(digits.y < 3)[:60]
    names = np.unique(y)
    net = make("NetClassifier").partial_fit(images[few], y[few], classes=names)
    assert net.classes_.tolist() == names.tolist()
    assert net.predict_proba(images[:5]).shape == (5, 10)
    net.partial_fit(images, y)
    net.partial_fit(images, y, classes=names)
    assert net.score(images, y) > 0.5
    assert net.classes_.tolist() == names.tolist()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_partial_fit_refuses_labels_that_it_does_not_know(name, make, digits, digest):
    few = digits.y < 3
    net = make(name).partial_fit(digits.images[few], digits.y[few])
    before = digest(net)
    with pytest.raises(ValueError, match=r"labels \[3, 4.*classes \[0, 1, 2\].*fit"):
        net.partial_fit(digits.images, digits.y)
    assert net.classes_.tolist() == [0, 1, 2]
    assert digest(net) == before
    assert net.fit(digits.images[:100], digits.y[:100]).classes_.tolist() == list(
        range(10)
    )


class Failing(Callback):
    """Fails in the middle of a training."""

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            raise RuntimeError("no more")


@pytest.mark.parametrize("name", PREDICT)
def test_a_training_that_fails_leaves_the_names_of_the_classes(name, make, digits):
    y = np.array(["even", "odd"], dtype=object)[digits.y % 2]
    y[50:] = -1 if name == "ContrastivePoolClassifier" else y[50:]
    net = make(name, callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="no more"):
        net.fit(digits.rows, y)
    assert net.classes_.tolist() == ["even", "odd"]
    net.set_params(callbacks=None, lr=0.02).fit(digits.rows, y)
    assert set(net.predict(digits.rows)) <= {"even", "odd"}
    assert net.optimizer_.param_groups[0]["lr"] == 0.02


# Being kept ---------------------------------------------------------------------------


def through_joblib(net, tmp_path):
    joblib.dump(net, tmp_path / "net.joblib")
    return joblib.load(tmp_path / "net.joblib")


KEPT = {
    "pickle": lambda net, _: pickle.loads(pickle.dumps(net)),
    "deepcopy": lambda net, _: copy.deepcopy(net),
    "joblib": through_joblib,
}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *((name, "pickle") for name in ALL),
        ("NetClassifier", "deepcopy"),
        ("ContrastivePoolClassifier", "deepcopy"),
        ("LossPredictionClassifier", "joblib"),
    ],
)
def test_a_copy_says_and_learns_the_same(
    name, kept, make, learn, digits, digest, tmp_path
):
    net = learn(make(name, module=small_cnn, max_epochs=1))
    with Watched():
        other = KEPT[kept](net, tmp_path)
    assert digest(other) == digest(net)
    X = digits.images[:20]
    for one, more in zip(outputs(net, X), outputs(other, X), strict=True):
        np.testing.assert_array_equal(one, more)
    untouched = digest(net)
    learn(other, by=GO_ON[name])
    assert digest(net) == untouched
    assert digest(learn(net, by=GO_ON[name])) == digest(other)


def test_an_unfitted_net_is_kept_as_well(make, learn, digest):
    net = make("NetClassifier", module=small_cnn)
    other = pickle.loads(pickle.dumps(net))
    assert digest(learn(other)) == digest(learn(net))


# A classifier and transformer ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [("NetClassifier", "images"), *((name, "rows") for name in CLASSIFIERS)],
)
def test_it_learns(name, kind, make, digits):
    X = getattr(digits, kind)
    names = np.array([f"digit {label}" for label in digits.y])
    net = make(name, max_epochs=12, batch_size=32).fit(X[:300], names[:300])
    assert net.score(X[300:], names[300:]) > 0.75
    assert net.classes_[0] == "digit 0"
    assert net.input_shape_ == X.shape[1:]
    assert net.n_features_in_ == X.shape[1]
    proba = net.predict_proba(X[:20])
    assert proba.shape == (20, 10)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(net.predict(X[:20]), net.classes_[proba.argmax(1)])


@pytest.mark.parametrize("name", PREDICT)
def test_features_are_those_that_are_read(name, make, learn, digits):
    net = learn(make(name))
    features = net.transform(digits.images[:30])
    assert features.shape == (30, 128)
    assert features.dtype == np.float32
    out = read(net, digits.images[:30])
    np.testing.assert_array_equal(out["embedding"], features)
    np.testing.assert_array_equal(out["proba"], net.predict_proba(digits.images[:30]))
    again = make(name).fit_transform(digits.images[:100], digits.known[:100])
    assert again.shape == (100, 128)


@pytest.mark.parametrize("name", ALL)
def test_features_may_come_as_a_frame(name, make, learn, digits):
    net = make(name).set_output(transform="pandas")
    frame = learn(net).transform(digits.images[:5])
    assert list(frame)[:2] == [f"{name.lower()}0", f"{name.lower()}1"]
    assert frame.shape == (5, 128)
    chain = make_pipeline(FunctionTransformer(), make(name))
    assert learn(chain.set_output(transform="pandas").steps[-1][1])


@pytest.mark.parametrize("name", ALL)
def test_one_row_at_a_time(name, make, learn, digits):
    net, X = learn(make(name)), digits.images[:12]
    whole = outputs(net, X)
    order = np.random.default_rng(0).permutation(12)
    for one, other in zip(whole, outputs(net, X[order]), strict=True):
        np.testing.assert_allclose(other, one[order], rtol=1e-4, atol=1e-5)
    single = [outputs(net, X[i : i + 1]) for i in range(12)]
    for number, one in enumerate(whole):
        rows = np.concatenate([row[number] for row in single])
        np.testing.assert_allclose(rows, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_it_has_to_be_fitted_first(name, make, digits):
    net = make(name)
    said = [net.transform]
    said += [net.sample_losses] if name == "RotationPretext" else [net.predict_proba]
    for method in said:
        with pytest.raises(Exception, match=r"not fitted yet|not initialized"):
            method(digits.images)
    assert not hasattr(net, "classes_")
    assert not hasattr(net, "n_features_in_")


def test_an_active_learner_over_a_torch_dataset(make, digits):
    images = torch.tensor(digits.images)
    pool = torch.utils.data.TensorDataset(images, torch.tensor(digits.y))
    known = np.where(np.arange(400) < 60, digits.y, -1)
    picked = []
    for X in (digits.images, images, pool):
        learner = ActiveLearner(
            NetClassifier(max_epochs=2, random_state=0),
            MarginSampling(),
            random_state=0,
        )
        picked.append(learner.teach(X, known).query(5).tolist())
    assert picked[0] == picked[1] == picked[2]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_active_learner_that_goes_on(name, make, digits):
    learner = ActiveLearner(
        make(name, max_epochs=1),
        MarginSampling(),
        n_initial=60,
        query_size=10,
        n_rounds=2,
        warm_start=True,
        random_state=0,
    ).fit(digits.images, digits.y)
    assert len(learner.estimator_.history_) == 3
    assert len(learner.labeled_indices_) == 80
