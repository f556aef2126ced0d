"""Kernels of image views: one map of the places and one of the colors an image."""

import torch
from torch.nn.functional import affine_grid, grid_sample

_LUMA = 0.299, 0.587, 0.114  # what red, green and blue give to brightness (BT.601)


def affine_maps(sides, center, turn, slant, ratio):
    """Make the maps (n, 2, 3) from places in a view to places in its image.

    Both run from -1 to 1. A view shows a window of its image: `sides` (2, n) are the
    window's width and height as shares of the image's, negative ones mirror it, and
    `center` (2, n) is its middle. `turn` and `slant` (n,) are in radians; `ratio` is
    the image's width in pixels by its height, so that right angles remain right.
    """
    cos, sin, slope = turn.cos(), turn.sin(), slant.tan()
    width, height = sides
    across = cos * width, (slope * cos - sin) * height / ratio, center[0]
    down = sin * width * ratio, (slope * sin + cos) * height, center[1]
    return torch.stack(across + down, 1).view(-1, 2, 3)


def warp(images, maps):
    """Show each image (n, c, h, w) as its map says, mirrored beyond the border.

    One product of all maps and all places costs a tenth of `affine_grid` by the batch.
    """
    n, _, height, width = images.shape
    same = torch.eye(2, 3, dtype=images.dtype, device=images.device)[None]
    places = affine_grid(same, (1, 1, height, width), align_corners=False).view(-1, 2)
    places = torch.cat([places.T, places.new_ones(1, len(places))])
    grid = (maps.reshape(2 * n, 3) @ places).view(n, 2, height, width).movedim(1, 3)
    return grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def recolor(images, brightness, contrast, saturation):
    """Multiply brightness, contrast and saturation of images (n, c, h, w) by (n,).

    Together they are one map of the colors, an image: each pixel, less black, is mixed
    with its gray, multiplied, and mixed with the image's mean gray. Cut to the range
    from 0 to 1, widened to what the image holds; the low end is black.
    """
    n_channels, pixels = images.shape[1], images.flatten(2)
    weights = _LUMA if n_channels == 3 else [1 / n_channels] * n_channels
    luma = torch.tensor(weights, dtype=images.dtype, device=images.device)
    low = pixels.amin((1, 2), keepdim=True).clamp(max=0)
    high = pixels.amax((1, 2), keepdim=True).clamp(min=1)
    brightness, contrast, saturation = (
        factor[:, None, None] for factor in (brightness, contrast, saturation)
    )
    gain, mean = brightness * contrast, (pixels.mean(2) @ luma)[:, None, None]
    same = torch.eye(n_channels, dtype=images.dtype, device=images.device)
    maps = gain * (saturation * same + (1 - saturation) * luma)
    offset = (1 - gain) * low + (1 - contrast) * brightness * (mean - low)
    pixels = torch.baddbmm(offset, maps, pixels)
    torch.maximum(pixels, low, out=pixels)  # clamp_ is slow with tensors
    return torch.minimum(pixels, high, out=pixels).view(images.shape)
