"""Views: what the rows of a batch could as well have been, drawn row by row."""

import math
from numbers import Real

import torch
from sklearn.base import BaseEstimator

from skal.estimators._image_maps import affine_maps, recolor, warp

_N_PLACES, _N_COLORS = 9, 4  # random numbers an image
_STRETCH = math.log(4 / 3)
_LARGEST = {
    "flip": 1,
    "degrees": 180,
    "shear": 60,
    "translate": 1,
    "jitter": 1,
    "grayscale": 1,
}


class ImageViews(BaseEstimator):
    """Draw another view of each image: cropped, turned, slanted and recolored.

    Training on views teaches a net what may change in an image that shows the same;
    contrastive training needs two of each. The defaults suit digits and small
    photographs alike. Views are the wrong tool where they change the class itself: set
    `flip` to 0 for letters in color, `jitter` and `grayscale` where colors tell the
    classes apart, `degrees` where directions do.

    Each image gets draws of its own. All are applied to the batch at once, on its
    device: one resampling for the places, one product for the colors, O(pixels).

    Parameters
    ----------
    crop : (float, float), default=(0.6, 1.0)
        Smallest and largest share of the image's area that a view shows, as large as
        the whole. The place is random, and the window is up to a third wider or higher
        where it fits. A share above 1 makes the image smaller.
    flip : float, default=None
        Probability that left and right change places. None: 0.5, but 0 for images of
        one channel, since digits and letters have a left and a right.
    degrees : float, default=10.0
        Largest rotation, either way.
    shear : float, default=10.0
        Largest slant of an upright line, either way, in degrees.
    translate : float, default=0.0
        Largest shift, as a share of the width and of the height, on top of the crop's.
    jitter : float, default=0.4
        Brightness, contrast and, with three channels, saturation are multiplied by
        factors from ``1 - jitter`` to ``1 + jitter``.
    grayscale : float, default=0.2
        Probability that an image of three channels loses its colors.

    Notes
    -----
    Draws come from torch's default generator. A view depends on the seed, the image and
    its place in the batch, not on the other images.

    Beyond its border an image goes on as its mirror image. Around digits black stays
    black, photographs get no black corners to go by, and the values may be scaled in
    any way.

    Recolored images are cut to the range from 0 to 1, widened to the values that the
    image has; the low end counts as black.

    The strengths are those of torchvision's transforms. Unlike there the steps have one
    order, and colors are cut once, at the end. SimCLR also shifts the hue and blurs.

    References
    ----------
    .. [1] T. Chen, S. Kornblith, M. Norouzi and G. Hinton, "A simple framework for
       contrastive learning of visual representations", ICML 2020.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import ImageViews
    >>> views = ImageViews(crop=(0.2, 1.0), degrees=0, shear=0)
    >>> views(torch.zeros(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    def __init__(
        self,
        *,
        crop=(0.6, 1.0),
        flip=None,
        degrees=10.0,
        shear=10.0,
        translate=0.0,
        jitter=0.4,
        grayscale=0.2,
    ):
        self.crop = crop
        self.flip = flip
        self.degrees = degrees
        self.shear = shear
        self.translate = translate
        self.jitter = jitter
        self.grayscale = grayscale

    def __call__(self, batch):
        """Return a view of each image of a batch.

        Parameters
        ----------
        batch : Tensor of float of shape (n, channels, height, width)

        Returns
        -------
        Tensor of shape (n, channels, height, width)
            Of the same type, on the same device, without a graph.

        Raises
        ------
        TypeError
            If the batch is not of floats.
        ValueError
            If it has not four dimensions, or a parameter is out of its range.
        """
        _check_floats(batch)
        self._check(batch)
        with torch.no_grad(), torch.autocast(batch.device.type, enabled=False):
            images = batch.to(torch.promote_types(batch.dtype, torch.float32))
            size = len(images), _N_PLACES + _N_COLORS
            draws = torch.rand(size, dtype=torch.float32, device=images.device)
            places, colors = draws.T.to(images.dtype).split([_N_PLACES, _N_COLORS])
            images = self._move(images, places)
            return self._color(images, colors).to(batch.dtype)

    def _move(self, images, draws):
        """Crop, flip, turn, slant and shift, by draws (9, n) from 0 to 1."""
        _, n_channels, height, width = images.shape
        flip = self.flip if self.flip is not None else 0.5 * (n_channels > 1)
        low, high = self.crop
        still = low == high == 1 and not (flip or self.degrees or self.shear)
        if still and not self.translate:
            return images
        either = 2 * draws - 1
        share = low + (high - low) * draws[0]
        stretch = (either[1] * share.log().abs().clamp(max=_STRETCH) / 2).exp()
        sides = share.sqrt() * torch.stack([stretch, 1 / stretch])
        center = either[2:4] * (1 - sides) + 2 * self.translate * either[4:6]
        sides[0] *= torch.where(draws[6] < flip, -1, 1)
        turn = torch.deg2rad(self.degrees * either[7])
        slant = torch.deg2rad(self.shear * either[8])
        return warp(images, affine_maps(sides, center, turn, slant, width / height))

    def _color(self, images, draws):
        """Change the colors, by draws (4, n) from 0 to 1."""
        rgb = images.shape[1] == 3
        if not (self.jitter or (rgb and self.grayscale)):
            return images
        brightness, contrast, saturation = 1 + self.jitter * (2 * draws[:3] - 1)
        if rgb:
            saturation = torch.where(draws[3] < self.grayscale, 0, saturation)
        else:
            saturation = torch.ones_like(saturation)
        return recolor(images, brightness, contrast, saturation)

    def _check(self, batch):
        if batch.ndim != 4:
            raise ValueError(
                f"The batch has shape {tuple(batch.shape)}; ImageViews needs images as "
                f"(n, channels, height, width)."
            )
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            if name == "flip" and value is None:
                continue
            _check_number(name, value, largest)
        crop = self.crop
        pair = isinstance(crop, (tuple, list)) and [isinstance(v, Real) for v in crop]
        if pair != [True, True] or not 0 < crop[0] <= crop[1]:
            raise ValueError(
                f"crop is {crop!r}: give two shares of the area, smallest and largest, "
                f"such as (0.6, 1.0)."
            )


class FeatureNoise(BaseEstimator):
    """Draw another view of each row of features: some of them blotted out.

    What is learned from such views has to use all features instead of the strongest
    few. They are the wrong tool where single features decide, and for images, whose
    pixels their neighbors give away: see `ImageViews`. O(cells) time and memory.

    Parameters
    ----------
    rate : float, default=0.2
        Probability, for each cell by itself, that it is replaced.
    replace : {"zero", "other_row"}, default="zero"
        What stands there instead. Zero suits centered columns and texts, and keeps
        sparse rows sparse; what is left is not scaled up. The value of another row,
        drawn for each cell, suits columns of any scale, as in SCARF.

    Notes
    -----
    Draws come from torch's default generator. SCARF replaces 0.6 of the features of one
    of two views, and draws from the whole training set, not from the batch.

    References
    ----------
    .. [1] D. Bahri, H. Jiang, Y. Tay and D. Metzler, "SCARF: self-supervised
       contrastive learning using random feature corruption", ICLR 2022.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import FeatureNoise
    >>> FeatureNoise(rate=1.0)(torch.ones(2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """

    def __init__(self, *, rate=0.2, replace="zero"):
        self.rate = rate
        self.replace = replace

    def __call__(self, batch):
        """Return a view of each row of a batch.

        Parameters
        ----------
        batch : Tensor of float of shape (n, ...)

        Returns
        -------
        Tensor of shape (n, ...)
            Of the same type, on the same device.

        Raises
        ------
        TypeError
            If the batch is not of floats.
        ValueError
            If a parameter is out of its range.
        """
        _check_floats(batch)
        _check_number("rate", self.rate, 1)
        if self.replace not in ("zero", "other_row"):
            raise ValueError(
                f"replace is {self.replace!r}: give 'zero' or 'other_row'."
            )
        draws = torch.rand(batch.shape, dtype=torch.float32, device=batch.device)
        hit = draws < self.rate
        if self.replace == "zero":
            return batch.masked_fill(hit, 0)
        n = len(batch)
        ahead = torch.randint(1, max(n, 2), batch.shape, device=batch.device)
        rows = torch.arange(n, device=batch.device)
        rows = rows.view(-1, *[1] * (batch.ndim - 1))
        return torch.where(hit, batch.gather(0, (rows + ahead) % n), batch)


def _check_floats(batch):
    if not batch.is_floating_point():
        raise TypeError(f"The batch is of {batch.dtype}; views need floats.")


def _check_number(name, value, largest):
    if not (isinstance(value, Real) and 0 <= value <= largest):
        raise ValueError(f"{name} is {value!r}: give a number from 0 to {largest}.")
