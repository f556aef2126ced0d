"""A variational autoencoder of images or of rows of a table, and its loss."""

import math

import torch
from torch import nn

_WIDTHS = (32, 64, 128, 256)  # channels after each halving of an image
_SMALLEST = 8  # images below are rows of numbers
_HIDDEN = 256
_LARGEST_LOG_VARIANCE = 10.0


def vae_loss(rows, output, mean, log_variance, beta):
    """Mean squared error, and beta times the divergence, both a value of a row."""
    divergence = log_variance.exp() + mean**2 - 1 - log_variance
    divergence = divergence.sum(dim=1).mean() / 2
    return nn.functional.mse_loss(output, rows) + beta * divergence / rows[0].numel()


class Scale:
    """Standardizes columns of a table, and channels of images."""

    def __init__(self, sources, batch_size):
        n, total, squares = 0, 0.0, 0.0
        for rows in sources:
            for batch in rows.in_order(batch_size):
                dims = [0, *range(2, batch.ndim)]
                batch = batch.double()
                n += batch.numel() // batch.shape[1]
                total = total + batch.sum(dims, keepdim=True)
                squares = squares + (batch**2).sum(dims, keepdim=True)
        if not torch.isfinite(squares).all():
            for rows in sources:
                rows.check_finite()
        mean = total / n
        spread = (squares / n - mean**2).clamp(min=0).sqrt()
        spread[spread <= 1e-6 * mean.abs()] = 1  # a constant
        self.mean, self.spread = mean.float(), spread.float()

    def __call__(self, batch):
        return (batch - self.mean) / self.spread


class VAE(nn.Module):
    """A variational autoencoder of rows of any shape: convolutional for images."""

    def __init__(self, shape, n_latent):
        super().__init__()
        images = len(shape) == 3 and min(shape[1:]) >= _SMALLEST
        layers = _convolutions if images else _linears
        self.encoder, n_features, self.decoder = layers(shape, n_latent)
        self.code = nn.Linear(n_features, 2 * n_latent)

    def encode(self, rows):
        """Return mean and log-variance of the code of each row, (n, n_latent)."""
        mean, log_variance = self.code(self.encoder(rows)).chunk(2, dim=1)
        limit = _LARGEST_LOG_VARIANCE
        return mean, log_variance.clamp(-limit, limit)

    def forward(self, rows):
        """Return reconstructions of rows, and mean and log-variance of their codes."""
        mean, log_variance = self.encode(rows)
        noise = torch.randn(mean.shape).to(mean.device)  # the same on every device
        code = mean + (log_variance / 2).exp() * noise
        return self.decoder(code), mean, log_variance


def _linears(shape, n_latent):
    n = math.prod(shape)
    encoder = nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(n, _HIDDEN), nn.ReLU()),
        *(nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU()),
    )
    decoder = nn.Sequential(
        *(nn.Linear(n_latent, _HIDDEN), nn.ReLU()),
        *(nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU()),
        *(nn.Linear(_HIDDEN, n), nn.Unflatten(1, shape)),
    )
    return encoder, _HIDDEN, decoder


def _convolutions(shape, n_latent):
    channels, *size = shape
    down, up, below = [], [], channels
    for width in _WIDTHS:
        even = [1 - length % 2 for length in size]  # halving rounds odd lengths up
        size = [(length + 1) // 2 for length in size]
        down += [nn.Conv2d(below, width, 3, 2, 1), nn.GroupNorm(8, width), nn.ReLU()]
        end = [nn.GroupNorm(8, below), nn.ReLU()] if up else []
        up = [nn.ConvTranspose2d(width, below, 3, 2, 1, even), *end, *up]
        below = width
        if max(size) <= 4:
            break
    n_features = below * math.prod(size)
    to_maps = nn.Linear(n_latent, n_features), nn.Unflatten(1, (below, *size))
    decoder = nn.Sequential(*to_maps, nn.ReLU(), *up)
    return nn.Sequential(*down, nn.Flatten()), n_features, decoder
