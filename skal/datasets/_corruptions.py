"""Images as bad cameras make them: the common corruptions of small images."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from skal._seeding import draw_seed, generator

_AT_ONCE = 1024  # images
Images = NDArray[Any]


def corrupt(
    images: ArrayLike, kind: str, *, severity: int = 3, random_state: Any = None
) -> NDArray[np.uint8]:
    """Corrupt images: noise, blur, light and compression, in five severities.

    How a model does on corrupted test images says how it will do where the camera is
    worse than the one that made the training set. The strengths are those of CIFAR-10-C
    [1]_, for images of some 32 pixels; larger ones hardly suffer from such blur.

    Takes O(pixels) time, and memory for 1,024 images of floats besides the result.

    Parameters
    ----------
    images : array-like of shape (n, height, width) or (n, height, width, channels)
        Bytes, 0 to 255.
    kind : str
        ``"gaussian_noise"``, ``"shot_noise"``, ``"impulse_noise"``,
        ``"speckle_noise"``, ``"gaussian_blur"``, ``"brightness"``, ``"contrast"``,
        ``"saturate"`` (three channels only), ``"pixelate"`` or ``"jpeg_compression"``.
    severity : int, default=3
        1 to 5.
    random_state : int, RandomState, Generator or None, default=None
        Draws the noise.

    Returns
    -------
    corrupted : ndarray of uint8, of the shape of `images`
        A new array. Values are cut off, not rounded, as in the published sets.

    Raises
    ------
    TypeError
        If images are no bytes.
    ValueError
        If `kind` or `severity` is none of those, or the shape does not fit.

    References
    ----------
    .. [1] Hendrycks & Dietterich (2019). Benchmarking Neural Network Robustness to
       Common Corruptions and Perturbations. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.datasets import corrupt
    >>> image = np.zeros((1, 32, 32), np.uint8)
    >>> image[0, 16, 16] = 255
    >>> corrupt(image, "gaussian_blur", severity=1)[0, 15:18, 16]
    array([  9, 215,   9], dtype=uint8)
    """
    images = _checked(images, kind, severity)
    change, strengths = _KINDS[kind]
    rng = generator(draw_seed(random_state))
    chance = (rng,) if kind.endswith("_noise") else ()
    corrupted = np.empty_like(images)
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        values = change(images[part] / 255, strengths[severity - 1], *chance)
        # a byte over 255 times 255 is not always that byte, but a little less
        corrupted[part] = (np.clip(values, 0, 1) * 255 + 1e-6).astype(np.uint8)
    return corrupted


def _checked(images: ArrayLike, kind: str, severity: int) -> NDArray[np.uint8]:
    images = np.asarray(images)
    if kind not in _KINDS:
        raise ValueError(f"kind is {kind!r}: give one of {list(_KINDS)}.")
    if isinstance(severity, bool) or severity not in range(1, 6):
        raise ValueError(f"severity is {severity!r}: give an int from 1 to 5.")
    if images.dtype != np.uint8:
        raise TypeError(
            f"images are of {images.dtype}: give bytes (uint8), 0 to 255, such as "
            f"(255 * images).astype('uint8')."
        )
    if images.ndim not in (3, 4):
        raise ValueError(
            f"images have the shape {images.shape}: give (n, height, width) or "
            f"(n, height, width, channels)."
        )
    if kind == "saturate" and images.shape[3:] != (3,):
        raise ValueError(
            f"saturate needs three channels, and images have the shape {images.shape}."
        )
    return images


def _gaussian_noise(x: Images, scale: float, rng: np.random.Generator) -> Images:
    return x + rng.normal(scale=scale, size=x.shape)


def _shot_noise(x: Images, photons: float, rng: np.random.Generator) -> Images:
    return rng.poisson(x * photons) / photons


def _impulse_noise(x: Images, share: float, rng: np.random.Generator) -> Images:
    hit, white = rng.random((2, *x.shape)) < np.array([share, 0.5]).reshape(
        2, *[1] * x.ndim
    )
    return np.where(hit, white, x)


def _speckle_noise(x: Images, scale: float, rng: np.random.Generator) -> Images:
    return x + x * rng.normal(scale=scale, size=x.shape)


def _gaussian_blur(x: Images, sigma: float) -> Images:
    sigmas = (0, sigma, sigma, 0)[: x.ndim]
    return ndimage.gaussian_filter(x, sigmas, mode="nearest", truncate=4)


def _brightness(x: Images, more: float) -> Images:
    """Add to the value of hue, saturation, value."""
    value = x.max(axis=3, keepdims=True) if x.ndim == 4 else x
    brighter = np.minimum(value + more, 1)
    scale = np.divide(brighter, value, out=np.zeros_like(value), where=value > 0)
    return np.where(value > 0, x * scale, brighter)


def _contrast(x: Images, share: float) -> Images:
    means = x.mean(axis=(1, 2), keepdims=True)
    return (x - means) * share + means


def _saturate(x: Images, strength: tuple[float, float]) -> Images:
    """Scale and shift the saturation of hue, saturation, value; gray counts as red."""
    times, plus = strength
    value = x.max(axis=3, keepdims=True)
    lacking = value - x  # value times saturation where the least channel is
    most = lacking.max(axis=3, keepdims=True)
    gray = most == 0
    lacking = np.where(gray, value * (0, 1, 1), lacking)
    most = np.where(gray, value, most)
    safe = np.where(value > 0, value, 1)
    saturation = np.where(gray, 0, most) / safe
    wanted = np.clip(saturation * times + plus, 0, 1) * value
    return value - lacking * wanted / np.where(most > 0, most, 1)


def _pixelate(x: Images, share: float) -> Images:
    def change(image: Any) -> Any:
        width, height = image.size
        small = (max(1, int(width * share)), max(1, int(height * share)))
        return image.resize(small, resample=4).resize((width, height), resample=4)

    return _by_pillow(x, change)  # 4: the mean of a box


def _jpeg_compression(x: Images, quality: int) -> Images:
    from PIL import Image

    def change(image: Any) -> Any:
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _by_pillow(x, change)


def _by_pillow(x: Images, change: Any) -> Images:
    """Change images one by one; channels that are not three, one by one too."""
    from PIL import Image

    levels = (x * 255).round().astype(np.uint8)
    if x.ndim == 4 and x.shape[3] != 3:
        channels = [_by_pillow(x[..., c], change) for c in range(x.shape[3])]
        return np.stack(channels, axis=3)
    changed = [np.asarray(change(Image.fromarray(image))) for image in levels]
    return np.stack(changed) / 255


# What changes the images, and how much in each severity.
_KINDS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "gaussian_noise": (_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot_noise": (_shot_noise, (500, 250, 100, 75, 50)),
    "impulse_noise": (_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "speckle_noise": (_speckle_noise, (0.06, 0.10, 0.12, 0.16, 0.20)),
    "gaussian_blur": (_gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1.0)),
    "brightness": (_brightness, (0.05, 0.10, 0.15, 0.20, 0.30)),
    "contrast": (_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "saturate": (_saturate, ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))),
    "pixelate": (_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg_compression": (_jpeg_compression, (80, 65, 58, 50, 40)),
}
