"""The softmax likelihood of stored pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.discretized_logistic import choose
from tfvae.distributions.head import Parameters, Shape, tfd
from tfvae.distributions.levels_head import LevelsHead
from tfvae.distributions.parameter_of_mean import parameter_of_mean
from tfvae.distributions.projection import Projection


@keras.saving.register_keras_serializable(package="tfvae")
class CategoricalPixels(LevelsHead):
    """Independent variables on the levels of [0, 1], each with a softmax over them, logits linear in the features.

    It ignores the order of the levels. After dense features its layer holds (features + 1) D levels weights,
    D the size of an example: with 256 levels, use it after a convolutional decoder.

    Args:
        event_shape: shape of one example.
        levels: number of levels of a stored pixel.
        kernel_initializer: initialiser of the linear layer.

    Raises:
        UserError: if an argument is out of range.

    References:
        van den Oord, Kalchbrenner, Kavukcuoglu: Pixel recurrent neural networks (2016), pixels as discrete variables.

    Example:
        >>> [parameter.shape.as_list() for parameter in CategoricalPixels((2, 2, 1), levels=17)(tf.ones((4, 3)))]
        [[4, 2, 2, 1, 17]]
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        levels: int = 256,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(event_shape, levels, **kwargs)
        self.logits_layer = Projection(
            (*self.event_shape, self.levels), kernel_initializer, dtype=self.dtype_policy, name="logits"
        )

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layer."""
        self.logits_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (logits,): [N, *event_shape, levels]."""
        return (self.logits_layer(features),)

    def log_mass(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log softmax(logits) at the value's level."""
        level = tf.cast(tf.round(value * (self.levels - 1)), tf.int32)
        return tf.reduce_sum(tf.one_hot(level, self.levels) * tf.nn.log_softmax(parameters[0]), axis=-1)

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.FiniteDiscrete` over all levels."""
        return self.over_levels(parameters[0])

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the first level at which the cumulative probability exceeds the noise, uniform on [0, 1)."""
        level = choose(parameters[0], self.shape_noise(noise))
        return tf.cast(level, tf.float32) / (self.levels - 1)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns sum over the levels of level softmax(logits)."""
        return tf.reduce_sum(tf.nn.softmax(parameters[0]) * self.grid(), axis=-1)

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean: array [*event_shape] in [0, 1]; logits proportional to the level."""
        slope = parameter_of_mean(
            mean,
            lambda slopes: np.asarray(self.mean((tf.constant(slopes[..., None] * self.grid(), tf.float32),))),
        )
        self.logits_layer.initialize_bias(slope[..., np.newaxis] * np.asarray(self.grid()))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.logits_layer.kernel_initializer)
        return super().get_config() | {"kernel_initializer": initializer}
