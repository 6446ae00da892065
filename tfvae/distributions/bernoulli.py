"""Bernoulli variables: binary latents and binary pixels."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.head import Head, Parameters, tfd
from tfvae.distributions.log_density import LogDensity
from tfvae.distributions.logits_head import LogitsHead, LogitsPrior
from tfvae.distributions.relaxation import BinaryConcrete

SLICES = 14  # of the event, multiplied before one logarithm is taken of them: at most 2^SLICES


def _log_prob(logits: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(value * logits - tf.nn.softplus(logits), axis=-1)


def _log_prob_by_slices(logits: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """`_log_prob` with softplus(l) = max(l, 0) + log(1 + exp(-|l|)) and the sum of logarithms taken of products."""
    width = max(1, logits.shape[-1] // SLICES)
    linear, product = 0.0, 1.0
    log_prob = 0.0
    for start in range(0, logits.shape[-1], width):
        logit, x = logits[..., start : start + width], value[..., start : start + width]
        if logit.shape[-1] < width:
            log_prob = _log_prob(logit, x)
        else:
            linear += x * logit - tf.maximum(logit, 0.0)
            product *= 1.0 + tf.exp(-tf.abs(logit))
    return log_prob + tf.reduce_sum(linear - tf.math.log(product), axis=-1)


log_prob_of_logits = LogDensity(_log_prob, arranged=_log_prob_by_slices)


class _Bernoulli(Head):
    """The distribution, whatever makes its logits."""

    value_kind = "binary"
    noise_kind = "uniform"
    support = (0.0, 1.0)
    relaxation = BinaryConcrete

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.Bernoulli`."""
        return tfd.Independent(tfd.Bernoulli(logits=parameters[0], dtype=tf.float32), len(self.event_shape))

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns 1 where the noise, uniform on [0, 1), lies below the probability, otherwise 0."""
        probabilities = self.mean(parameters)
        return tf.cast(self.shape_noise(noise) < probabilities, tf.float32)

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns sum_i value_i logit_i - log(1 + exp(logit_i))."""
        return log_prob_of_logits(self.flatten_event(parameters[0]), self.flatten_event(value))

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns sigmoid(logits)."""
        return tf.sigmoid(parameters[0])


@keras.saving.register_keras_serializable(package="tfvae")
class Bernoulli(_Bernoulli, LogitsHead):
    """Independent Bernoulli variables, their logits linear in the features:

        log p(x) = sum_i x_i l_i - log(1 + exp(l_i))

    Values between 0 and 1 are scored with the same formula, the cross-entropy, which is then no log-probability.

    Args:
        event_shape: shape of one example.
        kernel_initializer: initialiser of the linear layer.
        linear: whether logits are linear in the features; otherwise they are the features plus an offset.

    Example:
        >>> [parameter.shape.as_list() for parameter in Bernoulli((2, 2, 1))(tf.ones((4, 3)))]
        [[4, 2, 2, 1]]
    """

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean: bias = logit(clip(mean, 0.001, 0.999)).

        Args:
            mean: array [*event_shape], probabilities.

        References:
            Burda, Grosse, Salakhutdinov: the authors' code of Importance weighted autoencoders (2016).
        """
        clipped = np.clip(np.asarray(mean, np.float32), 0.001, 0.999)
        self.logits_layer.initialize_bias(np.log(clipped) - np.log1p(-clipped))


@keras.saving.register_keras_serializable(package="tfvae")
class BernoulliPrior(_Bernoulli, LogitsPrior):
    """Independent Bernoulli variables with trainable logits.

    Args:
        event_shape: shape of the latents, such as their number.

    Example:
        >>> prior = BernoulliPrior(3)
        >>> prior.build()
        >>> prior.mean(prior.parameters()).numpy().tolist()
        [0.5, 0.5, 0.5]
    """
