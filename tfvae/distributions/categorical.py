"""One-hot categorical variables."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions.head import tfd
from tfvae.distributions.logits import LogitsHead
from tfvae.distributions.relaxation import GumbelSoftmax, inner_noise


@keras.saving.register_keras_serializable(package="tfvae")
class OneHotCategorical(LogitsHead):
    """Independent one-hot variables, their logits linear in the features.

    Args:
        event_shape: (variables, classes).
        kernel_initializer: of the linear layer.

    Raises:
        UserError: if `event_shape` is no such pair or there is a single class.
    """

    relaxation = GumbelSoftmax

    def __init__(self, event_shape, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(event_shape, kernel_initializer, **kwargs)
        if len(self.event_shape) != 2 or self.event_shape[1] < 2:
            raise UserError(
                "one-hot variables need classes",
                expected="(variables, classes >= 2)",
                received=self.event_shape,
            )

    def distribution(self, parameters):
        """Returns a `tfd.Independent` of `tfd.OneHotCategorical`."""
        return tfd.Independent(tfd.OneHotCategorical(logits=parameters[0], dtype=tf.float32), 1)

    def sample(self, parameters, noise):
        """Returns the one-hot code of argmax(logits + Gumbel noise)."""
        noise = inner_noise(self, noise)
        gumbel = -tf.math.log(-tf.math.log(noise))
        return tf.one_hot(tf.argmax(parameters[0] + gumbel, axis=-1), self.event_shape[1])

    def log_prob(self, parameters, value):
        """Returns sum over variables and classes of value log softmax(logits)."""
        return self.sum_event(value * tf.nn.log_softmax(parameters[0]))

    def mean(self, parameters):
        """Returns softmax(logits)."""
        return tf.nn.softmax(parameters[0])
