"""The standard Normal prior."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.distributions.head import LOG_2_PI, Parameters, tfd
from tfvae.distributions.log_density import LogDensity
from tfvae.distributions.prior_head import PriorHead


def _log_prob(value: tf.Tensor) -> tf.Tensor:
    return -0.5 * tf.reduce_sum(tf.square(value) + LOG_2_PI, axis=-1)


standard_normal_log_prob = LogDensity(_log_prob)


@keras.saving.register_keras_serializable(package="tfvae")
class StandardNormal(PriorHead):
    """N(0, I) over a latent vector.

    Args:
        latent_size: units of the latent vector.

    Raises:
        UserError: if `latent_size` < 1.

    Example:
        >>> prior = StandardNormal(2)
        >>> round(float(prior.log_prob(prior.parameters(), [[0.0, 0.0]])[0]), 4)
        -1.8379
    """

    def __init__(self, latent_size: int, **kwargs: Any):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)

    def parameters(self) -> Parameters:
        """Returns (0, 1), [latent_size] each."""
        return tf.zeros(self.event_shape), tf.ones(self.event_shape)

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.MultivariateNormalDiag`."""
        return tfd.MultivariateNormalDiag(*parameters)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the noise."""
        return noise

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns -|value|^2 / 2 - latent_size log(2 pi) / 2."""
        return standard_normal_log_prob(value)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns 0."""
        return parameters[0]

    def factors(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Normal` for each unit."""
        return tfd.Normal(*parameters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"latent_size": self.event_shape[0]}
