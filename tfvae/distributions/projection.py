"""The last linear layer of every head."""

from __future__ import annotations

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfvae")
class Projection(keras.layers.Layer):
    """Features to float32 numbers of a given shape, linearly.

    A dense layer on the flattened features; a 3x3 convolution where the features are a map of the target's own height
    and width, its first two axes.

    Args:
        target_shape: shape of one example's output.
        kernel_initializer: of the linear layer.
    """

    def __init__(self, target_shape, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Makes the linear layer that fits the features."""
        self.convolutional = (
            len(input_shape) == 4
            and len(self.target_shape) >= 3
            and tuple(input_shape[1:3]) == self.target_shape[:2]
        )
        options = {"kernel_initializer": self.kernel_initializer, "dtype": self.dtype_policy}
        if self.convolutional:
            self.linear = keras.layers.Conv2D(math.prod(self.target_shape[2:]), 3, padding="same", **options)
            self.linear.build(input_shape)
        else:
            self.linear = keras.layers.Dense(math.prod(self.target_shape), **options)
            self.linear.build((None, math.prod(input_shape[1:])))
        super().build(input_shape)

    def call(self, features):
        """Returns [N, *target_shape], float32."""
        if not self.convolutional:
            features = tf.reshape(features, [-1, math.prod(features.shape[1:])])
        return tf.reshape(tf.cast(self.linear(features), tf.float32), [-1, *self.target_shape])

    def initialize_bias(self, values):
        """Sets the bias to the array `values` [*target_shape], or to its mean over the pixels of each channel where
        the layer is a convolution."""
        if self.convolutional:
            values = values.mean(axis=(0, 1))
        self.linear.bias.assign(values.reshape(-1))

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {"target_shape": self.target_shape, "kernel_initializer": initializer}
