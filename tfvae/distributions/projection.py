"""The last layer of every head: linear in its features, or an offset to them."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import memory
from tfvae.checks import UserError
from tfvae.layers import Composite, Conv2D, Dense


@keras.saving.register_keras_serializable(package="tfvae")
class Projection(Composite, keras.layers.Layer):
    """Features to float32 numbers of a given shape, linearly.

    A dense layer on the flattened features; a 3x3 convolution where the features are a map of the target's own height
    and width, its first two axes.

    Args:
        target_shape: shape of one example's output.
        kernel_initializer: initialiser of the linear layer.
    """

    def __init__(
        self, target_shape: tuple[int, ...], kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Any = None) -> None:
        """Makes the linear layer that fits the features."""
        self.convolutional = (
            len(input_shape) == 4
            and len(self.target_shape) >= 3
            and tuple(input_shape[1:3]) == self.target_shape[:2]
        )
        options = {
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
            "trainable": self.trainable,
        }
        if self.convolutional:
            self.linear = Conv2D(math.prod(self.target_shape[2:]), 3, padding="same", **options)
            self.linear.build(input_shape)
        else:
            self.linear = Dense(math.prod(self.target_shape), **options)
            memory.check_weights(
                self.path or self.name, math.prod(input_shape[1:]), math.prod(self.target_shape)
            )
            self.linear.build((None, math.prod(input_shape[1:])))
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns [N, *target_shape], float32."""
        if not self.convolutional:
            features = tf.reshape(features, [-1, math.prod(features.shape[1:])])
        return tf.reshape(tf.cast(self.linear(features), tf.float32), [-1, *self.target_shape])

    def initialize_bias(self, values: np.ndarray) -> None:
        """Sets the bias to the array `values` [*target_shape], or to its mean over the pixels of each channel where
        the layer is a convolution."""
        if self.convolutional:
            values = values.mean(axis=(0, 1))
        self.linear.bias.assign(values.reshape(-1))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {"target_shape": self.target_shape, "kernel_initializer": initializer}


@keras.saving.register_keras_serializable(package="tfvae")
class Offset(Composite, keras.layers.Layer):
    """Features that are the wanted numbers already, plus a learned offset for each, in float32 throughout.

    Args:
        target_shape: shape of one example's output.
    """

    def __init__(self, target_shape: tuple[int, ...], **kwargs: Any):
        super().__init__(**{"autocast": False} | kwargs)
        self.target_shape = tuple(target_shape)

    def build(self, input_shape: Any = None) -> None:
        """Makes the offset.

        Raises:
            UserError: if the features are not as many as the numbers wanted.
        """
        if math.prod(input_shape[1:]) != math.prod(self.target_shape):
            raise UserError(
                "the features of a head without a linear layer do not fit its values",
                expected=f"shape {self.target_shape}",
                received=tuple(input_shape[1:]),
            )
        self.bias = self.add_weight(
            shape=self.target_shape, initializer="zeros", dtype="float32", autocast=False, name="bias"
        )
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns [N, *target_shape], float32."""
        return tf.reshape(tf.cast(features, tf.float32), [-1, *self.target_shape]) + self.bias

    def initialize_bias(self, values: np.ndarray) -> None:
        """Sets the offset to the array `values` [*target_shape]."""
        self.bias.assign(values)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"target_shape": self.target_shape}


def last_layer(
    event_shape: tuple[int, ...], linear: bool, kernel_initializer: Any, **options: Any
) -> Projection | Offset:
    """Returns a head's `Projection`, or its `Offset` where it is not `linear`."""
    return (
        Projection(event_shape, kernel_initializer, **options) if linear else Offset(event_shape, **options)
    )
