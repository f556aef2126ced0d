"""Learning from the whole pool: labels of every kind, two losses, rounds, tuning."""

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback

from skal import ActiveLearner
from skal.estimators import ContrastivePoolClassifier, mlp
from skal.estimators import _contrastive_pool as scheme
from skal.estimators._contrastive_pool import undersampled
from skal.metrics import ood_auroc
from skal.readout import Reader, read
from skal.strategies import CoreSet, MarginSampling

NAME = "ContrastivePoolClassifier"
INSIDE = 8  # digits 8 and 9 belong to no class


N, LABELED = 150, 70


@pytest.fixture(scope="module")
def images(digits):
    return digits.images[:N]


@pytest.fixture(scope="module")
def opened(digits):
    """Labels of a few: classes 0 ... 7, and 8 for what belongs to none of them."""
    return np.where(np.arange(N) < LABELED, np.minimum(digits.y[:N], INSIDE), -1)


@pytest.fixture(scope="module")
def fitted(make, images, opened):
    return make(NAME, ood_label=8).fit(images, opened)


NAMES = np.array([*"abcdefgh", "none"])
LABELS = {
    "integers": (lambda y: y, 8),
    "floats": (lambda y: np.where(y == -1, np.nan, y / 2), 4.0),
    "objects": (lambda y: with_marks(y, -1), "none"),
    "None": (lambda y: with_marks(y, None), "none"),
    "list": (lambda y: list(with_marks(y, -1)), "none"),
    "pandas": (lambda y: pd.Series(with_marks(y, pd.NA), dtype="string"), "none"),
    "numbers and a word": (lambda y: numbered(y), "none"),
    "another number": (lambda y: np.where(y == 8, -7, y), -7),
}


def with_marks(y, mark):
    found = NAMES[y].astype(object)
    found[y == -1] = mark
    return found


def numbered(y):
    found = y.astype(object)
    found[y == 8] = "none"
    return found


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_kind(kind, make, images, opened, fitted, digest):
    change, mark = LABELS[kind]
    net = make(NAME, ood_label=mark).fit(images, change(opened))
    assert len(net.classes_) == 9
    assert net.classes_[-1] == mark
    inside = net.classes_[:-1].tolist()
    assert inside == sorted(inside)
    assert digest(net) == digest(fitted)
    np.testing.assert_array_equal(
        net.predict_proba(images), fitted.predict_proba(images)
    )
    assert set(net.predict(images).tolist()) <= set(net.classes_.tolist())


def test_names_keep_their_type(make, images, opened, fitted):
    assert fitted.classes_.dtype.kind == "i"
    net = make(NAME, ood_label="none", max_epochs=1)
    assert net.fit(images, with_marks(opened, -1)).classes_.tolist() == NAMES.tolist()
    net.fit(images, numbered(opened))
    assert net.classes_.tolist() == [*range(8), "none"]
    assert isinstance(net.classes_[0], int)


def test_without_the_mark_it_is_a_class_as_any(make, images, opened):
    net = make(NAME).fit(images, opened)
    assert net.classes_.tolist() == list(range(9))
    net = make(NAME, ood_label=99).fit(images, opened)
    assert net.classes_.tolist() == list(range(9))
    net = make(NAME, ood_label=3).fit(images, opened)
    assert net.classes_.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 3]


@pytest.mark.parametrize("n_classes", [2, 126, 127, 128, 129])
def test_any_number_of_classes(n_classes, make):
    rng = np.random.default_rng(0)
    y = np.r_[np.tile(np.arange(n_classes), 3), 999, [-1] * 30]
    rows = rng.normal(size=(len(y), 4)).astype("f4")
    net = make(NAME, ood_label=999, max_epochs=1, finetune__max_epochs=1).fit(rows, y)
    assert net.classes_.tolist() == [*range(n_classes), 999]
    assert net.predict_proba(rows).shape == (len(y), n_classes + 1)


@pytest.mark.parametrize("y", [np.full(N, -1), [None] * N, np.full(N, np.nan)])
def test_no_label_at_all_is_refused(y, make, images):
    with pytest.raises(ValueError, match=r"no label.*RotationPretext"):
        make(NAME).fit(images, y)


def test_labels_of_no_class_alone_are_refused(make, images, opened):
    with pytest.raises(ValueError, match="no label of a class"):
        make(NAME, ood_label=8).fit(images, np.where(opened == 8, 8, -1))


# Which rows the classes are learned from ----------------------------------------------

CAPS = [
    # labels of the classes 0, 1, 2 and of none (3), cap, how many of none are kept
    ((4, 2, 3, 9), "mean", 3),
    ((4, 2, 3, 9), "max", 4),
    ((4, 2, 3, 9), 5, 5),
    ((4, 2, 3, 9), 0, 0),
    ((4, 2, 3, 9), None, 9),
    ((4, 2, 3, 9), 50, 9),
    ((4, 2, 3, 2), "mean", 2),
    ((5, 0, 2, 9), "mean", 4),  # 3.5 of the classes that there are, to even
    ((1, 0, 0, 9), "mean", 1),
    ((4, 4, 3, 9), "mean", 4),  # 3.67
    ((4, 2, 3, 0), "mean", 0),
    ((4, 2, 3, 9), np.int64(2), 2),
]


@pytest.mark.parametrize(("counts", "cap", "expected"), CAPS)
def test_the_cap(counts, cap, expected):
    y = np.repeat(np.arange(4), counts)
    np.random.default_rng(0).shuffle(y)
    torch.manual_seed(0)
    kept = undersampled(y, 3, cap)
    assert (np.diff(kept) > 0).all()
    assert np.bincount(y[kept], minlength=4).tolist() == [*counts[:3], expected]


def test_which_rows_are_left_out_is_chance():
    y = np.r_[np.zeros(3, int), np.full(12, 1)]
    kept = []
    for seed in range(200):
        torch.manual_seed(seed)
        kept.append(undersampled(y, 1, "mean"))
    assert all(rows[:3].tolist() == [0, 1, 2] for rows in kept)
    counts = np.bincount(np.concatenate(kept), minlength=15)[3:]
    assert counts.sum() == 600
    assert counts.min() > 25


def n_tuned(net):
    return sum(net.classifier_.history_[-1, "batches", :, "train_batch_size"])


def test_the_tuning_takes_the_cap(make, images, opened):
    n_inside, n_outside = (opened[:LABELED] < 8).sum(), (opened == 8).sum()
    mean = round(n_inside / 8)
    assert n_outside > mean
    options = {"finetune__iterator_train__drop_last": False, "max_epochs": 1}
    for cap, n in {"mean": mean, 2: 2, None: n_outside}.items():
        net = make(NAME, aux_cap=cap, ood_label=8, **options).fit(images, opened)
        assert n_tuned(net) == n_inside + n
    assert n_tuned(make(NAME, **options).fit(images, opened)) == LABELED


# The two losses -----------------------------------------------------------------------


@pytest.fixture
def losses(monkeypatch):
    """Keep what the losses are asked."""
    kept = []

    def keep(name):
        plain = getattr(scheme, name)

        def loss(*args, **kwargs):
            value = plain(*args, **kwargs)
            args = [values.detach().clone() for values in args]
            kept.append((name, args, kwargs, value.item()))
            return value

        monkeypatch.setattr(scheme, name, loss)

    keep("supcon_loss")
    keep("nt_xent_loss")
    return kept


def rows_of(net, z, rows):
    """Find the rows of a table whose projections these are."""
    with torch.no_grad():
        features = torch.tensor(net.transform(rows))
        known = net.projection_(features)
    return torch.cdist(z, known).argmin(dim=1).numpy()


def test_both_losses_and_what_they_are_asked(make, digits, losses):
    y = np.full(100, -1)
    y[[3, 20, 50, 51, 90]] = [0, 1, 0, 7, 1]
    rows = digits.rows[:100]
    net = make(
        NAME,
        mlp,
        augmentation=None,
        temperature=0.3,
        batch_size=40,
        lr=1e-12,
        max_epochs=1,
        ood_label=7,
    ).fit(rows, y)
    pairs = [call for call in losses if call[0] == "nt_xent_loss"]
    labeled = [call for call in losses if call[0] == "supcon_loss"]
    assert len(pairs) == len(labeled) == 3
    unlabeled = []
    codes = {3: 0, 20: 1, 50: 0, 51: 2, 90: 1}
    for step in range(3):
        _, (one, other), options, first = pairs[step]
        assert options == {"temperature": 0.3}
        found = rows_of(net, one, rows)
        np.testing.assert_array_equal(found, rows_of(net, other, rows))
        unlabeled += found.tolist()
        _, (z, labels), options, second = labeled[step]
        assert options["temperature"] == 0.3
        assert len(z) == 10
        found = rows_of(net, z, rows)
        assert sorted(found) == sorted(2 * list(codes))
        assert [codes[row] for row in found] == labels.tolist()
        total = net.history_[-1, "batches", step, "train_loss"]
        assert total == pytest.approx(first + second, rel=1e-4)
    assert sorted(unlabeled) == np.flatnonzero(y == -1).tolist()


def test_two_views_of_rows_and_labels_by_batch(make, digits, losses):
    """As many labeled rows as a batch has, another part of them in each step."""
    y = np.where(np.arange(100) < 60, digits.y[:100], -1)
    params = {"batch_size": 20, "max_epochs": 3}
    net = make(NAME, mlp, lr=1e-12, augmentation=None, **params)
    net.fit(digits.rows[:100], y)
    drawn = []
    for name, args, _, _ in losses:
        if name == "supcon_loss":
            found = rows_of(net, args[0], digits.rows[:100])
            assert len(set(found)) == 20
            assert set(found) <= set(range(60))
            drawn.append(tuple(sorted(found)))
    assert len(set(drawn)) == 6
    losses.clear()
    make(NAME, **params).fit(digits.images[:100], y)
    for name, args, _, _ in losses:
        halves = args if name == "nt_xent_loss" else args[0].chunk(2)
        assert (halves[0] - halves[1]).abs().max() > 1e-3


def test_with_every_row_labeled_there_is_one_loss(make, digits, losses):
    net = make(NAME).fit(digits.images[:100], digits.y[:100])
    assert {call[0] for call in losses} == {"supcon_loss"}
    assert net.predict(digits.images).shape == (400,)
    net.partial_fit(digits.images[:100], digits.y[:100])


@pytest.mark.parametrize("labels", [[5], [5, 5], [5, 6], [5, 8]])
def test_a_label_or_two(labels, make, digits):
    y = np.full(60, -1)
    y[: len(labels)] = labels
    net = make(NAME, ood_label=8).fit(digits.images[:60], y)
    assert net.classes_.tolist() == sorted(set(labels))
    assert np.isfinite(net.predict_proba(digits.images)).all()
    assert np.isfinite(net.history_[-1]["train_loss"])


# The representation and the tuned copy ------------------------------------------------


def backbone(net):
    state = net.module_.state_dict()
    return {key: value.clone() for key, value in state.items() if "fc" not in key}


def test_features_of_one_and_probabilities_of_the_other(fitted, digits):
    images = torch.tensor(digits.images[:50, None])
    for net in (fitted, fitted.classifier_):
        net.module_.eval()
    with torch.no_grad():
        features = fitted.module_[:7](images).numpy()
        proba = fitted.classifier_.module_(images).softmax(1).numpy()
        tuned = fitted.classifier_.module_[:7](images).numpy()
    assert np.abs(tuned - features).max() > 1e-3
    out = read(fitted, digits.images[:50])
    np.testing.assert_allclose(out["embedding"], features, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(out["proba"], proba, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(
        out["embedding"], fitted.transform(digits.images[:50])
    )
    np.testing.assert_array_equal(
        out["proba"], fitted.predict_proba(digits.images[:50])
    )
    assert list(read(fitted, digits.images, ["embedding"])) == ["embedding"]
    gradient = read(fitted, digits.images[:50], "logit_gradient")["logit_gradient"]
    assert gradient.shape == (50, 9)


def test_the_map_from_features_to_logits_is_hidden(fitted, digits):
    """The features that are read are not those that the tuned head sees."""
    assert Reader(digits.images, fitted).head() is None


def test_defaults_of_the_tuning(fitted):
    params = fitted.classifier_.get_params(deep=False)
    assert params["optimizer"] is torch.optim.Adam
    assert (params["lr"], params["batch_size"]) == (1e-3, 32)
    assert params["optimizer__weight_decay"] == 1e-6
    assert params["criterion__label_smoothing"] == 0.1
    assert params["augmentation"] == "auto"
    assert scheme._FINE_TUNING["max_epochs"] == 100
    own = ContrastivePoolClassifier().get_params()
    assert own["optimizer"] is torch.optim.Adam
    assert (own["lr"], own["batch_size"], own["max_epochs"]) == (1e-3, 256, 100)


TUNING = {
    "finetune__max_epochs": 3,
    "finetune__lr": 0.05,
    "finetune__optimizer": torch.optim.SGD,
    "finetune__optimizer__weight_decay": 0.01,
    "finetune__batch_size": 7,
    "finetune__criterion__label_smoothing": 0.3,
    "finetune__augmentation": None,
    "finetune__callbacks__lr_schedule": None,
}


@pytest.mark.parametrize("key", TUNING)
def test_parameters_of_the_tuning(key, make, images, opened):
    net = make(NAME, max_epochs=1, **{key: TUNING[key]})
    net.fit(images, opened)
    name = key.removeprefix("finetune__")
    assert net.classifier_.get_params(deep=False)[name] == TUNING[key]
    assert net.get_params(deep=False)[key] == TUNING[key]
    changed = make(NAME, max_epochs=1).fit(images, opened)
    changed.set_params(**{key: TUNING[key]})
    changed.fit(images, opened)
    np.testing.assert_array_equal(
        changed.predict_proba(images), net.predict_proba(images)
    )


def test_the_tuning_is_no_part_of_the_representation(make, images, opened):
    nets = [make(NAME, finetune__max_epochs=n).fit(images, opened) for n in (1, 9)]
    features = [net.transform(images) for net in nets]
    np.testing.assert_array_equal(*features)
    proba = [net.predict_proba(images) for net in nets]
    assert not np.array_equal(*proba)


# Rounds -------------------------------------------------------------------------------


class States(Callback):
    """Keeps the representation at both ends of a training."""

    def on_train_begin(self, net, **kwargs):
        self.start_ = backbone(net)

    def on_train_end(self, net, **kwargs):
        self.end_ = backbone(net)


@pytest.mark.parametrize(("continued", "n_epochs"), [(None, 2), (5, 5), (0, 0), (1, 1)])
def test_later_rounds_go_on_from_the_representation(
    continued, n_epochs, make, images, opened
):
    images, opened = images[:80], opened[:80]
    net = make(NAME, max_epochs=6, callbacks=[("look", States())])
    net.set_params(continue_epochs=continued).fit(images, opened)
    assert len(net.history_) == 6
    look = dict(net.callbacks_)["look"]
    end = look.end_
    found = backbone(net)
    assert all(torch.equal(found[key], end[key]) for key in end)
    tuned = net.classifier_
    net.partial_fit(images, opened)
    assert len(net.history_) == 6 + n_epochs
    assert all(torch.equal(look.start_[key], end[key]) for key in end)
    assert net.classifier_ is not tuned
    assert len(net.classifier_.history_) == 2
    net.fit(images, opened)
    assert len(net.history_) == 6


def test_later_rounds_may_bring_new_labels(make, images, opened):
    y = np.where(opened > 3, -1, opened)
    net = make(NAME, ood_label=8).fit(images, y)
    assert net.classes_.tolist() == [0, 1, 2, 3]
    net.partial_fit(images, np.where(opened == 8, -1, opened))
    assert net.classes_.tolist() == list(range(8))
    net.partial_fit(images, opened)
    assert net.classes_.tolist() == list(range(9))
    assert net.predict_proba(images).shape == (N, 9)
    assert len(net.history_) == 2 + 1 + 1


@pytest.mark.parametrize("kind", [list, np.array])
@pytest.mark.parametrize("by", ["parameter", "partial_fit"])
def test_all_classes_may_be_named(by, kind, make, images, opened):
    names = kind([*range(8), 11])
    net = make(NAME, ood_label=8)
    if by == "parameter":
        net.set_params(classes=names).fit(images, opened)
    else:
        net.partial_fit(images, opened, classes=names)
    assert net.classes_.tolist() == [*range(8), 11, 8]
    assert net.predict_proba(images).shape == (N, 10)
    with pytest.raises(ValueError, match="5"):
        make(NAME, classes=kind([0, 1])).fit(images, opened)


@pytest.mark.parametrize("strategy", [CoreSet(), MarginSampling()])
def test_an_open_pool(strategy, make, digits, images):
    y = np.where(digits.y < INSIDE, digits.y, 99)[:N]
    learner = ActiveLearner(
        make(NAME, max_epochs=3),
        strategy,
        n_initial=40,
        query_size=15,
        n_rounds=2,
        use_unlabeled=True,
        warm_start=True,
        ood_label=99,
        random_state=0,
    ).fit(images, y)
    assert learner.classes_.tolist() == list(range(8))
    assert learner.predict_proba(images).shape == (N, 8)
    assert learner.history_[-1]["n_labeled"] == 70
    assert learner.history_[-1]["cost"] > 70
    net = learner.estimator_
    assert net.ood_label == 99
    assert net.classes_.tolist() == [*range(8), 99]
    assert len(net.history_) == 3 + 1 + 1
    assert read(learner, images, "embedding")["embedding"].shape == (N, 128)


def test_it_learns_classes_and_what_is_none(make, digits):
    y = np.where(np.arange(400) < 80, np.minimum(digits.y, INSIDE), -1)
    net = make(NAME, ood_label=8, max_epochs=8, lr=3e-3, finetune__max_epochs=20)
    net.set_params(finetune__lr=3e-3).fit(digits.images[:250], y[:250])
    rest, y = digits.images[80:], digits.y[80:]
    inside = y < INSIDE
    assert np.mean(net.predict(rest[inside]) == y[inside]) > 0.75
    outside = net.predict_proba(rest)[:, -1]
    assert ood_auroc(outside[inside], outside[~inside]) > 0.75
