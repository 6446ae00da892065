"""The softmax likelihood of stored pixels."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.discretized_logistic import choose
from tfvae.distributions.levels import LevelsHead
from tfvae.distributions.projection import Projection
from tfvae.distributions.tilt import tilt_for


@keras.saving.register_keras_serializable(package="tfvae")
class CategoricalPixels(LevelsHead):
    """Independent variables on the levels of [0, 1], each with a softmax over them, logits linear in the features.

    It knows nothing of the order of the levels. After dense features its layer holds (features + 1) D levels weights,
    D the size of an example: with 256 levels, use it after a convolutional decoder.

    Args:
        event_shape: shape of one example.
        levels: of a stored pixel.
        kernel_initializer: of the linear layer.

    Raises:
        UserError: if an argument is out of range.

    References:
        van den Oord, Kalchbrenner, Kavukcuoglu: Pixel recurrent neural networks (2016), pixels as discrete variables.
    """

    parameter_names = ("logits",)

    def __init__(self, event_shape, levels=256, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(event_shape, levels, **kwargs)
        self.logits_layer = Projection(
            (*self.event_shape, self.levels), kernel_initializer, dtype=self.dtype_policy, name="logits"
        )

    def build(self, input_shape):
        """Makes the linear layer."""
        self.logits_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        """Returns (logits,): [N, *event_shape, levels]."""
        return (self.logits_layer(features),)

    def log_mass(self, parameters, value):
        """Returns log softmax(logits) at the value's level."""
        level = tf.cast(tf.round(value * (self.levels - 1)), tf.int32)
        return tf.reduce_sum(tf.one_hot(level, self.levels) * tf.nn.log_softmax(parameters[0]), axis=-1)

    def distribution(self, parameters):
        """Returns a `tfd.Independent` of `tfd.FiniteDiscrete` over all levels."""
        return self.over_levels(parameters[0])

    def sample(self, parameters, noise):
        """Returns the first level at which the cumulative probability exceeds the noise, uniform on [0, 1)."""
        level = choose(parameters[0], self.shape_noise(noise))
        return tf.cast(level, tf.float32) / (self.levels - 1)

    def mean(self, parameters):
        """Returns sum over the levels of level softmax(logits)."""
        return tf.reduce_sum(tf.nn.softmax(parameters[0]) * self.grid(), axis=-1)

    def initialize_bias(self, mean):
        """Starts from the data's mean: array [*event_shape] in [0, 1]; logits proportional to the level."""
        slope = tilt_for(
            mean,
            lambda slopes: np.asarray(self.mean((tf.constant(slopes[..., None] * self.grid(), tf.float32),))),
        )
        self.logits_layer.initialize_bias(slope[..., np.newaxis] * np.asarray(self.grid()))

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.logits_layer.kernel_initializer)
        return super().get_config() | {"kernel_initializer": initializer}
