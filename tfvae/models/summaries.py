"""What a batch of particles says about each example: the figures that training and evaluation report."""

from __future__ import annotations

import tensorflow as tf

from tfvae.estimators.base import Estimator
from tfvae.models.particles import Particles


def effective_sample_size(log_weights: tf.Tensor) -> tf.Tensor:
    """Returns (sum_k w_k)^2 / sum_k w_k^2, between 1 and K: [K, B] to [B].

    References:
        Kong: A note on importance sampling using standardized weights (1992).
    """
    return tf.exp(
        2.0 * tf.reduce_logsumexp(log_weights, axis=0) - tf.reduce_logsumexp(2.0 * log_weights, axis=0)
    )


def rate_distortion(particles: Particles) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the KL divergence from the prior, in closed form where the particles have it, and -log-likelihood, both
    averaged over K: [B], nats."""
    distortion = -tf.reduce_mean(particles.log_likelihood, axis=0)
    if particles.kl is not None:
        return tf.reduce_sum(particles.kl, axis=-1), distortion
    return tf.reduce_mean(particles.log_posterior - particles.log_prior, axis=0), distortion


def summarize(particles: Particles, estimator: Estimator) -> dict[str, tf.Tensor]:
    """The figures of each example, at full KL weight.

    Args:
        particles: K latents for each of B examples.
        estimator: whose bound to report.

    Returns:
        figures: name to [B]: "bound", "rate" and "distortion" (see `rate_distortion`) in nats;
            "effective_sample_size" of the K particles.
    """
    rate, distortion = rate_distortion(particles)
    bound = estimator(particles.log_weights).bound if particles.kl is None else -distortion - rate
    return {
        "bound": bound,
        "rate": rate,
        "distortion": distortion,
        "effective_sample_size": effective_sample_size(particles.log_weights),
    }
