"""What comparisons see in latent space: codes of a batch, draws from q(z) = mean_b q(z|x_b)."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfvae.comparisons.base import Comparison
from tfvae.random import Noise


class Codes(NamedTuple):
    """Codes of a batch, and what they may be compared with.

    Attributes:
        z: one draw from q(z|x_b) for each example, on the path from the parameters of q: [B, D].
        weight: what each example counts, not all 0: [B].
        noise: noise with a row for each example.
        prior: function that draws from p(z), off the path to its parameters: [B, D].
        log_densities: function that returns log q(z_bd | x_c) of each unit d: [B, B, D], row b and column c, nats.
    """

    z: tf.Tensor
    weight: tf.Tensor
    noise: Noise
    prior: Callable[[], tf.Tensor]
    log_densities: Callable[[], tf.Tensor]


class OfCodes(Comparison, abc.ABC):
    """A comparison that needs no discriminator in latent space."""

    @abc.abstractmethod
    def of_codes(self, codes: Codes) -> tf.Tensor:
        """Returns how far the codes are from what they should be: a scalar, differentiated through z."""
