"""The continuous Bernoulli likelihood of grey pixels."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.head import Parameters, tfd
from tfvae.distributions.hyperbolic import langevin, log_sinh_ratio
from tfvae.distributions.logits_head import LogitsHead
from tfvae.distributions.parameter_of_mean import parameter_of_mean


@keras.saving.register_keras_serializable(package="tfvae")
class ContinuousBernoulli(LogitsHead):
    """Independent variables on [0, 1] with density l exp(l x) / (exp(l) - 1), l linear in the features.

    That is C(p) p^x (1 - p)^(1 - x) with p = sigmoid(l): the cross-entropy of grey pixels, made a density by its
    normaliser. p is not the mean.

    Args:
        event_shape: shape of one example.
        kernel_initializer: initialiser of the linear layer.
        linear: whether logits are linear in the features; otherwise they are the features plus an offset.

    References:
        Loaiza-Ganem, Cunningham: The continuous Bernoulli: fixing a pervasive error in variational autoencoders
        (2019).

    Example:
        >>> [parameter.shape.as_list() for parameter in ContinuousBernoulli((2, 2, 1))(tf.ones((4, 3)))]
        [[4, 2, 2, 1]]
    """

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.ContinuousBernoulli`."""
        return tfd.Independent(tfd.ContinuousBernoulli(logits=parameters[0]), len(self.event_shape))

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the quantile at the noise, uniform on [0, 1): log(1 + u (exp(l) - 1)) / l.

        For l < 0 the quantile is 1 minus that of -l at 1 - u, so that no exponential overflows.
        """
        (logits,) = parameters
        u, steep = self.shape_noise(noise), tf.abs(logits)
        u = tf.where(logits < 0.0, 1.0 - u, u)
        flat = tf.clip_by_value(steep, 1e-6, 1.0)
        near = tf.math.log1p(u * tf.math.expm1(flat)) / flat
        far = 1.0 + tf.math.log(u + (1.0 - u) * tf.exp(-tf.clip_by_value(steep, 1.0, 80.0))) / tf.maximum(
            steep, 1.0
        )
        quantile = tf.clip_by_value(tf.where(steep < 1.0, near, far), 0.0, 1.0)  # rounding aside
        return tf.where(logits < 0.0, 1.0 - quantile, quantile)

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns sum_i l_i value_i - log((exp(l_i) - 1) / l_i), the density's logarithm: positive where it is high."""
        (logits,) = parameters
        normalizer = 0.5 * logits + log_sinh_ratio(0.5 * tf.abs(logits))
        return self.sum_event(value * logits - normalizer)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns 1 / (1 - exp(-l)) - 1 / l = 1/2 + (coth(l/2) - 2/l) / 2."""
        (logits,) = parameters
        return 0.5 + 0.5 * tf.sign(logits) * langevin(0.5 * tf.abs(logits))

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean.

        Args:
            mean: array [*event_shape] in [0, 1]; what is nearer than 0.02 to an end starts at 0.02 or 0.98.
        """
        self.logits_layer.initialize_bias(
            parameter_of_mean(mean, lambda logits: self.mean((tf.constant(logits, tf.float32),)))
        )
