"""The uniform prior."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError, number_in, positive_int
from tfvae.distributions.head import Parameters, tfd
from tfvae.distributions.prior_head import PriorHead

SLOPE = 0.2316419
POLYNOMIAL = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)


@keras.saving.register_keras_serializable(package="tfvae")
class Uniform(PriorHead):
    """Independent uniform variables on [low, high], made of standard normal noise e:

        z = low + (high - low) Phi(e),  log p(z) = -latent_size log(high - low)

    Phi is the normal distribution function, so that what anneals or moves along gradients does so in e, which has no
    bounds. `Uniform(n, -3**0.5, 3**0.5)` has unit variance. It is a prior for generators: a posterior with mass outside
    [low, high] has no finite KL divergence from it, and a model with such a posterior refuses it.

    Args:
        latent_size: units of the latent vector.
        low: lower end of the interval.
        high: upper end of the interval.

    Raises:
        UserError: if `latent_size` < 1, or `low` is not below `high`.

    Example:
        >>> prior = Uniform(2, -1.0, 1.0)
        >>> round(float(prior.log_prob(prior.parameters(), [[0.5, -0.5]])[0]), 4)
        -1.3863
        >>> prior.sample(prior.parameters(), tf.zeros((1, 2))).numpy().round(3).tolist()
        [[0.0, 0.0]]
    """

    def __init__(self, latent_size: int, low: float = -1.0, high: float = 1.0, **kwargs: Any):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)
        self.low, self.high = number_in("low", low, -math.inf), number_in("high", high, -math.inf)
        if self.low >= self.high:
            raise UserError(
                "the interval of a uniform prior is empty",
                expected="low < high",
                received=f"low={self.low:g}, high={self.high:g}",
            )
        self.support = (self.low, self.high)

    def parameters(self) -> Parameters:
        """Returns (low, high), [latent_size] each."""
        return tf.fill(self.event_shape, self.low), tf.fill(self.event_shape, self.high)

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.Uniform`."""
        return tfd.Independent(tfd.Uniform(*parameters), 1)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns low + (high - low) Phi(noise)."""
        low, high = parameters
        return low + (high - low) * normal_cdf(noise)

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns -latent_size log(high - low) where every unit lies in [low, high], otherwise -infinity."""
        low, high = parameters
        value = tf.convert_to_tensor(value)
        inside = tf.reduce_all((value >= low) & (value <= high), axis=-1)
        return tf.where(inside, -tf.reduce_sum(tf.math.log(high - low), axis=-1), -math.inf)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns the middle of the interval."""
        return 0.5 * (parameters[0] + parameters[1])

    def factors(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Uniform` for each unit."""
        return tfd.Uniform(*parameters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "low": self.low,
            "high": self.high,
        }


def normal_cdf(noise: tf.Tensor) -> tf.Tensor:
    """Returns Phi(noise), within 3e-7, in operations that every runtime has; some lack the error function.

    References:
        Abramowitz, Stegun: Handbook of mathematical functions (1964), 26.2.17.
    """
    size = tf.where(noise > 0.0, noise, -noise)  # unlike tf.abs it has a slope at 0
    t = 1.0 / (1.0 + SLOPE * size)
    sum_ = tf.zeros_like(t)
    for coefficient in reversed(POLYNOMIAL):
        sum_ = t * (coefficient + sum_)
    tail = tf.exp(-0.5 * tf.square(noise)) * sum_ / math.sqrt(2.0 * math.pi)
    return tf.where(noise > 0.0, 1.0 - tail, tail)
