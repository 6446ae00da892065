"""Views of a head for sampling and scoring: as it is, or relaxed where it is discrete."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from tfvae.distributions.head import Head, Parameters

SMALLEST_UNIFORM = 1e-7  # keeps the logarithms of uniform noise finite


@dataclass(frozen=True)
class Plain:
    """A head as it is."""

    head: Head

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns values [..., *event_shape]."""
        return self.head.sample(parameters, noise)

    def log_prob(self, parameters: Parameters, latent: tf.Tensor) -> tf.Tensor:
        """Returns the log-probability of what `sample` gave, nats."""
        return self.head.log_prob(parameters, latent)

    def value(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns what networks see of what `sample` gave."""
        return latent


@dataclass(frozen=True)
class BinaryConcrete:
    """Bernoulli variables relaxed: y = (logits + logistic noise) / temperature, of which networks see sigmoid(y).

    References:
        Maddison, Mnih, Teh: The Concrete distribution (2017), appendix B.
    """

    head: Head
    temperature: tf.Tensor

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns y: [..., *event_shape]."""
        noise = inner_noise(self.head, noise)
        return (parameters[0] + tf.math.log(noise) - tf.math.log1p(-noise)) / self.temperature

    def log_prob(self, parameters: Parameters, latent: tf.Tensor) -> tf.Tensor:
        """Returns sum_i log t + a_i - 2 log(1 + exp(a_i)) with a = logits - t y and t the temperature, nats."""
        a = parameters[0] - self.temperature * latent
        return self.head.sum_event(tf.math.log(self.temperature) + a - 2.0 * tf.nn.softplus(a))

    def value(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns sigmoid(y)."""
        return tf.sigmoid(latent)


@dataclass(frozen=True)
class GumbelSoftmax:
    """One-hot variables relaxed: y = log softmax((logits + Gumbel noise) / temperature); networks see exp(y).

    References:
        Maddison, Mnih, Teh: The Concrete distribution (2017), appendix C.3 (ExpConcrete).
        Jang, Gu, Poole: Categorical reparameterization with Gumbel-softmax (2017).
    """

    head: Head
    temperature: tf.Tensor

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns y: [..., variables, classes]."""
        noise = inner_noise(self.head, noise)
        return tf.nn.log_softmax((parameters[0] - tf.math.log(-tf.math.log(noise))) / self.temperature)

    def log_prob(self, parameters: Parameters, latent: tf.Tensor) -> tf.Tensor:
        """Returns the density of y: log (n-1)! + (n-1) log t + sum_i a_i - n logsumexp_i a_i for each variable, nats.

        n is the number of classes, t the temperature and a = logits - t y; the density is one of the n - 1 log-ratios
        y_i - y_n.
        """
        classes = self.head.event_shape[-1]
        a = tf.nn.log_softmax(parameters[0]) - self.temperature * latent
        constant = math.lgamma(classes) + (classes - 1) * tf.math.log(self.temperature)
        each = constant + tf.reduce_sum(a, axis=-1) - classes * tf.reduce_logsumexp(a, axis=-1)
        return tf.reduce_sum(each, axis=-1)

    def value(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns exp(y), on the simplex."""
        return tf.exp(latent)


def view(head: Head, temperature: tf.Tensor | None) -> Plain | BinaryConcrete | GumbelSoftmax:
    """Returns the head as it is, or relaxed at a temperature.

    Example:
        >>> from tfvae.distributions import DiagonalNormal, view
        >>> type(view(DiagonalNormal(2), None)).__name__
        'Plain'
    """
    return Plain(head) if temperature is None else head.relaxation(head, temperature)


def inner_noise(head: Head, noise: tf.Tensor) -> tf.Tensor:
    """Returns uniform noise in the shape of a head's values, off 0 and 1."""
    return head.shape_noise(tf.clip_by_value(noise, SMALLEST_UNIFORM, 1.0 - SMALLEST_UNIFORM))
