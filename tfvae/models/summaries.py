"""Metrics of each example from its particles, as training and evaluation report them."""

from __future__ import annotations

import tensorflow as tf

from tfvae.estimators.base import Estimator
from tfvae.models.particles import Particles


def effective_sample_size(log_weights: tf.Tensor) -> tf.Tensor:
    """Returns (sum_k w_k)^2 / sum_k w_k^2, between 1 and K: [K, B] to [B].

    Example:
        >>> float(effective_sample_size(tf.zeros([4, 1]))[0])
        4.0

    References:
        Kong: A note on importance sampling using standardized weights (1992).
    """
    return tf.exp(
        2.0 * tf.reduce_logsumexp(log_weights, axis=0) - tf.reduce_logsumexp(2.0 * log_weights, axis=0)
    )


def rate_distortion(particles: Particles) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns rate and distortion.

    Args:
        particles: K latents for each of B examples.

    Returns:
        rate: KL(q(z|x) || p(z)), [B], nats, in closed form if the particles have it, otherwise the mean over K.
        distortion: mean over K of -log p(x|z), [B], nats.
    """
    distortion = -tf.reduce_mean(particles.log_likelihood, axis=0)
    if particles.kl is not None:
        return tf.reduce_sum(particles.kl, axis=-1), distortion
    return tf.reduce_mean(particles.log_posterior - particles.log_prior, axis=0), distortion


def summarize(particles: Particles, estimator: Estimator) -> dict[str, tf.Tensor]:
    """Returns the metrics of each example, at a KL weight of 1.

    Args:
        particles: K latents for each of B examples.
        estimator: estimator of the bound.

    Returns:
        metrics: values by name, [B] each: "bound", "rate" and "distortion" in nats, and "effective_sample_size".
    """
    rate, distortion = rate_distortion(particles)
    bound = estimator(particles.log_weights).bound if particles.kl is None else -distortion - rate
    return {
        "bound": bound,
        "rate": rate,
        "distortion": distortion,
        "effective_sample_size": effective_sample_size(particles.log_weights),
    }
