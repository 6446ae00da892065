"""Estimators of the evidence lower bound, E_q[log w]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import Estimator, Terms, uniform


@dataclass(frozen=True)
class Elbo(Estimator):
    """The evidence lower bound with a sampled KL term: mean_k log w_k. Its weights give the gradient of the bound.

    References:
        Kingma, Welling: Auto-encoding variational Bayes (2014), equation 6.
    """

    name: ClassVar[str] = "elbo"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: u, u, -u with u = 1/K."""
        weight = uniform(log_weights)
        return Terms(tf.reduce_mean(log_weights, axis=0), model=weight, path=weight, score=-weight)


@dataclass(frozen=True)
class ElboAnalytic(Estimator):
    """The evidence lower bound with the KL term in closed form: mean_k log p(x|z_k) - KL(q(z|x) || p(z)).

    Its log-weights are log p(x|z). The model subtracts the divergence and differentiates it.

    References:
        Kingma, Welling: Auto-encoding variational Bayes (2014), equation 7.
    """

    name: ClassVar[str] = "elbo-analytic"
    analytic_kl: ClassVar[bool] = True

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: u, u, 0 with u = 1/K."""
        weight = uniform(log_weights)
        return Terms(tf.reduce_mean(log_weights, axis=0), model=weight, path=weight, score=None)


@dataclass(frozen=True)
class StickingTheLanding(Estimator):
    """The evidence lower bound without the score term, whose mean is zero.

    At q(z|x) = p(z|x) the gradient of the encoder has no variance.

    References:
        Roeder, Wu, Duvenaud: Sticking the landing (2017), equation 8.
    """

    name: ClassVar[str] = "stl"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: u, u, 0 with u = 1/K."""
        weight = uniform(log_weights)
        return Terms(tf.reduce_mean(log_weights, axis=0), model=weight, path=weight, score=None)
