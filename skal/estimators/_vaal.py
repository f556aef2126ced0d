"""VAAL's nets: an autoencoder, and one that tells labeled rows by their codes."""

import math

import numpy as np
import torch
from torch import nn

from skal.estimators._batches import endless
from skal.estimators._vae import VAE, Scale, vae_loss

_HIDDEN = 512
_VAE_STEPS = 2  # for one of the discriminator


class LabeledDiscriminator:
    """Tells labeled rows from others by the code that an autoencoder gives them.

    The autoencoder learns to reconstruct rows, and to give unlabeled ones a code that
    looks labeled; the discriminator learns to see through it. What it still takes for
    unlabeled is unlike anything labeled.

    Parameters
    ----------
    n_latent : int, default=32
        Length of the code.
    beta : float, default=1.0
        Weight of the Kullback-Leibler term.
    adversary_weight : float, default=0.1
        Weight of fooling the discriminator.
    max_epochs : int, default=20
        Training has this many rounds for each batch of unlabeled rows.
    batch_size : int, default=128
        Rows of either kind in a batch.
    lr : float, default=5e-4
        Learning rate of Adam, for both nets.

    Notes
    -----
    Values are standardized, by channel or column, and both terms of the autoencoder's
    loss are means over the values of a row: the evidence lower bound of Gaussian values
    of variance 1/2. The authors' code takes the mean of the squared errors and the
    *sum* of the divergence over batch and code, some 10^5 times as much for images;
    then the code says nothing of the row, and there is nothing to tell rows by. Their
    weight of the adversary is 1: beside terms on this scale it hides so well that the
    discriminator tells little.

    Normalization is within a row (groups of channels), so that its code does not depend
    on the rows beside it, and the same net is trained and asked.
    """

    def __init__(
        self,
        *,
        n_latent=32,
        beta=1.0,
        adversary_weight=0.1,
        max_epochs=20,
        batch_size=128,
        lr=5e-4,
    ):
        self.n_latent = n_latent
        self.beta = beta
        self.adversary_weight = adversary_weight
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr

    def fit(self, labeled, unlabeled):
        """Train both nets anew on labeled and unlabeled rows (Batches)."""
        self.scale_ = Scale([labeled, unlabeled], self.batch_size)
        shape, device = unlabeled[[0]].shape[1:], unlabeled.device
        self.vae_ = VAE(shape, self.n_latent).to(device)
        self.discriminator_ = discriminator(self.n_latent).to(device)
        self._optimizers = [
            torch.optim.Adam(net.parameters(), lr=self.lr)
            for net in (self.vae_, self.discriminator_)
        ]
        sources = [
            (rows, endless(len(rows), self.batch_size)) for rows in (labeled, unlabeled)
        ]
        n_batches = math.ceil(len(unlabeled) / self.batch_size)
        for _ in range(self.max_epochs * n_batches):
            for _ in range(_VAE_STEPS):
                batches = [self.scale_(rows[next(turn)]) for rows, turn in sources]
                self._step_vae(batches)
            self._step_discriminator(batches)
        return self

    @torch.no_grad()
    def log_odds(self, rows):
        """Return the log-odds of being labeled, by the mean code of each row, (n,)."""
        values = [
            self.discriminator_(self.vae_.encode(self.scale_(batch))[0])[:, 0]
            for batch in rows.in_order(self.batch_size)
        ]
        values = torch.cat(values).numpy(force=True)
        if not np.isfinite(values).all():
            raise ValueError(f"The autoencoder diverges: lr={self.lr} is too large.")
        return values

    def _step_vae(self, batches):
        """Reconstruct better, and make all codes look labeled."""
        loss = 0.0
        for rows in batches:
            output, mean, log_variance = self.vae_(rows)
            seen = self.discriminator_(mean)
            loss = loss + vae_loss(rows, output, mean, log_variance, self.beta)
            fooled = nn.functional.binary_cross_entropy_with_logits(
                seen, torch.ones_like(seen)
            )
            loss = loss + self.adversary_weight * fooled
        self._step(0, loss)

    def _step_discriminator(self, batches):
        """Tell the codes of labeled rows, 1, from those of unlabeled ones, 0."""
        loss = 0.0
        for rows, target in zip(batches, (1.0, 0.0), strict=True):
            with torch.no_grad():
                mean, _ = self.vae_.encode(rows)
            seen = self.discriminator_(mean)
            truth = torch.full_like(seen, target)
            loss = loss + nn.functional.binary_cross_entropy_with_logits(seen, truth)
        self._step(1, loss)

    def _step(self, which, loss):
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()
        self._optimizers[which].step()


def discriminator(n_latent):
    """Make the net that tells codes of labeled rows, by a logit."""
    width = _HIDDEN
    return nn.Sequential(
        *(nn.Linear(n_latent, width), nn.ReLU()),
        *(nn.Linear(width, width), nn.ReLU()),
        nn.Linear(width, 1),
    )
