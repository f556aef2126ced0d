"""What ``read`` says of skorch's nets, and that it leaves them as they were."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.helper import SliceDataset
from torch import nn

from skal.readout import Reader, column_labels, read, read_rows

torch.set_num_threads(1)

N, WIDTH = 40, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, WIDTH)).astype(np.float32)
Y = np.arange(N) % 3
IMAGES = RNG.normal(size=(N, 1, 6, 6)).astype(np.float32)
ALL = np.arange(N)
ONE_PASS = ("proba", "embedding", "logit_gradient")


class Net(nn.Module):
    """Dropout, batch-norm and two linear layers, the last one called ``head``."""

    def __init__(self, n_outputs=3, softmax=False, dropout=0.5):
        super().__init__()
        self.body = nn.Linear(WIDTH, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(4, n_outputs)
        self.softmax = softmax

    def forward(self, x):
        logits = self.head(self.drop(torch.relu(self.norm(self.body(x)))))
        return logits.softmax(dim=-1) if self.softmax else logits


class ConvNet(nn.Module):
    """Images; with `linear`, a linear layer over what is not flat."""

    def __init__(self, linear):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.last = nn.Linear(32, 3) if linear else nn.Conv2d(2, 3, 1)

    def forward(self, x):
        maps = torch.relu(self.conv(x))
        if isinstance(self.last, nn.Linear):
            return self.last(maps.flatten(1))
        return self.last(self.pool(maps)).flatten(1)


def make(module=Net, criterion=nn.CrossEntropyLoss, kind=NeuralNetClassifier, **params):
    torch.manual_seed(0)
    return kind(
        module,
        criterion=criterion,
        train_split=None,
        max_epochs=2,
        batch_size=16,
        verbose=0,
        **params,
    )


@pytest.fixture(scope="module")
def net():
    return make().fit(X, Y)


def penultimate(net, rows=X):
    """The input of the head, computed layer by layer."""
    module = net.module_.eval()
    with torch.no_grad():
        hidden = torch.relu(module.norm(module.body(torch.from_numpy(rows))))
    return hidden.numpy()


def n_hooks(net):
    return sum(
        len(module._forward_pre_hooks) + len(module._forward_hooks)
        for module in net.module_.modules()
    )


def assert_untouched(net):
    assert n_hooks(net) == 0
    assert not any(module.training for module in net.module_.modules())


# Readings -----------------------------------------------------------------------------


def test_probabilities_and_the_input_of_the_last_linear(net):
    out = read(net, X)
    np.testing.assert_array_equal(out["proba"], net.predict_proba(X))
    np.testing.assert_allclose(out["embedding"], penultimate(net), rtol=1e-5)
    assert out["embedding"].dtype == out["proba"].dtype == np.float32
    np.testing.assert_allclose(out["proba"].sum(axis=1), 1, rtol=1e-5)
    # head(embedding) gives the probabilities: the two are of the same rows
    logits = net.module_.head(torch.tensor(out["embedding"]))
    np.testing.assert_allclose(
        logits.softmax(1).detach(), out["proba"], rtol=1e-4, atol=1e-6
    )
    assert_untouched(net)


def test_a_net_that_ends_in_softmax():
    net = make(criterion=nn.NLLLoss, module__softmax=True).fit(X, Y)
    out = read(net, X)
    np.testing.assert_array_equal(out["proba"], net.predict_proba(X))
    np.testing.assert_allclose(out["embedding"], penultimate(net), rtol=1e-5)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_logits_are_what_goes_into_the_softmax(softmax, train):
    loss = nn.NLLLoss if softmax else nn.CrossEntropyLoss
    net = make(criterion=loss, module__softmax=softmax).fit(X, Y)
    net.module_.train(train)
    weight, bias = (p.detach().numpy() for p in net.module_.head.parameters())
    out = read(net, X, ["logit"])
    assert list(out) == ["logit"]
    np.testing.assert_allclose(
        out["logit"], penultimate(net) @ weight.T + bias, rtol=1e-4, atol=1e-6
    )
    assert np.abs(out["logit"].sum(axis=1)).min() > 1e-4  # no log-probabilities
    np.testing.assert_allclose(
        torch.tensor(out["logit"]).softmax(1), net.predict_proba(X), rtol=1e-5
    )
    assert n_hooks(net) == 0


def test_logits_do_not_follow_the_layer_of_features(net, monkeypatch):
    plain = read(net, X, ["logit"])["logit"]
    monkeypatch.setattr(net, "embedding_layer", "body", raising=False)
    out = read(net, X, ["logit", "embedding"])
    np.testing.assert_array_equal(out["logit"], plain)
    np.testing.assert_allclose(
        out["embedding"], net.module_.body(torch.tensor(X)).detach(), rtol=1e-5
    )


def test_logits_of_a_net_in_a_pipeline():
    inner = make().fit(X, Y)
    pipeline = make_pipeline(FrozenEstimator(StandardScaler().fit(X)), inner)
    scaled = StandardScaler().fit_transform(X).astype("f4")
    np.testing.assert_allclose(
        read(pipeline, X, ["logit"])["logit"],
        read(inner, scaled, ["logit"])["logit"],
        rtol=1e-4,
        atol=1e-6,
    )


def test_a_net_without_a_linear_layer_has_no_logits():
    net = make(ConvNet, module__linear=False).fit(IMAGES, Y)
    with pytest.raises(TypeError, match=r"no torch\.nn\.Linear.*`logit`"):
        read(net, IMAGES, ["logit"])
    assert n_hooks(net) == 0


def test_logits_that_are_no_numbers_are_named(net):
    broken = X.copy()
    broken[7] = np.inf
    with pytest.raises(ValueError, match="logit holds NaN or infinity in row 7"):
        read(net, broken, ["logit"])


def test_other_models_have_no_logits():
    with pytest.raises(TypeError, match="cannot be read for `logit`"):
        read(LogisticRegression().fit(X, Y), X, ["proba", "logit"])


def test_a_binary_net():
    class Squeezed(Net):
        def forward(self, x):
            return super().forward(x).squeeze(-1)

    net = make(
        Squeezed,
        criterion=nn.BCEWithLogitsLoss,
        kind=NeuralNetBinaryClassifier,
        module__n_outputs=1,
    ).fit(X, (Y > 0).astype(np.float32))
    out = read(net, X)
    np.testing.assert_array_equal(out["proba"], net.predict_proba(X))
    assert out["proba"].shape == (N, 2)
    np.testing.assert_array_equal(column_labels(net), [0, 1])


def count_rows(net):
    seen = []
    net.module_.register_forward_hook(lambda _m, args, _out: seen.extend(args[0]))
    return seen


@pytest.mark.parametrize("wrap", [False, True], ids=["net", "pipeline"])
def test_one_forward_pass_for_each_row(wrap):
    net = make().fit(X, Y)
    seen = count_rows(net)
    reader = Reader(X, make_pipeline("passthrough", net) if wrap else net)
    reader.read(ONE_PASS, np.arange(10, 25))
    assert len(seen) == 15
    reader.read(ONE_PASS, ALL)
    reader.read(ONE_PASS, np.array([2, 30]))
    reader.read(["embedding"], ALL)
    assert len(seen) == N
    order = [*range(10, 25), *range(10), *range(25, N)]
    np.testing.assert_array_equal(torch.stack(seen), X[order])


def test_one_pass_a_draw():
    net = make().fit(X, Y)
    seen = count_rows(net)
    read(net, X, ["proba_draws"], n_draws=3)
    assert len(seen) == 3 * N


def test_a_named_layer_is_the_embedding():
    net = make().fit(X, Y)
    net.embedding_layer = "body"
    with torch.no_grad():
        expected = net.module_.body(torch.from_numpy(X))
    np.testing.assert_allclose(read(net, X)["embedding"], expected, rtol=1e-5)
    assert_untouched(net)
    net.embedding_layer = "tail"
    with pytest.raises(AttributeError, match="tail"):
        read(net, X)
    assert_untouched(net)


def test_maps_are_flattened():
    net = make(ConvNet, module__linear=True).fit(IMAGES, Y)
    out = read(net, IMAGES)
    with torch.no_grad():
        maps = torch.relu(net.module_.conv(torch.from_numpy(IMAGES)))
    assert out["embedding"].shape == (N, 32)
    np.testing.assert_allclose(out["embedding"], maps.flatten(1), rtol=1e-4, atol=1e-6)
    net.embedding_layer = "conv"
    assert read(net, IMAGES)["embedding"].shape == (N, 32)


def test_a_net_without_a_linear_layer():
    net = make(ConvNet, module__linear=False).fit(IMAGES, Y)
    out = read(net, IMAGES, ["proba"])  # nothing is amiss with its probabilities
    np.testing.assert_array_equal(out["proba"], net.predict_proba(IMAGES))
    with pytest.raises(TypeError, match=r"Linear.*`embedding`.*`embedding_layer`"):
        read(net, IMAGES)
    net.embedding_layer = "pool"
    assert read(net, IMAGES)["embedding"].shape == (N, 2)


def test_half_precision_features_are_read_in_single():
    net = make().fit(X, Y)
    net.embedding_layer = "body"
    net.module_.body.register_forward_hook(lambda _m, _args, out: out.half())
    net.module_.norm.register_forward_pre_hook(lambda _m, args: (args[0].float(),))
    assert read(net, X)["embedding"].dtype == np.float32


# Around a net -------------------------------------------------------------------------


def test_a_pipeline_that_ends_in_a_net():
    model = make_pipeline(StandardScaler(), make()).fit(X, Y)
    out = read(model, X)
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(out["proba"], model.predict_proba(X), rtol=1e-5)
    expected = penultimate(model[-1], scaled.astype(np.float32))
    np.testing.assert_allclose(out["embedding"], expected, rtol=1e-4, atol=1e-5)
    assert_untouched(model[-1])


def test_a_search_and_a_calibration_over_a_net():
    search = GridSearchCV(make(), {"lr": [0.1, 0.01]}, cv=2).fit(X, Y)
    net = search.best_estimator_
    out = read(search, X)
    np.testing.assert_array_equal(out["proba"], net.predict_proba(X))
    np.testing.assert_allclose(out["embedding"], penultimate(net), rtol=1e-5)

    model = CalibratedClassifierCV(FrozenEstimator(search), cv=2).fit(X, Y)
    out = read(model, X)
    np.testing.assert_array_equal(out["proba"], model.predict_proba(X))
    np.testing.assert_allclose(out["embedding"], penultimate(net), rtol=1e-5)
    assert_untouched(net)


class Pairs(torch.utils.data.Dataset):
    """Rows with their labels, as a torch user has them."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i], int(Y[i])


@pytest.mark.parametrize(
    "pool",
    [Pairs(), SliceDataset(Pairs()), torch.from_numpy(X)],
    ids=lambda p: str(type(p)),
)
def test_pools_of_torch(net, pool):
    expected = read(net, X, ONE_PASS)
    for name, values in read(net, pool, ONE_PASS).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, atol=1e-6)
    if isinstance(pool, Pairs):
        return
    for positions in (np.arange(4, 30), np.array([1, 7, 39])):
        part = Reader(pool, net).read(ONE_PASS, positions)
        for name, values in part.items():
            np.testing.assert_allclose(
                values, expected[name][positions], rtol=1e-5, atol=1e-6
            )


# Columns ------------------------------------------------------------------------------


def test_a_head_wider_than_the_labels_that_it_saw():
    seen = np.array([0, 2])[np.arange(N) % 2]
    net = make(module__n_outputs=4).fit(X, seen)
    np.testing.assert_array_equal(net.classes_, [0, 2])
    np.testing.assert_array_equal(column_labels(net), [0, 1, 2, 3])
    pipeline = make_pipeline(StandardScaler().fit(X), net)
    np.testing.assert_array_equal(column_labels(pipeline), [0, 1, 2, 3])
    proba = net.predict_proba(X)
    np.testing.assert_array_equal(read(net, X)["proba"], proba)
    out = Reader(X, net, classes=np.array([2, 1, 0])).read(["proba"], ALL)["proba"]
    kept = proba[:, [2, 1, 0]]  # what the net gives its fourth output is shared out
    expected = kept / kept.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_a_head_without_linear_wider_than_the_labels_is_not_misread():
    seen = np.array([0, 2])[np.arange(N) % 2]
    net = make(ConvNet, module__linear=False).fit(IMAGES, seen)
    with pytest.raises(ValueError, match="3 columns and names 2 classes"):
        Reader(IMAGES, net, classes=np.array([0, 1, 2])).read(["proba"], ALL)


def test_columns_are_named_before_anything_is_read():
    code = (
        "import numpy as np, torch, skorch\n"
        "from skal.readout import column_labels\n"
        "net = skorch.NeuralNetClassifier(torch.nn.Linear, module__in_features=2,\n"
        "    module__out_features=4, criterion=torch.nn.CrossEntropyLoss,\n"
        "    train_split=None, max_epochs=1, verbose=0)\n"
        "net.fit(np.eye(2, dtype='f'), np.array([0, 2]))\n"
        "assert column_labels(net).tolist() == [0, 1, 2, 3]\n"
        "import skal.readout\n"
        "out = skal.readout.read(net, np.eye(2, dtype='f'))\n"
        "assert out['embedding'].tolist() == [[1, 0], [0, 1]]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Draws --------------------------------------------------------------------------------


def test_draws_differ_and_come_again_with_the_seed(net):
    first = read(net, X, ["proba_draws"], n_draws=5, random_state=1)["proba_draws"]
    again = read(net, X, ["proba_draws"], n_draws=5, random_state=1)["proba_draws"]
    other = read(net, X, ["proba_draws"], n_draws=5, random_state=2)["proba_draws"]
    assert first.shape == (5, N, 3)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    for one in range(5):
        for two in range(one):
            assert not np.allclose(first[one], first[two])
    np.testing.assert_allclose(first.sum(axis=2), 1, rtol=1e-5)
    assert_untouched(net)


def test_draws_are_those_of_dropout_alone(net):
    out = read(net, X, ("proba_draws", "proba"), n_draws=200, random_state=0)
    np.testing.assert_array_equal(out["proba"], net.predict_proba(X))
    hidden = torch.from_numpy(penultimate(net))
    masks = torch.tensor(
        [[i >> bit & 1 for bit in range(4)] for i in range(16)], dtype=torch.float32
    )
    with torch.no_grad():  # half of four units are dropped, the rest doubled
        possible = net.module_.head(2 * hidden[None] * masks[:, None]).softmax(-1)
    distance = (torch.from_numpy(out["proba_draws"].copy())[:, None] - possible).abs()
    assert distance.amax(dim=-1).amin(dim=1).max() < 1e-5
    mean = out["proba_draws"].mean(axis=0)
    np.testing.assert_allclose(mean, possible.mean(dim=0), atol=0.1)


def test_draws_leave_batch_norm_alone():
    net = make().fit(X, Y)
    before = {name: v.clone() for name, v in net.module_.state_dict().items()}
    read(net, X, ("proba_draws", "embedding"), n_draws=3)
    for name, value in net.module_.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_state_of_torch_is_left_alone(net):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    read(net, X, ("proba_draws", "proba", "embedding"), n_draws=3)
    assert torch.equal(torch.rand(3), expected)


def test_rows_that_are_read_directly_are_seeded_too(net):
    torch.manual_seed(7)
    first = read_rows(net, X, ["proba_draws"], n_draws=2, seed=3)["proba_draws"]
    again = read_rows(net, X, ["proba_draws"], n_draws=2, seed=3)["proba_draws"]
    np.testing.assert_array_equal(first, again)
    assert first.shape == (2, N, 3)


def test_draws_do_not_depend_on_what_was_read_before(net):
    fresh = Reader(X, net, seed=3).read(["proba_draws"], ALL)["proba_draws"]
    reader = Reader(X, net, seed=3)
    reader.read(("proba", "embedding"), np.arange(9))
    np.testing.assert_array_equal(
        reader.read(["proba_draws"], ALL)["proba_draws"], fresh
    )


def test_no_draws_without_dropout():
    net = make(nn.Linear, module__in_features=WIDTH, module__out_features=3).fit(X, Y)
    with pytest.raises(TypeError, match=r"no dropout layer.*`proba_draws`"):
        read(net, X, ["proba_draws"])


def test_dropout_of_other_kinds():
    net = make(lambda: nn.Sequential(nn.AlphaDropout(0.5), Net(dropout=0.0))).fit(X, Y)
    draws = read(net, X, ["proba_draws"], n_draws=2)["proba_draws"]
    assert not np.allclose(draws[0], draws[1])
    assert_untouched(net)


# Failures -----------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["proba", "embedding", "proba_draws"])
def test_a_net_that_raises_in_the_middle_is_left_as_it_was(what):
    net = make().fit(X, Y)
    broken = X.copy()
    broken[20] = np.inf  # in the second batch

    class Fuse(nn.Module):
        def forward(self, x):
            if not torch.isfinite(x).all():
                raise RuntimeError("a fuse has blown")
            return x

    net.module_.head = nn.Sequential(Fuse(), net.module_.head)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with pytest.raises(RuntimeError, match="a fuse has blown"):
        read(net, broken, [what])
    assert_untouched(net)
    assert torch.equal(torch.rand(3), expected)
    np.testing.assert_array_equal(read(net, X)["proba"], net.predict_proba(X))


def test_a_nets_nan_is_named():
    net = make().fit(X, Y)
    spoilt = X.copy()
    spoilt[23] = np.nan
    with pytest.raises(ValueError, match="proba holds NaN or infinity in row 23"):
        read(net, spoilt, ["proba"])
    with pytest.raises(ValueError, match="embedding holds NaN or infinity in row 23"):
        Reader(spoilt, net).read(["embedding"], np.arange(1, 40, 2))
    with pytest.raises(ValueError, match="proba holds NaN or infinity in row 23"):
        read(net, spoilt, ["proba_draws"])


def test_the_type_of_the_input_is_the_nets_own_business(net):
    with pytest.raises(RuntimeError, match=r"dtype|Double|double"):
        read(net, X.astype(np.float64))
    assert n_hooks(net) == 0
