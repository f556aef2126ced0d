"""Nets that end in a linear layer: what goes into it are the features.

Each has an attribute `taps`, the names of the submodules that stand for its depths.
"""

from collections import OrderedDict
from collections.abc import Iterable
from itertools import pairwise
from numbers import Integral

import torch
from sklearn.utils import check_scalar
from torch import nn

# Convolutions are up to half as fast again, and more in half precision.
_FAST = torch.channels_last


def resnet18(n_classes, *, in_channels=3):
    """Make a residual net of 18 layers for small images, as papers use it on CIFAR.

    The first convolution is 3 x 3 and keeps the size, and no pooling follows it: an
    image of 32 x 32 reaches the last stage as 4 x 4. It is the wrong tool for photos of
    224 x 224, where it costs 49 times as much and torchvision's own begins by making
    them smaller, and for a CPU. 11.17 million parameters, 0.56 GFLOP (multiply-adds)
    an image of 32 x 32.

    Parameters
    ----------
    n_classes : int
        Number of logits.
    in_channels : int, default=3
        Channels of an image; images are (n, in_channels, height, width), of any size.

    Returns
    -------
    torch.nn.Module
        Returns logits, (n, n_classes). 512 features; `taps` are the four stages.

    Raises
    ------
    TypeError, ValueError
        If a number is no int, or below 1.

    Notes
    -----
    At 8 x 8 the last stage sees one pixel, on which batch norm cannot train with a
    batch of one image; vgg16 from 16 x 16 down.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import resnet18
    >>> resnet18(10).eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    _check(n_classes=n_classes, in_channels=in_channels)
    from torchvision import models  # a second, which other nets need not wait

    net = models.resnet18(num_classes=n_classes)
    net.conv1 = nn.Conv2d(in_channels, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    net.maxpool = nn.Identity()
    net.taps = ("layer1", "layer2", "layer3", "layer4")
    return net.to(memory_format=_FAST)


def vgg16(n_classes, *, in_channels=3):
    """Make a plain net of 13 convolutions with batch norm, as papers use it on CIFAR.

    torchvision's vgg16_bn up to its last pooling, then the mean of each channel and one
    linear layer, without dropout. It is the wrong tool where residual nets are allowed:
    they learn faster from few labels. 14.72 million parameters, 0.31 GFLOP
    (multiply-adds) an image of 32 x 32.

    Parameters
    ----------
    n_classes : int
        Number of logits.
    in_channels : int, default=3
        Channels of an image; images are (n, in_channels, height, width), of any size.

    Returns
    -------
    torch.nn.Module
        Returns logits, (n, n_classes). 512 features; `taps` are the five blocks, each
        before its pooling.

    Raises
    ------
    TypeError, ValueError
        If a number is no int, or below 1.

    Notes
    -----
    Poolings keep the last row and column of odd sizes, so that small images reach the
    end. The paper has three linear layers; papers on CIFAR have one.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman, "Very deep convolutional networks for
       large-scale image recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import vgg16
    >>> vgg16(10).eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    blocks = (2, 64), (2, 128), (3, 256), (3, 512), (3, 512)
    return _convolutions(n_classes, in_channels, blocks)


def small_cnn(n_classes, *, in_channels=1):
    """Make three convolutions with batch norm, for small images and quick runs.

    Each convolution doubles the channels (32, 64, 128) and a pooling halves the image;
    the mean of each channel goes into the linear layer. It learns digits and clothes
    well on a CPU; it is the wrong tool for CIFAR and larger images, which want depth.
    0.09 million parameters, 7 MFLOP (multiply-adds) an image of 28 x 28.

    Parameters
    ----------
    n_classes : int
        Number of logits.
    in_channels : int, default=1
        Channels of an image; images are (n, in_channels, height, width), of any size
        from 8 x 8.

    Returns
    -------
    torch.nn.Module
        Returns logits, (n, n_classes). 128 features; `taps` are the three blocks, each
        before its pooling.

    Raises
    ------
    TypeError, ValueError
        If a number is no int, or below 1.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import small_cnn
    >>> small_cnn(10).eval()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    return _convolutions(n_classes, in_channels, ((1, 32), (1, 64), (1, 128)))


def lenet(n_classes, *, in_channels=1):
    """Make LeNet-5 as it is built today: ReLU, max pooling, every map to every map.

    Two convolutions and three linear layers, without batch norm. It is the wrong tool
    but to compare with papers that use it: `small_cnn` learns more from as few labels.
    0.06 million parameters, 0.42 MFLOP (multiply-adds) an image.

    Parameters
    ----------
    n_classes : int
        Number of logits.
    in_channels : int, default=1
        Channels of an image; images are (n, in_channels, height, width), of any size.

    Returns
    -------
    torch.nn.Module
        Returns logits, (n, n_classes). 84 features; `taps` are the two convolutions,
        each before its pooling, and the two hidden layers.

    Raises
    ------
    TypeError, ValueError
        If a number is no int, or below 1.

    Notes
    -----
    The net sees 32 x 32 pixels, as the paper's. Others are scaled to that, where the
    paper puts a rim around the 28 x 28 of MNIST.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
       applied to document recognition", Proceedings of the IEEE, 1998.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import lenet
    >>> lenet(10).eval()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    _check(n_classes=n_classes, in_channels=in_channels)
    return _chain(
        scaled=_Scaled(32),
        block1=nn.Sequential(nn.Conv2d(in_channels, 6, 5), nn.ReLU()),
        pool1=nn.MaxPool2d(2),
        block2=nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU()),
        pool2=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        hidden1=nn.Sequential(nn.Linear(400, 120), nn.ReLU()),
        hidden2=nn.Sequential(nn.Linear(120, 84), nn.ReLU()),
        fc=nn.Linear(84, n_classes),
    )


def mlp(n_classes, *, n_features, hidden=(128, 128)):
    """Make linear layers with ReLU between them, for tables.

    No batch norm, so that a batch may be a single row: standardize the columns before,
    as with ``sklearn.preprocessing.StandardScaler``. It is the wrong tool for images,
    and on a table a forest often beats it. Costs a matrix product a layer.

    Parameters
    ----------
    n_classes : int
        Number of logits.
    n_features : int
        Numbers in a row, which may also be an image of so many: rows are flattened.
    hidden : sequence of int, default=(128, 128)
        Widths of the hidden layers, one at least; the last are the features.

    Returns
    -------
    torch.nn.Module
        Returns logits, (n, n_classes). `taps` are the hidden layers, after the ReLU.

    Raises
    ------
    TypeError, ValueError
        If a number is no int or below 1, or `hidden` is empty or no sequence.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations
       by back-propagating errors", Nature, 1986.

    Examples
    --------
    >>> import torch
    >>> from skal.estimators import mlp
    >>> mlp(3, n_features=4, hidden=[16])(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """
    _check(n_classes=n_classes, n_features=n_features)
    if not isinstance(hidden, Iterable):
        raise TypeError(f"hidden is {hidden!r}: give widths, such as ({hidden!r},).")
    widths = [n_features, *hidden]
    if len(widths) == 1:
        raise ValueError("hidden is empty: give one width at least, such as (128,).")
    layers = {}
    for number, (n_in, n_out) in enumerate(pairwise(widths), 1):
        _check(hidden=n_out)
        layers[f"hidden{number}"] = nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())
    return _chain(flat=nn.Flatten(), **layers, fc=nn.Linear(widths[-1], n_classes))


def _check(**counts):
    for name, count in counts.items():
        check_scalar(count, name, Integral, min_val=1)


def _chain(**layers):
    """Chain layers under their names; those that are sequences themselves are taps."""
    net = nn.Sequential(OrderedDict(layers))
    net.taps = tuple(
        name for name, layer in layers.items() if isinstance(layer, nn.Sequential)
    )
    return net


def _convolutions(n_classes, n_in, blocks):
    """Chain blocks of convolutions, (how many, how wide), each with a pooling after."""
    _check(n_classes=n_classes, in_channels=n_in)
    layers = {}
    for number, (depth, width) in enumerate(blocks, 1):
        layers[f"block{number}"] = _block(depth, n_in, width)
        layers[f"pool{number}"] = nn.MaxPool2d(2, ceil_mode=True)
        n_in = width
    net = _chain(**layers, mean=_ChannelMeans(), fc=nn.Linear(n_in, n_classes))
    return net.to(memory_format=_FAST)


def _block(depth, n_in, width):
    block = nn.Sequential()
    for channels in [n_in] + [width] * (depth - 1):
        convolution = nn.Conv2d(channels, width, 3, padding=1)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(convolution.bias)
        block.extend([convolution, nn.BatchNorm2d(width), nn.ReLU()])
    return block


class _ChannelMeans(nn.Module):
    """The mean of each channel: on a GPU too, its gradient is the same every time."""

    def forward(self, images):
        return images.mean((2, 3))


class _Scaled(nn.Module):
    """Images of one size."""

    def __init__(self, size):
        super().__init__()
        self.size = size, size

    def forward(self, images):
        if images.shape[2:] == self.size:
            return images
        return nn.functional.interpolate(
            images, self.size, mode="bilinear", antialias=True
        )
