"""Parameters: flat, checked, those of the module, the optimizer and the callbacks."""

import functools
import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from skorch.dataset import ValidSplit
from torch import nn

from skal import ActiveLearner
from skal.estimators import FeatureNoise, ImageViews, mlp, small_cnn
from skal.readout import read
from skal.strategies import BALD, MarginSampling

CLASSIFIERS = [
    "NetClassifier",
    "SupConClassifier",
    "MCDropoutClassifier",
    "LossPredictionClassifier",
]
PREDICT = [*CLASSIFIERS, "ContrastivePoolClassifier"]
ALL = [*PREDICT, "RotationPretext"]

# Flat ---------------------------------------------------------------------------------

NESTED = {
    "module__in_channels": 1,
    "optimizer__momentum": 0.5,
    "criterion__label_smoothing": 0.1,
    "iterator_train__shuffle": False,
    "callbacks__lr_schedule": None,
}
OWN = {
    "NetClassifier": {},
    "SupConClassifier": {
        "temperature": 0.5,
        "head_size": 16,
        "reduction": "sum",
        "C": 0.1,
    },
    "MCDropoutClassifier": {"dropout": 0.2},
    "LossPredictionClassifier": {
        "loss_weight": 0.3,
        "margin": 0.5,
        "tap_size": 16,
        "detach_epoch": 0,
        "taps": ["block1"],
    },
    "ContrastivePoolClassifier": {
        "continue_epochs": 1,
        "temperature": 0.5,
        "head_size": 16,
        "aux_cap": 3,
        "ood_label": 9,
        "finetune__lr": 0.01,
        "finetune__optimizer__weight_decay": 0.1,
    },
    "RotationPretext": {"view": "mean"},
}


@pytest.mark.parametrize("name", ALL)
def test_parameters_are_flat(name, make, learn, digest):
    params = NESTED | OWN[name] | {"lr": 0.02, "max_epochs": 1, "batch_size": 50}
    if name == "ContrastivePoolClassifier":  # of Adam
        params["optimizer__eps"] = params.pop("optimizer__momentum")
    made, changed = make(name, **params), make(name).set_params(**params)
    for net in (made, changed, clone(made), clone(changed), clone(clone(made))):
        found = net.get_params(deep=False)
        assert {key: found[key] for key in params} == params
        assert found.keys() <= net.get_params().keys()
        assert not [key for key in found if key.startswith("_") or key.endswith("_")]
        assert name in repr(net)
        assert name in net._repr_html_()
    assert digest(learn(made)) == digest(learn(changed)) == digest(learn(clone(made)))
    if name in ("NetClassifier", "RotationPretext"):
        return
    plain = {key: value for key, value in params.items() if key not in OWN[name]}
    assert digest(learn(make(name, **plain))) != digest(made)


@pytest.mark.parametrize("name", ALL)
def test_parameters_of_a_fitted_net_may_change(name, make, learn, digest):
    net = learn(make(name))
    wanted = OWN[name] | {
        "lr": 0.02,
        "iterator_train__shuffle": False,
        "optimizer": torch.optim.Adam,
        "optimizer__weight_decay": 0.1,
        "callbacks__lr_schedule": None,
    }
    for key, value in wanted.items():
        net.set_params(**{key: value})
        assert net.get_params(deep=False)[key] is value
    assert digest(learn(net)) == digest(learn(make(name, **wanted)))


@pytest.mark.parametrize("name", ALL)
def test_a_name_that_means_nothing_is_refused(name, make, learn):
    with pytest.raises(Exception, match="hidden"):
        learn(make(name, hidden=3))
    with pytest.raises(Exception, match="hidden"):
        learn(make(name).set_params(hidden=3))
    with pytest.raises(Exception, match="nothing"):
        learn(make(name, module__nothing=3))


def test_rates_reach_the_optimizer(make, learn):
    net = learn(make("NetClassifier", lr=0.02))
    (group,) = net.optimizer_.param_groups
    assert isinstance(net.optimizer_, torch.optim.SGD)
    assert group["lr"] == 0.02
    assert (group["momentum"], group["nesterov"]) == (0.9, True)
    assert group["weight_decay"] == 5e-4
    net.set_params(lr=0.5)
    assert group["lr"] == net.get_params()["lr"] == 0.5
    params = {"optimizer__momentum": 0.3, "optimizer__weight_decay": 0}
    (group,) = learn(make("NetClassifier", **params)).optimizer_.param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.3, 0)
    net = learn(make("NetClassifier", optimizer=torch.optim.Adam))
    assert net.optimizer_.param_groups[0]["weight_decay"] == 0


@pytest.mark.parametrize(
    "plain", [{"optimizer__momentum": 0}, {"optimizer__dampening": 0.1}]
)
def test_descent_without_momentum(plain, make, learn):
    (group,) = learn(make("NetClassifier", **plain)).optimizer_.param_groups
    assert not group["nesterov"]


def test_the_criterion_is_the_one_asked_for(make, learn, digits):
    weights = torch.arange(1.0, 11.0)
    net = make("NetClassifier", criterion__weight=weights, max_epochs=1)
    net = learn(net, n=60).set_params(train_split=None)
    net.module_.eval()
    logits = net.module_(torch.tensor(digits.images[:60, None]))
    loss = net.get_loss(logits, torch.tensor(digits.y[:60]))
    expected = nn.functional.cross_entropy(
        logits, torch.tensor(digits.y[:60]), weight=weights
    )
    assert torch.equal(loss, expected)

    class Softmax(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.out = nn.Linear(64, n_classes)

        def forward(self, X):
            return self.out(X).softmax(1)

    net = make("NetClassifier", Softmax, criterion=nn.NLLLoss, max_epochs=20)
    net.fit(digits.rows, digits.y)
    np.testing.assert_allclose(net.predict_proba(digits.rows).sum(1), 1, rtol=1e-5)
    assert net.score(digits.rows, digits.y) > 0.8


# Checked ------------------------------------------------------------------------------

WRONG = {
    "lr": [0, -1, np.nan, "fast"],
    "max_epochs": [0, -3, 2.5],
    "batch_size": [0, -2, 0.5, None],
    "input_dtype": ["number", 3],
    "random_state": [-1, 0.5, "seed"],
    "augmentation": ["rotate", 3],
    "embedding_layer": ["nowhere"],
    "device": ["nowhere"],
}
OWN_WRONG = {
    "SupConClassifier": {
        "temperature": [0, -1, "hot"],
        "head_size": [0, 2.5],
        "reduction": ["median", None],
        "C": [0, -1],
    },
    "MCDropoutClassifier": {"dropout": [0, 1, -0.5, 50, "half"]},
    "LossPredictionClassifier": {
        "loss_weight": [0, -1],
        "margin": [0, -1],
        "tap_size": [0, 2.5],
        "detach_epoch": ["late"],
        "taps": ["block1", [], ["nowhere"]],
    },
    "ContrastivePoolClassifier": {
        "temperature": [0],
        "head_size": [0],
        "aux_cap": ["median", -1, 2.5],
        "continue_epochs": [-1, 1.5],
    },
    "RotationPretext": {"view": ["upright", None]},
}
CASES = [
    *(("NetClassifier", key, v) for key, values in WRONG.items() for v in values),
    *((name, "lr", -1) for name in ALL),
    *(
        (name, key, value)
        for name, params in OWN_WRONG.items()
        for key, values in params.items()
        for value in values
    ),
]


@pytest.mark.parametrize(("name", "param", "value"), CASES)
def test_values_out_of_range_are_refused_by_name(name, param, value, make, learn):
    net = make(name, **{param: value})  # the constructor checks nothing
    with pytest.raises((ValueError, TypeError), match=param):
        learn(net).transform(np.zeros((3, 8, 8), "f4"))


# The module ---------------------------------------------------------------------------


class Own(nn.Module):
    """Takes what it is told by name."""

    def __init__(self, n_classes, in_channels=7, width=12):
        super().__init__()
        self.told = n_classes, in_channels, width
        self.first = nn.Conv2d(in_channels, width, 3)
        self.last = nn.Linear(36 * width, n_classes)

    def forward(self, X):
        return self.last(torch.relu(self.first(X)).flatten(1))


def test_the_module_is_told_what_the_data_know(make, learn, digits):
    images = digits.images[:100]
    net = learn(make("NetClassifier", Own))
    assert net.module_.told == (10, 1, 12)
    net = learn(make("NetClassifier", Own), np.repeat(images[..., None], 3, axis=3))
    assert net.module_.told == (10, 3, 12)
    net = learn(make("NetClassifier", Own, module__width=5, module__n_classes=11))
    assert net.module_.told == (11, 1, 5)
    assert net.predict_proba(images).shape == (100, 10)
    net = learn(make("NetClassifier", mlp, module__hidden=(7, 5)), digits.rows[:100])
    assert net.module_.hidden1[0].in_features == 64
    assert net.transform(digits.rows).shape == (400, 5)


def test_what_makes_the_module(make, learn, digest, digits):
    def function(n_classes, in_channels):
        return small_cnn(n_classes, in_channels=in_channels)

    known = digest(learn(make("NetClassifier", small_cnn)))
    makers = [
        function,
        functools.partial(small_cnn, in_channels=1),
        lambda **facts: small_cnn(10),
        lambda: small_cnn(10),
        None,
    ]
    for maker in makers:
        assert digest(learn(make("NetClassifier", maker))) == known


def test_what_a_partial_binds_stays_bound(make, learn):
    partial = functools.partial(small_cnn, n_classes=13)
    assert learn(make("NetClassifier", partial)).module_.fc.out_features == 13


@pytest.mark.parametrize("name", PREDICT)
def test_an_instance_is_not_trained_in_place(name, make, learn, digits, digest):
    torch.manual_seed(0)
    module = small_cnn(10)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    net = make(name, module)
    first = digest(learn(net))
    assert net.module is module
    assert net.module_ is not module
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])
    assert module.training
    assert [type(m) for m in module.modules()] == [
        type(m) for m in small_cnn(10).modules()
    ]
    assert digest(learn(net)) == first
    other = clone(net)
    assert other.module is not module
    assert digest(learn(other)) == first


def test_training_starts_from_the_weights_of_an_instance(make, learn):
    torch.manual_seed(0)
    module = small_cnn(10)
    net = learn(make("NetClassifier", module, lr=1e-12))
    for name, value in net.module_.named_parameters():
        assert torch.allclose(value, module.get_parameter(name), atol=1e-8)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_module_may_be_wider_than_there_are_classes(name, make, learn, digits):
    net = learn(make(name, module__n_classes=30))
    assert net.module_.fc is not None
    proba = net.predict_proba(digits.images)
    assert proba.shape == (400, 10)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    out = read(net, digits.images[:9], ["proba", "embedding", "logit_gradient"])
    np.testing.assert_array_equal(out["proba"], net.predict_proba(digits.images[:9]))
    assert out["logit_gradient"].shape == (9, 10)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_columns_of_no_class_are_no_part_of_the_loss(name, make, digits):
    class Sure(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.out = nn.Linear(64, n_classes)

        def forward(self, X):
            return torch.cat([self.out(X), torch.full((len(X), 1), 1e3)], dim=1)

    net = make(name, Sure).fit(digits.rows, digits.y)
    assert net.history_[-1]["train_loss"] < 50
    assert net.predict_proba(digits.rows).shape == (400, 10)


@pytest.mark.parametrize("name", PREDICT)
@pytest.mark.parametrize("kind", [list, np.array])
def test_classes_may_name_unseen_ones(name, kind, make, digits):
    few = digits.y < 3
    X, y = digits.images[few], digits.y[few].astype(str).astype(object)
    y[30:] = -1 if name == "ContrastivePoolClassifier" else y[30:]
    names = kind(["2", "0", "unseen", "1"])
    net = make(name, classes=names, max_epochs=10).fit(X, y)
    assert net.classes_.tolist() == ["2", "0", "unseen", "1"]
    proba = net.predict_proba(X)
    assert proba.shape == (len(X), 4)
    assert proba[:, 2].max() < 0.5
    assert np.mean(net.predict(X) == digits.y[few].astype(str)) > 0.5
    assert net.get_params()["classes"] is names


def test_classes_that_lack_a_label_or_stand_twice(make, digits):
    with pytest.raises(ValueError, match=r"labels \[9\].*`classes`"):
        make("NetClassifier", classes=range(9)).fit(digits.images, digits.y)
    with pytest.raises(ValueError, match="twice"):
        make("NetClassifier", classes=[0, *range(10)]).fit(digits.images, digits.y)


@pytest.mark.parametrize("name", ALL)
def test_features_of_another_layer(name, make, learn, digits):
    net = learn(make(name, embedding_layer="block2"))
    features = net.transform(digits.images[:6])
    assert features.shape == (6, 64 * 4 * 4)
    net.module_.eval()
    with torch.no_grad():
        image = torch.tensor(digits.images[:6, None])
        expected = net.module_[:3](image).flatten(1).numpy()
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-6)
    if name != "RotationPretext":
        embedding = read(net, digits.images[:6], ["embedding"])["embedding"]
        np.testing.assert_array_equal(embedding, features)
        plain = learn(make(name))
        np.testing.assert_array_equal(
            net.predict_proba(digits.images), plain.predict_proba(digits.images)
        )


def test_a_module_without_a_linear_layer(make, learn, digits):
    def convolutions(n_classes):
        last = nn.Conv2d(4, n_classes, 6)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), last, nn.Flatten())

    net = learn(make("NetClassifier", convolutions))
    assert net.predict_proba(digits.images).shape == (400, 10)
    with pytest.raises(TypeError, match="embedding_layer"):
        net.transform(digits.images)
    for name in ALL[1:]:
        if name != "RotationPretext":
            with pytest.raises(TypeError, match=r"module.*torch\.nn\.Linear"):
                learn(make(name, convolutions))


@pytest.mark.parametrize("name", ["NetClassifier", "MCDropoutClassifier"])
def test_parameters_of_fit_go_to_the_module(name, make, digits):
    given = []

    class Asks(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.out = nn.Linear(64, n_classes)

        def forward(self, X, scale=None):
            given.append(scale)
            return self.out(X)

    net = make(name, Asks, max_epochs=1).fit(digits.rows, digits.y, scale=3)
    assert set(given) == {3}
    net.partial_fit(digits.rows, digits.y, scale=5)
    assert set(given) == {3, 5}


@pytest.mark.parametrize("name", ALL)
def test_other_parameters_of_fit_are_refused(name, make, digits):
    y = () if name == "RotationPretext" else (digits.known,)
    with pytest.raises(TypeError, match="sample_weight"):
        make(name).fit(digits.images, *y, sample_weight=np.ones(400))


# Augmentation -------------------------------------------------------------------------


class Negative(nn.Module):
    """Turns black to white."""

    def forward(self, images):
        return 1 - images


def test_the_augmentation_is_what_the_module_sees(make, learn, digits):
    seen = []

    class Look(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.inner = small_cnn(n_classes)

        def forward(self, X):
            if self.training:
                seen.append(X.mean().item())
            return self.inner(X)

    means = {}
    kinds = {
        "none": None,
        "function": lambda X: 1 - X,
        "module": Negative(),
        "auto": "auto",
        "views": ImageViews(),
    }
    for kind, augmentation in kinds.items():
        params = {"max_epochs": 1, "iterator_train__batch_size": 100}
        net = make("NetClassifier", Look, augmentation=augmentation, **params)
        seen.clear()
        learn(net)
        means[kind] = seen[:]
        if augmentation is not None:
            assert not hasattr(net, "_modules") or "augmentation" not in net._modules
        clone(net).fit(digits.images, digits.y)
    mean = digits.images[:100].mean()
    assert means["none"] == pytest.approx([mean], rel=1e-5)
    assert means["function"] == means["module"] == pytest.approx([1 - mean], rel=1e-5)
    assert means["auto"] == means["views"]
    assert means["auto"] != means["none"]


def test_views_have_parameters(make, learn, digest):
    given = ImageViews()
    net = make("NetClassifier", augmentation=given, max_epochs=1)
    net.set_params(augmentation__degrees=40.0)
    assert net.get_params()["augmentation__degrees"] == 40.0
    other = make("NetClassifier", augmentation=ImageViews(degrees=40.0), max_epochs=1)
    assert digest(learn(net)) == digest(learn(other))
    net.set_params(augmentation__degrees=0.0)
    assert digest(learn(net)) != digest(other)


def test_auto_depends_on_the_rows(make, digits):
    net = make("NetClassifier", augmentation="auto")
    images, rows = torch.tensor(digits.images[:, None]), torch.tensor(digits.rows)
    for batch, views in ((images, ImageViews()), (rows, FeatureNoise())):
        torch.manual_seed(0)
        found = net._view(batch)
        torch.manual_seed(0)
        assert torch.equal(found, views(batch))


def test_prediction_is_of_the_rows_as_they_are(make, learn, digits):
    net = learn(make("NetClassifier", augmentation=Negative()))
    first = net.predict_proba(digits.images)
    net.augmentation = None
    np.testing.assert_array_equal(net.predict_proba(digits.images), first)


# Callbacks and the learning rate ------------------------------------------------------


class Rates(Callback):
    """Notes the learning rates of the epochs."""

    def initialize(self):
        self.seen_ = []
        return self

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            self.seen_.append([g["lr"] for g in net.optimizer_.param_groups])

    @property
    def first(self):
        return [rates[0] for rates in self.seen_]


def cosine(lr, n):
    return [lr * (1 + math.cos(math.pi * i / n)) / 2 for i in range(n)]


def rates_of(net):
    return dict(net.callbacks_)["Rates"].first


@pytest.mark.parametrize("name", ALL)
def test_the_rate_falls_along_a_cosine(name, make, learn):
    n = 25 if name == "ContrastivePoolClassifier" else 100
    params = {"max_epochs": 4, "iterator_train__batch_size": 100, "lr": 0.02}
    net = learn(make(name, callbacks=[Rates()], **params), n=n)
    assert rates_of(net) == pytest.approx(cosine(0.02, 4))
    assert net.optimizer_.param_groups[0]["lr"] == 0.02
    if name != "RotationPretext":
        learn(net, by="partial_fit", n=n)
        more = 1 if name == "ContrastivePoolClassifier" else 4
        assert rates_of(net)[4:] == pytest.approx(cosine(0.02, more))
        net.set_params(lr=0.5)
        learn(net, by="partial_fit", n=n)
        assert rates_of(net)[4 + more :] == pytest.approx(cosine(0.5, more))


def test_the_rate_holds_where_it_is_told_to(make, learn):
    params = {"max_epochs": 3, "iterator_train__batch_size": 100, "lr": 0.02}
    params |= {"callbacks": [Rates()], "callbacks__lr_schedule": None}
    assert rates_of(learn(make("NetClassifier", **params))) == [0.02] * 3


@pytest.mark.parametrize("in_place", [False, True])
def test_a_scheduler_takes_the_place_of_the_cosine(in_place, make, learn):
    scheduler = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.1)
    params = {
        "max_epochs": 3,
        "iterator_train__batch_size": 100,
        "lr": 0.2,
        "callbacks": [Rates()],
    }
    if in_place:
        params["callbacks__lr_schedule"] = scheduler
    else:
        params["callbacks"].append(scheduler)
    net = learn(make("NetClassifier", **params))
    assert rates_of(net) == pytest.approx([0.2, 0.02, 0.002])


def test_groups_have_rates_of_their_own(make, learn):
    groups = [("fc.*", {"lr": 0.5})]
    params = {"max_epochs": 2, "iterator_train__batch_size": 100, "lr": 0.02}
    params |= {"callbacks": [Rates()], "optimizer__param_groups": groups}
    net = learn(make("NetClassifier", **params))
    found = np.array(dict(net.callbacks_)["Rates"].seen_)
    np.testing.assert_allclose(found, [[0.5, 0.02], [0.25, 0.01]])
    assert [g["lr"] for g in net.optimizer_.param_groups] == [0.5, 0.02]


class Stop(Callback):
    """Ends a training in its third epoch, by an error or as by hand."""

    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 3:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_rate_is_set_back_where_a_training_ends_early(error, make, learn):
    net = make("NetClassifier", max_epochs=6, batch_size=100, lr=0.02)
    net.set_params(callbacks=[Stop(error)])
    if error is RuntimeError:
        with pytest.raises(RuntimeError):
            learn(net)
    else:
        learn(net)
    assert len(net.history_) == 3
    assert net.optimizer_.param_groups[0]["lr"] == 0.02


def test_rows_may_be_held_out(make, digits):
    y = np.array([f"digit {label}" for label in digits.y])
    callbacks = [
        EpochScoring("accuracy", False, name="mine", use_caching=False),
        EpochScoring("f1_macro", False, name="f1"),
        EpochScoring("accuracy", False, name="train_acc", on_train=True),
        EarlyStopping("valid_loss", patience=50),
    ]
    split = ValidSplit(4, stratified=True)
    params = {"train_split": split, "callbacks": callbacks, "max_epochs": 8}
    net = make("NetClassifier", batch_size=32, **params).fit(digits.images, y)
    last = net.history_[-1]
    assert last["mine"] == pytest.approx(last["valid_acc"])
    assert last["valid_acc"] > 0.7
    assert last["train_acc"] > 0.7
    assert last["valid_loss"] < net.history_[0]["valid_loss"]
    assert net.history_[-1, "batches", :, "train_batch_size"] == [31] * 9 + [21]
    assert set(net.predict(digits.images)) <= set(y)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_may_hold_rows_out(name, make, digits, learn):
    net = learn(make(name, train_split=ValidSplit(5)))
    assert sum(net.history_[-1, "batches", :, "train_batch_size"]) == 80
    assert np.isfinite(net.history_[-1]["valid_loss"])
    assert net.predict_proba(digits.images).shape == (400, 10)


def test_of_a_pool_no_rows_are_held_out(make, learn):
    with pytest.raises(ValueError, match="train_split"):
        learn(make("ContrastivePoolClassifier", train_split=ValidSplit(5)))


def test_parameters_of_callbacks(make, learn):
    scoring = EpochScoring("accuracy", name="mine", on_train=True)
    net = make("NetClassifier", callbacks=[("mine", scoring)])
    net.set_params(callbacks__mine__name="other")
    assert learn(net).history_[-1]["other"] >= 0
    assert "callbacks__mine__scoring" in net.get_params()
    net = learn(make("NetClassifier", callbacks="disable"))
    assert len(net.history_) == 2


# Searches -----------------------------------------------------------------------------


def test_a_search_over_all_of_it_in_two_processes(make, digits):
    params = {"max_epochs": 6, "batch_size": 20, "module__n_features": 64}
    learner = ActiveLearner(
        make("MCDropoutClassifier", mlp, **params),
        n_initial=40,
        query_size=10,
        n_rounds=1,
        random_state=0,
    )
    grid = {
        "estimator__lr": [1e-6, 0.1],
        "estimator__module__hidden": [(1,), (32,)],
        "strategy": [MarginSampling(), BALD(n_draws=3)],
    }
    found = []
    for n_jobs in (2, None):
        search = GridSearchCV(learner, grid, cv=2, n_jobs=n_jobs, error_score="raise")
        search.fit(digits.images[:200], digits.y[:200])
        assert search.best_params_["estimator__lr"] == 0.1
        assert search.best_params_["estimator__module__hidden"] == (32,)
        found.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*found)
