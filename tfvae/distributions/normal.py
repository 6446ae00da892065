"""The Normal likelihood of real-valued data."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError, number_in
from tfvae.distributions.head import LOG_2_PI, Head, tfd
from tfvae.distributions.projection import last_layer


@keras.saving.register_keras_serializable(package="tfvae")
class Normal(Head):
    """Independent Normal variables with a mean linear in the features and one scale for all.

    Args:
        event_shape: shape of one example.
        scale: the standard deviation: a number, or "learned" for one trainable scale that starts at 1.
        kernel_initializer: of the linear layer.
        linear: whether the mean is linear in the features; otherwise it is the features plus an offset.

    Raises:
        UserError: if `scale` is neither positive nor "learned".
    """

    def __init__(self, event_shape, scale=1.0, kernel_initializer="glorot_uniform", linear=True, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.linear = self.autocast = linear  # an offset is added in float32
        if isinstance(scale, str) and scale != "learned":
            raise UserError(
                "unknown scale of a Normal likelihood", expected='a number > 0 or "learned"', received=scale
            )
        self.scale = scale if scale == "learned" else number_in("scale", scale, 0.0, open_low=True)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.loc_layer = last_layer(
            self.event_shape, linear, self.kernel_initializer, dtype=self.dtype_policy, name="loc"
        )

    def build(self, input_shape):
        """Makes the linear layer and the scale."""
        self.loc_layer.build(input_shape)
        if self.scale == "learned":
            self.log_scale = self.add_weight(
                shape=(), initializer="zeros", dtype="float32", autocast=False, name="log_scale"
            )
        super().build(input_shape)

    def call(self, features):
        """Returns (loc, scale): [N, *event_shape] and [N, 1, ...], which broadcast."""
        loc = self.loc_layer(features)
        ones = tf.ones(tf.concat([tf.shape(loc)[:1], [1] * len(self.event_shape)], axis=0))
        scale = tf.exp(tf.cast(self.log_scale, tf.float32)) if self.scale == "learned" else self.scale
        return loc, ones * scale

    def distribution(self, parameters):
        """Returns a `tfd.Independent` of `tfd.Normal`."""
        return tfd.Independent(tfd.Normal(*parameters), len(self.event_shape))

    def sample(self, parameters, noise):
        """Returns loc + scale * noise."""
        loc, scale = parameters
        return loc + scale * self.shape_noise(noise)

    def log_prob(self, parameters, value):
        """Returns sum_i -(value_i - loc_i)^2 / (2 scale^2) - log scale - log(2 pi) / 2."""
        loc, scale = parameters
        return self.sum_event(-0.5 * tf.square((value - loc) / scale) - tf.math.log(scale) - 0.5 * LOG_2_PI)

    def mean(self, parameters):
        """Returns loc."""
        return parameters[0]

    def initialize_bias(self, mean):
        """Starts from the data's mean: array [*event_shape]."""
        self.loc_layer.initialize_bias(np.asarray(mean, np.float32))

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {
            "event_shape": self.event_shape,
            "scale": self.scale,
            "kernel_initializer": initializer,
            "linear": self.linear,
        }
