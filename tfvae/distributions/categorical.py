"""One-hot categorical variables."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions.head import Head, Parameters, tfd
from tfvae.distributions.logits_head import LogitsHead, LogitsPrior
from tfvae.distributions.relaxation import GumbelSoftmax, inner_noise


class _OneHotCategorical(Head):
    """The distribution, whatever makes its logits."""

    value_kind = "one-hot"
    noise_kind = "uniform"
    support = (0.0, 1.0)
    relaxation = GumbelSoftmax

    def __init__(self, event_shape: tuple[int, int], *args: Any, **kwargs: Any):
        super().__init__(event_shape, *args, **kwargs)
        if len(self.event_shape) != 2 or self.event_shape[1] < 2:
            raise UserError(
                "one-hot variables need classes",
                expected="(variables, classes >= 2)",
                received=self.event_shape,
            )

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.OneHotCategorical`."""
        return tfd.Independent(tfd.OneHotCategorical(logits=parameters[0], dtype=tf.float32), 1)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the one-hot code of argmax(logits + Gumbel noise)."""
        noise = inner_noise(self, noise)
        gumbel = -tf.math.log(-tf.math.log(noise))
        return tf.one_hot(tf.argmax(parameters[0] + gumbel, axis=-1), self.event_shape[1])

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns sum over variables and classes of value log softmax(logits)."""
        return self.sum_event(value * tf.nn.log_softmax(parameters[0]))

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns softmax(logits)."""
        return tf.nn.softmax(parameters[0])


@keras.saving.register_keras_serializable(package="tfvae")
class OneHotCategorical(_OneHotCategorical, LogitsHead):
    """Independent one-hot variables, their logits linear in the features:

        log p(x) = sum_v sum_c x_vc log softmax(l_v)_c

    Args:
        event_shape: (variables, classes).
        kernel_initializer: initialiser of the linear layer.
        linear: whether logits are linear in the features; otherwise they are the features plus an offset.

    Raises:
        UserError: if `event_shape` is no such pair or there is a single class.

    Example:
        >>> [parameter.shape.as_list() for parameter in OneHotCategorical((2, 10))(tf.ones((4, 3)))]
        [[4, 2, 10]]
    """

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean: bias = log(clip(mean, 0.001, 1)).

        Args:
            mean: array [*event_shape], probabilities of the classes.
        """
        self.logits_layer.initialize_bias(np.log(np.clip(np.asarray(mean, np.float32), 0.001, 1.0)))


@keras.saving.register_keras_serializable(package="tfvae")
class OneHotCategoricalPrior(_OneHotCategorical, LogitsPrior):
    """Independent one-hot variables with trainable logits.

    Args:
        event_shape: (variables, classes).

    Raises:
        UserError: if `event_shape` is no such pair or there is a single class.

    Example:
        >>> prior = OneHotCategoricalPrior((1, 4))
        >>> prior.build()
        >>> prior.mean(prior.parameters()).numpy().tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """
