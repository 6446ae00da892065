"""Particles: latents that were sampled, scored at fixed points and will be weighed."""

from __future__ import annotations

import functools
from typing import NamedTuple

import tensorflow as tf

from tfvae.distributions.head import Parameters
from tfvae.distributions.likelihood_head import Mean
from tfvae.distributions.relaxation import BinaryConcrete, GumbelSoftmax, Plain

View = Plain | BinaryConcrete | GumbelSoftmax


class ScoreOptions(NamedTuple):
    """How particles are drawn and scored.

    Attributes:
        training: whether layers such as batch normalisation train.
        analytic_kl: whether to give KL(q(z|x) || p(z)) in closed form.
        tape: what watches the detached latents, None where no gradient follows the path.
        temperature: that of a relaxation of discrete latents, None for the discrete ones.
        mean: mean of numbers [K, B, ...] over the global batch, for weights that follow the data in training.
    """

    training: bool = False
    analytic_kl: bool = False
    tape: tf.GradientTape | None = None
    temperature: tf.Tensor | None = None
    mean: Mean | None = None


PLAIN = ScoreOptions()


class Particles(NamedTuple):
    """K latents for each of B examples. What is given for each layer stands in the order of sampling.

    Attributes:
        latents: one tensor [K, B, ...] for each stochastic layer, attached to the path from the parameters of q.
        fixed: the same values, detached; every log-density below is evaluated at them, but for the posterior's where
            the head's `has_cheap_log_prob` is False, which is attached to the path. Latents and fixed are empty where
            the log-densities follow the path themselves, as an `automatic` estimator may have it.
        log_likelihood: log p(x|z), [K, B], nats.
        log_priors: log p(z_l | the layer above) for each layer, [K, B] each, nats.
        log_posteriors: log q(z_l | x, the layers drawn before) for each layer, [K, B] each, nats.
        kl: KL(q(z|x) || p(z)) in closed form by latent unit, [B, units], nats, where it was asked for.
        posterior: parameters of q(z|x) of a model with one layer, [B, ...].
    """

    latents: tuple[tf.Tensor, ...]
    fixed: tuple[tf.Tensor, ...]
    log_likelihood: tf.Tensor
    log_priors: tuple[tf.Tensor, ...]
    log_posteriors: tuple[tf.Tensor, ...]
    kl: tf.Tensor | None = None
    posterior: Parameters | None = None

    @property
    def log_prior(self) -> tf.Tensor:
        """log p(z), all layers together: [K, B], nats."""
        return total(self.log_priors, top_first=True)

    @property
    def log_posterior(self) -> tf.Tensor:
        """log q(z|x), all layers together: [K, B], nats."""
        return total(self.log_posteriors)

    @property
    def log_weights(self) -> tf.Tensor:
        """log p(x|z) + log p(z) - log q(z|x): [K, B], nats."""
        return self.log_likelihood + self.log_prior - self.log_posterior


def total(scores: tuple[tf.Tensor, ...], top_first: bool = False) -> tf.Tensor:
    """Returns the sum of scores of several layers, the last one added first where that is asked for: [K, B], nats."""
    ordered = (scores[-1], *scores[:-1]) if top_first else scores
    return functools.reduce(tf.add, ordered)


def detach(latent: tf.Tensor, tape: tf.GradientTape | None) -> tf.Tensor:
    """Returns `latent` cut from its path, watched by `tape`."""
    fixed = tf.stop_gradient(latent)
    if tape is not None:
        tape.watch(fixed)
    return fixed


def sample_and_score(
    seen: View, parameters: Parameters, noise: tf.Tensor, tape: tf.GradientTape | None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Samples from a posterior and scores the sample.

    Args:
        seen: the `view` of its head.
        parameters: its parameters, [B, ...].
        noise: [K, B, noise_size].
        tape: which watches the detached sample, or None.

    Returns:
        latent: [K, B, ...], attached to the path from the parameters.
        fixed: the same, detached.
        log_posterior: [K, B], nats: at `fixed`; along the path where the head cannot score any value cheaply.
    """
    if not seen.head.has_cheap_log_prob:
        latent, log_posterior = seen.head.sample_and_log_prob(parameters, noise)
        return latent, detach(latent, tape), log_posterior
    latent = seen.sample(parameters, noise)
    fixed = detach(latent, tape)
    return latent, fixed, seen.log_prob(parameters, fixed)


class Objective(NamedTuple):
    """What a training step differentiates of the particles' log-densities.

    Attributes:
        log_model: for the model gradient, [K, B], nats.
        log_q: what is subtracted, [K, B], nats; None where the KL divergence is in closed form.
    """

    log_model: tf.Tensor
    log_q: tf.Tensor | None

    @classmethod
    def of(cls, particles: Particles, kl_weight: tf.Tensor) -> Objective:
        """Returns log p(x|z) + kl_weight (log p(z) - log q(z|x)) in its two parts."""
        if particles.kl is not None:
            return cls(particles.log_likelihood, None)
        log_model = particles.log_likelihood + kl_weight * particles.log_prior
        return cls(log_model, kl_weight * particles.log_posterior)

    @property
    def log_weights(self) -> tf.Tensor:
        """What the estimator weighs: [K, B], nats, a constant to every gradient."""
        return tf.stop_gradient(self.log_model if self.log_q is None else self.log_model - self.log_q)
