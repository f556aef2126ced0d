"""Views against pixel loops; draws row by row, in their ranges, from the seed."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torchvision.transforms.v2 import functional as peer

from skal._seeding import torch_seeded
from skal.estimators import _views
from skal.estimators._image_maps import affine_maps, recolor, warp
from skal.estimators._views import FeatureNoise, ImageViews

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
OFF = {
    "crop": (1.0, 1.0),
    "flip": 0,
    "degrees": 0,
    "shear": 0,
    "translate": 0,
    "jitter": 0,
    "grayscale": 0,
}
ALL = {
    "crop": (0.4, 1.4),
    "flip": 0.5,
    "degrees": 40,
    "shear": 30,
    "translate": 0.2,
    "jitter": 0.6,
    "grayscale": 0.4,
}
NOISES = [FeatureNoise(), FeatureNoise(replace="other_row")]


def images(n=6, n_channels=3, height=7, width=10, dtype=torch.float64, seed=0):
    values = np.random.default_rng(seed).random((n, n_channels, height, width))
    return torch.tensor(values, dtype=dtype)


def view(views, batch, seed=0):
    with torch_seeded(seed):
        return views(batch)


def mirrored(place, size):
    place = (place + 0.5) % (2 * size)
    return min(place, 2 * size - place) - 0.5


def pixel(channel, x, y):
    height, width = channel.shape
    x, y = (
        min(max(mirrored(v, size), 0), size - 1)
        for v, size in ((x, width), (y, height))
    )
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    a, b = x - left, y - top
    near = channel[top : top + 2, left : left + 2]
    return np.array([1 - b, b]) @ near @ np.array([1 - a, a])


def slow_place(u, views, width, height):
    """Return a function from a pixel of the view to the place in the image."""
    low, high = views.crop
    area = low + (high - low) * u[0]
    ratio = math.exp((2 * u[1] - 1) * min(math.log(4 / 3), abs(math.log(area))))
    w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
    x0 = (2 * u[2] - 1) * (1 - w) / 2 + (2 * u[4] - 1) * views.translate
    y0 = (2 * u[3] - 1) * (1 - h) / 2 + (2 * u[5] - 1) * views.translate
    turn, slant = (math.radians(2 * v - 1) for v in u[7:9])
    turn, slant = turn * views.degrees, slant * views.shear

    def place(j, i):
        x, y = (j + 0.5 - width / 2) * w, (i + 0.5 - height / 2) * h
        x = (-x if u[6] < views.flip else x) + math.tan(slant) * y
        x, y = (
            math.cos(turn) * x - math.sin(turn) * y,
            math.sin(turn) * x + math.cos(turn) * y,
        )
        return x + (x0 + 0.5) * width - 0.5, y + (y0 + 0.5) * height - 0.5

    return place


def slow_colors(image, u, views):
    low, high = min(0, image.min()), max(1, image.max())
    brightness, contrast, saturation = 1 + views.jitter * (2 * u[:3] - 1)
    light = (image - low) * brightness
    gray = light.mean(0)
    if len(image) == 3:
        gray = np.tensordot([0.299, 0.587, 0.114], light, 1)
        saturation = 0 if u[3] < views.grayscale else saturation
        light = gray + saturation * (light - gray)
    light = gray.mean() + contrast * (light - gray.mean())
    return np.clip(light + low, low, high)


def slow_views(views, batch, seed):
    with torch_seeded(seed):
        draws = torch.rand(len(batch), 13).double().numpy()
    out = []
    for image, u in zip(batch.numpy(), draws, strict=True):
        height, width = image.shape[1:]
        place = slow_place(u, views, width, height)
        moved = [
            [[pixel(c, *place(j, i)) for j in range(width)] for i in range(height)]
            for c in image
        ]
        out.append(slow_colors(np.array(moved), u[9:], views))
    return torch.tensor(np.stack(out))


@pytest.mark.parametrize("alone", [*ALL, "all"])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_against_one_pixel_at_a_time(alone, n_channels):
    views = ImageViews(**(ALL if alone == "all" else {**OFF, alone: ALL[alone]}))
    for batch in (images(8, n_channels), 3 * images(4, n_channels, 9, 6) - 2):
        expected = slow_views(views, batch, 3)
        torch.testing.assert_close(view(views, batch, 3), expected, rtol=0, atol=1e-9)
        assert alone == "grayscale" or not torch.allclose(expected, batch)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(28, 28), (5, 9), (1, 1)])
def test_without_strength_the_view_is_the_image(dtype, shape):
    batch = images(4, 3, *shape, dtype)
    assert torch.equal(ImageViews(**OFF)(batch), batch)
    maps = affine_maps(torch.ones(2, 4), torch.zeros(2, 4), *torch.zeros(2, 4), 1.0)
    same, one = batch.float(), torch.ones(4)
    for nothing in (warp(same, maps), recolor(same, one, one, one)):
        torch.testing.assert_close(nothing, same, rtol=0, atol=1e-5)


def test_a_flip_is_a_flip():
    batch = images(4, 3, dtype=torch.float32)
    flipped = ImageViews(**{**OFF, "flip": 1})(batch)
    torch.testing.assert_close(flipped, batch.flip(3), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(9, 9), (9, 13), (13, 9)])
@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_a_quarter_turn_keeps_right_angles(height, width, quarters):
    batch, none = images(2, 1, height, width), torch.zeros(2)
    turn = torch.full((2,), quarters * math.pi / 2)
    maps = affine_maps(torch.ones(2, 2), torch.zeros(2, 2), turn, none, width / height)
    top, left = (height - 9) // 2, (width - 9) // 2
    middle = (..., slice(top, top + 9), slice(left, left + 9))
    turned = warp(batch, maps.double())[middle]
    expected = torch.rot90(batch[middle], quarters, (2, 3))
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-5)


def test_a_shift_by_whole_pixels():
    batch, none = images(1, 2, 8, 10), torch.zeros(1)
    center = torch.tensor([[2 * 3 / 10], [-2 * 2 / 8]], dtype=torch.float64)
    shifted = warp(
        batch, affine_maps(torch.ones(2, 1), center, none, none, 1.25).double()
    )
    torch.testing.assert_close(shifted[..., 2:, :7], batch[..., :6, 3:])
    torch.testing.assert_close(shifted[..., :2, :7], batch[..., [1, 0], 3:])
    torch.testing.assert_close(shifted[..., 2:, 7:], batch[..., :6, [9, 8, 7]])


def test_a_window_of_a_quarter_shows_every_pixel_at_twice_its_size():
    batch, none = images(1, 1, 8, 8), torch.zeros(1)
    sides, center = torch.full((2, 1), 0.5), torch.tensor([[0.5], [-0.5]])
    shown = warp(batch, affine_maps(sides, center, none, none, 1.0).double())
    quarter = torch.nn.functional.interpolate(
        batch, scale_factor=2, mode="bilinear", align_corners=False
    )[..., :8, 8:]
    torch.testing.assert_close(shown, quarter)


def test_colors_as_in_torchvision():
    batch = images(5, 3) * 0.2 + 0.4
    factors = torch.linspace(0.8, 1.2, 5)
    ours = recolor(batch, factors, factors.flip(0), factors)
    for image, b, c, one in zip(batch, factors, factors.flip(0), ours, strict=True):
        theirs = peer.adjust_contrast(peer.adjust_brightness(image, b), c)
        theirs = peer.adjust_saturation(theirs, b)
        torch.testing.assert_close(one, theirs, rtol=0, atol=1e-3)


@pytest.fixture
def drawn(monkeypatch):
    """Return a function that gives what a call draws: places and colors."""
    seen = {}

    def spy(name):
        kernel = getattr(_views, name)

        def keep(*args):
            seen[name] = args
            return kernel(*args)

        monkeypatch.setattr(_views, name, keep)

    spy("affine_maps")
    spy("recolor")

    def draw(views, n_channels=3, n=4000):
        view(views, images(n, n_channels, 2, 2))
        sides, center, turn, slant, _ = seen["affine_maps"]
        return sides, center, torch.rad2deg(turn), torch.rad2deg(slant), seen["recolor"]

    return draw


def spans(values, low, high):
    assert low - 1e-6 <= values.min() <= low + 0.02 * (high - low)
    assert high + 1e-6 >= values.max() >= high - 0.02 * (high - low)
    assert values.mean() == pytest.approx((low + high) / 2, abs=0.02 * (high - low))


def test_what_is_drawn_fills_its_range(drawn):
    views = ImageViews(crop=(0.3, 1.0), degrees=20, shear=15, jitter=0.5, grayscale=0.3)
    sides, center, turn, slant, (_, brightness, contrast, saturation) = drawn(views)
    width, height = sides.abs()
    spans(width * height, 0.3, 1)
    assert (sides.abs() <= 1 + 1e-6).all()
    assert (center.abs() + sides.abs() <= 1 + 1e-6).all()
    small = width * height < 0.7
    spans((width / height)[small].log(), math.log(3 / 4), math.log(4 / 3))
    for way in center / (1 - sides.abs()):
        spans(way[small], -1, 1)
    spans(turn, -20, 20)
    spans(slant, -15, 15)
    spans(brightness, 0.5, 1.5)
    spans(contrast, 0.5, 1.5)
    spans(saturation[saturation > 0], 0.5, 1.5)
    assert (saturation == 0).double().mean() == pytest.approx(0.3, abs=0.03)
    assert (sides[0] < 0).double().mean() == pytest.approx(0.5, abs=0.03)
    assert (sides[1] > 0).all()


def test_draws_do_not_hang_together(drawn):
    views = ImageViews(**{**ALL, "crop": (0.4, 0.4)})
    sides, center, turn, slant, (_, *factors) = drawn(views)
    columns = [sides[0].abs(), sides[0].sign(), *center, turn, slant, *factors]
    table = torch.corrcoef(torch.stack(columns)) - torch.eye(len(columns))
    assert table.abs().max() < 0.08


def test_windows_larger_than_the_image_and_shifts(drawn):
    sides, center, *_ = drawn(ImageViews(crop=(1.5, 2.0)))
    spans(sides.abs().prod(0), 1.5, 2)
    assert (sides.abs() >= 1).all()
    assert (center.abs() <= sides.abs() - 1 + 1e-6).all()
    sides, center, *_ = drawn(ImageViews(crop=(1.0, 1.0), translate=0.1))
    torch.testing.assert_close(sides.abs(), torch.ones_like(sides))
    for way in center:
        spans(way, -0.2, 0.2)


@pytest.mark.parametrize(
    ("flip", "n_channels", "share"),
    [(None, 1, 0), (None, 2, 0.5), (None, 3, 0.5), (0.2, 1, 0.2), (0, 3, 0)],
)
def test_one_channel_is_never_flipped_unless_told(drawn, flip, n_channels, share):
    sides, *_ = drawn(ImageViews(flip=flip), n_channels)
    assert (sides[0] < 0).double().mean() == pytest.approx(
        share, abs=0.03 * (share > 0)
    )


@pytest.mark.parametrize("alone", ALL)
def test_equal_images_of_a_batch_come_out_different(alone):
    batch = images(1, dtype=torch.float32).expand(64, -1, -1, -1)
    out = view(ImageViews(**{**OFF, alone: ALL[alone]}), batch)
    n_views = len(torch.unique(out.flatten(1), dim=0))
    assert n_views == 2 if alone in ("flip", "grayscale") else n_views > 60


@pytest.mark.parametrize("shift", [0, -2])
def test_a_view_depends_on_its_own_image_only(shift):
    one, other = images(8) + shift, 5 * images(8, seed=1)
    other[3] = one[3]
    first, second = (view(ImageViews(), batch)[3] for batch in (one, other))
    torch.testing.assert_close(first, second)
    assert not torch.allclose(view(ImageViews(), one, 1)[3], first)


@pytest.mark.parametrize("views", [ImageViews(), ImageViews(**ALL), *NOISES])
def test_the_seed_decides_and_nothing_else_moves(views):
    batch = images(16, dtype=torch.float32)
    before, state = batch.clone(), torch.get_rng_state()
    one, two, other = (view(views, batch, seed) for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(batch, before)
    assert torch.equal(torch.get_rng_state(), state)
    again = view(clone(views), batch.movedim(1, 3).contiguous().movedim(3, 1))
    torch.testing.assert_close(again, one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("views", [ImageViews(**ALL), *NOISES])
@pytest.mark.parametrize("device", DEVICES)
def test_the_type_of_the_numbers_is_kept(views, device):
    batch = images(8, height=32, width=32).to(device)
    expected = view(views, batch)
    for dtype, atol in (
        (torch.float64, 0),
        (torch.float32, 1e-4),
        (torch.float16, 5e-3),
        (torch.bfloat16, 5e-2),
    ):
        given = batch.to(dtype).requires_grad_(isinstance(views, ImageViews))
        with torch.autocast(device, torch.bfloat16):
            out = view(views, given)
        assert out.dtype == dtype
        assert out.device == batch.device
        assert not out.requires_grad
        torch.testing.assert_close(out.double(), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_values_stay_in_their_range(n_channels):
    views = ImageViews(**{**ALL, "jitter": 1})
    batch = images(200, n_channels)
    out = view(views, batch)
    assert out.min() >= 0
    assert out.max() <= 1
    assert (out.amax((1, 2, 3)) > 0.99).sum() > 20
    out = view(views, 4 * batch - 2)
    assert out.min() >= -2
    assert out.max() <= 2
    dark = view(ImageViews(**{**OFF, "jitter": 0.5}), 0.2 * batch)
    assert dark.max() > 0.25


def test_parameters_are_searchable():
    views = ImageViews(crop=[0.5, 1.0])
    assert repr(views) == "ImageViews(crop=[0.5, 1.0])"
    assert clone(views).get_params() == views.get_params()
    assert set(views.get_params()) == set(ALL)
    assert views.set_params(degrees=3).degrees == 3
    assert FeatureNoise(rate=0.4).get_params() == {"rate": 0.4, "replace": "zero"}


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"crop": 0.5}, "crop is 0.5"),
        ({"crop": (0.5,)}, "crop is"),
        ({"crop": (0, 1)}, "crop is"),
        ({"crop": (0.9, 0.5)}, "crop is"),
        ({"crop": ("a", 1)}, "crop is"),
        ({"flip": 1.5}, "flip is 1.5: .* from 0 to 1"),
        ({"degrees": -1}, "degrees is -1: .* from 0 to 180"),
        ({"degrees": None}, "degrees is None"),
        ({"shear": 90}, "shear is 90"),
        ({"translate": "a"}, "translate is 'a'"),
        ({"jitter": 1.1}, "jitter is 1.1"),
        ({"grayscale": math.nan}, "grayscale is nan"),
    ],
)
def test_errors_of_image_views(params, match):
    with pytest.raises(ValueError, match=match):
        ImageViews(**params)(images())


def test_errors_name_the_batch():
    with pytest.raises(TypeError, match=r"torch\.uint8"):
        ImageViews()(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"torch\.int64"):
        FeatureNoise()(torch.zeros(2, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"shape \(2, 8, 8\)"):
        ImageViews()(torch.zeros(2, 8, 8))
    with pytest.raises(ValueError, match="rate is 2"):
        FeatureNoise(rate=2)(torch.zeros(2, 8))
    with pytest.raises(ValueError, match="replace is 'mean'"):
        FeatureNoise(replace="mean")(torch.zeros(2, 8))


@pytest.mark.parametrize("shape", [(50, 400), (50, 4, 10, 10)])
@pytest.mark.parametrize("rate", [0, 0.2, 1])
def test_zeros_in_place_of_features(shape, rate):
    batch = torch.rand(shape, dtype=torch.float64) + 1
    out = view(FeatureNoise(rate=rate), batch)
    hit = out == 0
    assert torch.equal(out, torch.where(hit, 0, batch))
    assert hit.double().mean() == pytest.approx(rate, abs=0.02 * (0 < rate < 1))
    if rate == 0.2:
        rows = hit.flatten(1).double()
        assert (torch.corrcoef(rows) - torch.eye(50)).abs().max() < 0.3
        assert rows.mean(0).std() < 0.08


@pytest.mark.parametrize("shape", [(50, 400), (50, 4, 10, 10)])
def test_values_of_other_rows(shape):
    columns = 1000 * torch.arange(400.0).view(1, *shape[1:])
    rows = torch.arange(50.0).view(-1, *[1] * (len(shape) - 1))
    batch = columns + rows
    out = view(FeatureNoise(rate=0.3, replace="other_row"), batch)
    hit, donor = out != batch, (out - columns).flatten(1)
    assert hit.double().mean() == pytest.approx(0.3, abs=0.02)
    assert donor.min() >= 0
    assert donor.max() <= 49
    hit = hit.flatten(1)
    for i in range(50):
        others = donor[i][hit[i]]
        assert len(torch.unique(others)) > 30
        assert others.mean() == pytest.approx((24.5 * 50 - i) / 49, abs=6)


def test_every_row_but_its_own_gives_values():
    batch = torch.arange(3.0)[:, None].expand(-1, 3000)
    out = view(FeatureNoise(rate=1, replace="other_row"), batch)
    for i in range(3):
        shares = torch.bincount(out[i].long(), minlength=3) / 3000
        expected = [0.0 if j == i else 0.5 for j in range(3)]
        assert shares.tolist() == pytest.approx(expected, abs=0.05)


def test_a_row_alone_has_no_other():
    batch = torch.rand(1, 30)
    out = FeatureNoise(rate=1, replace="other_row")(batch)
    assert torch.equal(out, batch)
