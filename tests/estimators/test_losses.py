"""Losses against worked examples, loops over pairs, and pytorch-metric-learning."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses as peer

from skal.estimators._losses import loss_prediction_loss, nt_xent_loss, supcon_loss

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
WORKED = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
LOSSES = torch.tensor([1.0, 0.2, 0.5, 0.9])
PREDICTED = torch.tensor([0.3, 0.1, 0.6, 0.2])


def problem(n=24, d=5, n_classes=4, dtype=torch.float64, device="cpu", seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d)) * rng.uniform(0.1, 9, (n, 1))
    y = rng.integers(n_classes, size=n)
    if n > 1:
        y[-1] = n_classes + 7  # alone with its label
    return torch.tensor(z, dtype=dtype, device=device), torch.tensor(y, device=device)


def slow_terms(z, y, temperature):
    z = [[v / math.dist(row, [0] * len(row)) for v in row] for row in z.tolist()]
    y, terms = y.tolist(), []
    for i in range(len(z)):
        dots = {
            j: sum(a * b for a, b in zip(z[i], z[j], strict=True)) / temperature
            for j in range(len(z))
            if j != i
        }
        shift = max(dots.values(), default=0)
        log = math.log(sum(math.exp(v - shift) for v in dots.values()) or 1) + shift
        found = [log - v for j, v in dots.items() if y[j] == y[i]]
        terms.append(sum(found) / len(found) if found else None)
    return terms


def slow_pairs(predicted, loss, margin):
    terms, last = [], len(loss) - 1
    for i in range(len(loss) // 2):
        sign = 1 if loss[i] > loss[last - i] else -1
        terms.append(max(0, margin - sign * (predicted[i] - predicted[last - i])))
    return terms


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_worked_example_of_supcon(dtype):
    given = WORKED.to(dtype), torch.tensor([0, 0, 1])
    mean = supcon_loss(*given, temperature=1.0)
    total = supcon_loss(*given, temperature=1.0, reduction="sum")
    assert mean.item() == pytest.approx(0.313262, abs=5e-7)
    assert total.item() == pytest.approx(0.626523, abs=5e-7)
    assert mean.dtype == total.dtype == dtype


def test_worked_example_of_loss_prediction():
    assert loss_prediction_loss(PREDICTED, LOSSES).item() == pytest.approx(0.7)
    first = loss_prediction_loss(PREDICTED[[0, 3]], LOSSES[[0, 3]])
    second = loss_prediction_loss(PREDICTED[[1, 2]], LOSSES[[1, 2]])
    assert (first.item(), second.item()) == pytest.approx((0.9, 0.5))


@pytest.mark.parametrize("n", [1, 2, 3, 24, 65])
@pytest.mark.parametrize("temperature", [0.07, 0.5, 1.0])
@pytest.mark.parametrize("device", DEVICES)
def test_supcon_against_one_pair_at_a_time(n, temperature, device):
    z, y = problem(n, device=device)
    terms = [t for t in slow_terms(z, y, temperature) if t is not None]
    for reduction, expected in (("sum", sum(terms)), ("mean", np.mean(terms or [0]))):
        for dtype, rel in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
            value = supcon_loss(
                z.to(dtype), y, temperature=temperature, reduction=reduction
            )
            assert value.dtype == dtype
            assert value.device.type == device
            assert value.item() == pytest.approx(expected, rel=rel, abs=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients(reduction):
    z, y = problem(9, 3, 3)
    partner = problem(9, 3, seed=1)[0].requires_grad_()
    z.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: supcon_loss(z, y, temperature=0.3, reduction=reduction), z
    )
    assert torch.autograd.gradcheck(lambda a, b: nt_xent_loss(a, b), (z, partner))
    predicted, loss = z.detach()[:, 0].requires_grad_(), z.detach()[:, 1]
    assert torch.autograd.gradcheck(lambda p: loss_prediction_loss(p, loss), predicted)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_supcon_equals_pytorch_metric_learning(temperature):
    z, y = problem(64, 16, 7, torch.float32)
    z.requires_grad_()
    ours = supcon_loss(z, y, temperature=temperature)
    theirs = peer.SupConLoss(temperature=temperature)(z, y)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    one, two = (torch.autograd.grad(loss, z)[0] for loss in (ours, theirs))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_equals_pytorch_metric_learning(temperature):
    z1, z2 = (problem(32, 16, dtype=torch.float32, seed=s)[0] for s in (0, 1))
    z1.requires_grad_()
    ours = nt_xent_loss(z1, z2, temperature=temperature)
    rows = torch.arange(32).repeat(2)
    theirs = peer.NTXentLoss(temperature=temperature)(torch.cat([z1, z2]), rows)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    one, two = (torch.autograd.grad(loss, z1)[0] for loss in (ours, theirs))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_nt_xent_of_two_rows_by_hand():
    expected = -math.log(math.e / (math.e + 2))
    value = nt_xent_loss(torch.eye(2), torch.eye(2), temperature=1.0)
    assert value.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_without_a_positive_it_is_zero_with_a_graph(n):
    z = problem(n)[0].requires_grad_()
    for reduction in ("mean", "sum"):
        value = supcon_loss(z, torch.arange(n), reduction=reduction)
        value.backward()
        assert value.item() == 0
        assert (z.grad == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_order_length_and_names_do_not_matter(seed, n):
    z, y = problem(n, seed=seed)
    rng = np.random.default_rng(seed)
    order, lengths = rng.permutation(n), torch.tensor(rng.uniform(0.1, 9, (n, 1)))
    value = supcon_loss(z, y)
    for other in ((z[order], y[order]), (z * lengths, y), (z, 100 - 3 * y)):
        torch.testing.assert_close(supcon_loss(*other), value)
    total = supcon_loss(z, y, reduction="sum")
    valid = sum(t is not None for t in slow_terms(z, y, 1))
    torch.testing.assert_close(total, value * valid)


@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_temperatures_and_rows_are_finite(temperature, dtype):
    z, y = problem(dtype=dtype)
    z[0], z[1], z[2] = z[3], 0, 1e-4
    z.requires_grad_()
    value = supcon_loss(z, y, temperature=temperature)
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()
    assert value >= 0


def test_a_row_of_zeros_does_not_send_a_huge_gradient():
    z, y = problem(dtype=torch.float32)
    y[0] = y[1]
    z[0] = 0
    z.requires_grad_()
    supcon_loss(z, y).backward()
    assert 0 < z.grad[0].abs().max() < 10


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("device", DEVICES)
def test_half_precision_is_computed_in_float32(dtype, device):
    z, y = problem(64, 16, dtype=dtype, device=device)
    expected, autocast = supcon_loss(z.float(), y), torch.autocast(device, dtype)
    assert supcon_loss(z, y).dtype == torch.float32
    torch.testing.assert_close(supcon_loss(z, y), expected)
    with autocast:
        torch.testing.assert_close(supcon_loss(z, y), expected)
        torch.testing.assert_close(supcon_loss(z.float(), y), expected)
    predicted, loss = z[:, 0], z[:, 1]
    value = loss_prediction_loss(predicted, loss)
    assert value.dtype == torch.float32
    torch.testing.assert_close(
        value, loss_prediction_loss(predicted.float(), loss.float())
    )


@pytest.mark.parametrize("n", [2, 3, 8, 9])
@pytest.mark.parametrize("margin", [0.5, 1.0])
@pytest.mark.parametrize("device", DEVICES)
def test_loss_prediction_against_one_pair_at_a_time(n, margin, device):
    rng = np.random.default_rng(n)
    predicted, loss = rng.normal(size=n), rng.integers(3, size=n) / 2
    expected = np.mean(slow_pairs(predicted, loss, margin))
    given = [torch.tensor(a, device=device) for a in (predicted, loss)]
    value = loss_prediction_loss(*given, margin=margin)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_the_middle_row_of_an_odd_batch_is_left_out():
    predicted = torch.tensor([0.3, 0.1, 77.0, 0.6, 0.2], requires_grad=True)
    loss = torch.tensor([1.0, 0.2, 5.0, 0.5, 0.9])
    value = loss_prediction_loss(predicted, loss)
    value.backward()
    assert value.item() == pytest.approx(0.7)
    assert predicted.grad.tolist() == pytest.approx([-0.5, 0.5, 0, -0.5, 0.5])


def test_of_equal_losses_the_second_counts_as_the_larger():
    predicted = torch.tensor([0.0, 0.25])
    assert loss_prediction_loss(predicted, torch.ones(2)).item() == 0.75
    assert loss_prediction_loss(predicted.flip(0), torch.ones(2)).item() == 1.25


def test_the_loss_is_only_a_target():
    loss, predicted = LOSSES.clone().requires_grad_(), PREDICTED.clone()
    assert not loss_prediction_loss(predicted, loss).requires_grad
    loss_prediction_loss(predicted.requires_grad_(), loss * 1).backward()
    assert loss.grad is None


@pytest.mark.parametrize("n", [0, 1])
def test_without_a_pair_it_is_zero_with_a_graph(n):
    predicted = torch.ones(n, requires_grad=True)
    value = loss_prediction_loss(predicted, torch.ones(n))
    value.backward()
    assert value.item() == 0
    assert (predicted.grad == 0).all()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda z, y: supcon_loss(z, y, temperature=0), "temperature is 0:"),
        (lambda z, y: supcon_loss(z, y, temperature=math.nan), "temperature is nan"),
        (lambda z, y: nt_xent_loss(z, z, temperature=-1.0), "temperature is -1.0"),
        (lambda z, y: supcon_loss(z, y, reduction="none"), "reduction is 'none'"),
        (lambda z, y: supcon_loss(z, y[1:]), r"\(3, 2\) and \(2,\)"),
        (lambda z, y: supcon_loss(z, y[:, None]), r"\(3, 2\) and \(3, 1\)"),
        (lambda z, y: supcon_loss(z[None], y[:1]), r"z and y .* \(1, 3, 2\)"),
        (lambda z, y: nt_xent_loss(z, z[1:]), r"z1 and z2 .* \(2, 2\)"),
        (lambda z, y: nt_xent_loss(z[0], z[1]), "z1 and z2"),
        (lambda z, y: loss_prediction_loss(z[:, :1], z[:, 0]), r"\(3, 1\) and \(3,\)"),
        (lambda z, y: loss_prediction_loss(z[:, 0], z[1:, 0]), "predicted and loss"),
        (lambda z, y: loss_prediction_loss(z[0, 0], z[0, 1]), "predicted and loss"),
    ],
)
def test_errors_name_the_parameter(call, match):
    with pytest.raises(ValueError, match=match):
        call(WORKED, torch.tensor([0, 0, 1]))
