"""Corrupted images: the published blur, what each kind does, and what is refused."""

import colorsys

import numpy as np
import pytest

from skal.datasets import corrupt
from skal.datasets._corruptions import _KINDS

RNG = np.random.default_rng(0)
COLORED = RNG.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
GRAY = RNG.integers(0, 256, (5, 28, 28), dtype=np.uint8)
GRAY_KINDS = [kind for kind in _KINDS if kind != "saturate"]


@pytest.mark.parametrize(
    ("severity", "center", "edge", "corner"),
    [
        (1, 215, 9, 0),
        (2, 112, 28, 6),
        (3, 82, 29, 10),
        (4, 63, 29, 13),
        (5, 40, 24, 14),
    ],
)
def test_the_published_blur_of_one_bright_pixel(severity, center, edge, corner):
    image = np.zeros((1, 32, 32), np.uint8)
    image[0, 16, 16] = 255
    blurred = corrupt(image, "gaussian_blur", severity=severity)[0]
    assert blurred[16, 16] == center
    assert blurred[15, 16] == blurred[16, 17] == edge
    assert blurred[15, 17] == corner


def test_blur_repeats_the_rim_and_keeps_channels_and_images_apart():
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[1, ..., 2] = 200
    assert np.array_equal(corrupt(images, "gaussian_blur", severity=5), images)


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_changes_more_the_more_severe(kind):
    smooth = np.add.outer(np.arange(0, 128, 4), np.arange(0, 128, 4)).astype(np.uint8)
    images = np.stack([smooth, smooth.T[::-1], 255 - smooth], axis=2)[None]
    images = np.concatenate([images, COLORED[:1] // 4 * 3])
    before = images.copy()
    sizes = []
    for severity in range(1, 6):
        found = corrupt(images, kind, severity=severity, random_state=0)
        assert found.shape == images.shape
        assert found.dtype == np.uint8
        sizes.append(np.abs(found.astype(int) - images).mean())
    assert np.array_equal(images, before)
    assert sizes[0] > 0
    if kind == "saturate":  # less of it in the first two severities, more in the others
        sizes = sizes[2:]
    assert (np.diff(sizes) > 0).all()


@pytest.mark.parametrize("kind", GRAY_KINDS)
def test_gray_images_with_and_without_a_channel(kind):
    flat = corrupt(GRAY, kind, random_state=0)
    assert np.array_equal(flat, corrupt(GRAY[..., None], kind, random_state=0)[..., 0])
    assert not np.array_equal(flat, GRAY)


@pytest.mark.parametrize("kind", _KINDS)
def test_one_seed_reproduces_and_no_global_state_is_touched(kind):
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (corrupt(COLORED, kind, random_state=3) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    other = corrupt(COLORED, kind, random_state=4)
    assert np.array_equal(one, other) == (not kind.endswith("_noise"))


def test_many_images_are_changed_as_each_alone_is():
    many = np.repeat(GRAY, 300, axis=0)[:1100]
    found = corrupt(many, "contrast")
    assert np.array_equal(found[1099], corrupt(many[1099:], "contrast")[0])


def changed_in_hsv(color, severity, kind):
    """Change one color as the definition has it."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(color / 255))
    if kind == "brightness":
        value = min(1, value + (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1])
    else:
        strengths = ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))
        times, plus = strengths[severity - 1]
        saturation = min(1, saturation * times + plus)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255


@pytest.mark.parametrize("kind", ["brightness", "saturate"])
@pytest.mark.parametrize("severity", range(1, 6))
def test_light_and_color_are_changed_in_hue_saturation_and_value(kind, severity):
    special = [[0, 0, 0], [255] * 3, [90] * 3, [255, 0, 0], [0, 7, 7], [250, 251, 250]]
    colors = np.concatenate([np.array(special, np.uint8), COLORED[0, 0]])
    found = corrupt(colors[None, None], kind, severity=severity)[0, 0]
    expected = [changed_in_hsv(color, severity, kind) for color in colors]
    assert np.abs(found - np.array(expected)).max() <= 1  # cut off, not rounded


def test_contrast_keeps_the_mean_of_each_channel():
    found = corrupt(COLORED // 2 + 60, "contrast", severity=5).astype(float)
    means = (COLORED // 2 + 60).mean(axis=(1, 2))
    np.testing.assert_allclose(found.mean(axis=(1, 2)), means, atol=1)
    assert found.std() < 0.2 * (COLORED // 2).std()


def test_impulses_are_black_and_white_in_equal_shares():
    gray = np.full((40, 32, 32), 100, np.uint8)
    found = corrupt(gray, "impulse_noise", severity=5, random_state=0)
    black, white = (found == 0).mean(), (found == 255).mean()
    assert black == pytest.approx(0.035, abs=0.004)
    assert white == pytest.approx(0.035, abs=0.004)
    assert set(np.unique(found)) == {0, 100, 255}


@pytest.mark.parametrize(
    ("images", "params", "error", "message"),
    [
        (GRAY, {"kind": "fog"}, ValueError, "kind is 'fog'"),
        (GRAY, {"severity": 0}, ValueError, "severity is 0"),
        (GRAY, {"severity": 6}, ValueError, "severity is 6"),
        (GRAY, {"severity": True}, ValueError, "severity is True"),
        (GRAY / 255, {}, TypeError, "float64"),
        (GRAY[0], {}, ValueError, "shape"),
        (GRAY, {"kind": "saturate"}, ValueError, "three channels"),
    ],
)
def test_what_is_refused(images, params, error, message):
    with pytest.raises(error, match=message):
        corrupt(images, **{"kind": "contrast", **params})


def test_no_images_are_no_error():
    assert corrupt(GRAY[:0], "gaussian_blur").shape == (0, 28, 28)
