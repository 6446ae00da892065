"""Noise-contrastive estimation: an unnormalised density learns by classification against noise of known density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.checks import UserError
from tfvae.comparisons.base import Comparison, Cost


@dataclass(frozen=True)
class NoiseContrastive(Comparison):
    """The cost of telling T examples from nu T samples of a noise distribution.

        G(x) = log p(x) - log p_noise(x) - log nu
        J    = mean_data softplus(-G) + nu mean_noise softplus(G)

    log p(x) = log p0(x) + c is unnormalised, c a parameter like others. J is minus the log-likelihood, for each
    example, of the classifier h = sigmoid(G). If p0 can represent the data's density, J is least there, with c minus
    the logarithm of p0's integral.

    Attributes:
        ratio: nu, noise samples for each example.

    References:
        Gutmann, Hyvarinen: Noise-contrastive estimation of unnormalized statistical models (2012), section 2.
    """

    name: ClassVar[str] = "noise-contrastive"
    ratio: float = 1.0

    def __post_init__(self) -> None:
        """Raises a `UserError` for a ratio that is out of range."""
        if not 0 < self.ratio < float("inf"):
            raise UserError("ratio is not a positive number", expected="a number > 0", received=self.ratio)

    def __call__(self, real: tf.Tensor, noise: tf.Tensor) -> tuple[Cost, Cost]:
        """Returns the costs of examples and of noise; J is the sum of their means.

        Args:
            real: [T], log p(x) - log p_noise(x) at examples.
            noise: [S], the same at samples of the noise.

        Returns:
            costs: of examples [T] and of noise [S]; the weights are their derivatives by the differences.
        """
        shift = tf.math.log(tf.cast(self.ratio, real.dtype))
        real, noise = real - shift, noise - shift
        nu = self.ratio
        return (
            Cost(tf.nn.softplus(-real), -tf.sigmoid(-real)),
            Cost(nu * tf.nn.softplus(noise), nu * tf.sigmoid(noise)),
        )
