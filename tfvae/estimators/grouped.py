"""Estimators that split the particles into M groups, or mix two bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import Estimator, Terms, log_mean_exp, uniform
from tfvae.estimators.options import BETA, GROUPS


@dataclass(frozen=True)
class Miwae(Estimator):
    """The mean of M importance-weighted bounds of K particles each: (1/M) sum_m log (1/K) sum_k w_mk.

    Args:
        groups: number of groups M, a divisor of the number of particles M K. Group m holds the particles m K to
            m K + K - 1.

    References:
        Rainforth et al.: Tighter variational bounds are not necessarily better (2018), equation 9.
    """

    name: ClassVar[str] = "miwae"
    groups: int = int(GROUPS.default)

    def split(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the mean of the groups' bounds and each particle's weight in it.

        Args:
            log_weights: log-weights of all particles, [M K, B], nats.

        Returns:
            bound: [B], nats.
            weight: [M K, B], sums to 1 over the particles.
        """
        shape = tf.shape(log_weights)
        grouped = tf.reshape(log_weights, [self.groups, shape[0] // self.groups, shape[1]])
        bound = tf.reduce_mean(log_mean_exp(grouped, axis=1), axis=0)
        weight = tf.nn.softmax(grouped, axis=1) / self.groups
        return bound, tf.reshape(weight, shape)

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w, w, -w with w = (softmax within the group) / M."""
        bound, weight = self.split(log_weights)
        return Terms(bound, model=weight, path=weight, score=-weight)


@dataclass(frozen=True)
class Piwae(Miwae):
    """The model ascends the importance-weighted bound of all M K particles, the encoder the bound of `miwae`.

    References:
        Rainforth et al.: Tighter variational bounds are not necessarily better (2018), section 4.3.
    """

    name: ClassVar[str] = "piwae"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, w, -w with w~ = softmax_k(log w) over all, w = (softmax within the group) / M."""
        _, weight = self.split(log_weights)
        everywhere = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), model=everywhere, path=weight, score=-weight)


@dataclass(frozen=True)
class Ciwae(Estimator):
    """A mixture of two bounds: beta mean_k log w_k + (1 - beta) log mean_k w_k.

    Args:
        beta: weight of the evidence lower bound, in [0, 1].

    References:
        Rainforth et al.: Tighter variational bounds are not necessarily better (2018), section 4.2.
    """

    name: ClassVar[str] = "ciwae"
    beta: float = BETA.default

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: v, v, -v with v = beta / K + (1 - beta) w~."""
        mean = tf.reduce_mean(log_weights, axis=0)
        weight = self.beta * uniform(log_weights) + (1.0 - self.beta) * tf.nn.softmax(log_weights, axis=0)
        bound = self.beta * mean + (1.0 - self.beta) * log_mean_exp(log_weights)
        return Terms(bound, model=weight, path=weight, score=-weight)
