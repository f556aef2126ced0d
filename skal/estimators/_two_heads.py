"""A net with two heads: how an image is turned, and which class it is of."""

import torch
from torch import nn

from skal.estimators._layers import head_of, replace
from skal.estimators._rotation import turned_four_ways


class TwoHeads(nn.Module):
    """A backbone with a head for rotations and one for classes.

    Parameters
    ----------
    module : callable
    n_classes : int
    example : Tensor of shape (1, channels, size, size)
    """

    def __init__(self, module, n_classes, example):
        super().__init__()
        body = module(n_classes, in_channels=example.shape[1])
        body = replace(body, head_of(body), lambda _: nn.Identity())
        self.body = body.to(example.device).eval()
        with torch.no_grad():
            n_features = self.body(example).flatten(1).shape[1]
        self.rotation = nn.Linear(n_features, 4)
        self.classes = nn.Linear(n_features, n_classes)

    def turned(self, images):
        """Return logits of rotations, (4 n, 4), and of the upright's class, (n, C).

        All images upright first, then all turned once, twice, three times.
        """
        features = self.body(turned_four_ways(images)).flatten(1)
        return self.rotation(features), self.classes(features[: len(images)])


def rotation_loss(rotations):
    """Cross-entropy of the rotations of images in the order of `TwoHeads.turned`."""
    turns = torch.arange(4, device=rotations.device)
    return nn.functional.cross_entropy(
        rotations, turns.repeat_interleave(len(rotations) // 4)
    )


def both_losses(rotations, classes, y):
    """Cross-entropy of rotations and of classes, weighed alike."""
    return rotation_loss(rotations) + nn.functional.cross_entropy(classes, y)


def check_square(images):
    """Refuse rows that cannot be turned by a quarter and be of the same shape."""
    shape = tuple(images[[0]].shape)
    if len(shape) != 4 or shape[2] != shape[3]:
        raise ValueError(
            f"X has rows of the shape {shape[1:]}, and its rows are turned by quarters "
            f"to be chosen from: give square images, as an array of the shape (n, "
            f"size, size), (n, channels, size, size) or (n, size, size, channels)."
        )
