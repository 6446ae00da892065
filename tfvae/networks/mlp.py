"""Fully connected encoders and decoders."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae import memory
from tfvae.checks import positive_int
from tfvae.layers import Activation, Composite, Dense


@keras.saving.register_keras_serializable(package="tfvae")
class MLP(Composite, keras.layers.Layer):
    """A stack of dense layers on the flattened input: an encoder or a decoder.

    Args:
        units: widths of the layers, one integer or several.
        activation: activation of every layer.
        batch_norm: True to normalise each layer before its activation.
        kernel_initializer: initializer of every layer's kernel.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        UserError: if a width is below 1.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.networks import MLP
        >>> MLP([200, 100])(tf.zeros([5, 28, 28, 1])).shape
        TensorShape([5, 100])

    References:
        Ioffe, Szegedy: Batch normalization (2015).
    """

    def __init__(
        self,
        units: int | Sequence[int],
        activation: Activation = "relu",
        batch_norm: bool = False,
        kernel_initializer: str | keras.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        widths = units if isinstance(units, Iterable) else [units]
        self.units = [positive_int("units", width) for width in widths]
        self.activation = keras.activations.get(activation)
        self.batch_norm = batch_norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.dense = [
            Dense(
                width,
                activation=None if batch_norm else self.activation,
                use_bias=not batch_norm,
                kernel_initializer=self.kernel_initializer,
                dtype=self.dtype_policy,
            )
            for width in self.units
        ]
        self.normalizations = [
            keras.layers.BatchNormalization(dtype=self.dtype_policy) for _ in self.units if batch_norm
        ]

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the weights for inputs of a shape [N, ...]."""
        size = math.prod(input_shape[1:])
        for index, dense in enumerate(self.dense):
            memory.check_weights(self.path or self.name, size, self.units[index])
            dense.build((None, size))
            size = self.units[index]
            if self.batch_norm:
                self.normalizations[index].build((None, size))
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns features of inputs [N, ...]: [N, units[-1]]."""
        features = keras.ops.reshape(inputs, (-1, math.prod(inputs.shape[1:])))
        for index, dense in enumerate(self.dense):
            features = dense(features)
            if self.batch_norm:
                features = self.activation(self.normalizations[index](features, training=training))
        return features

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "batch_norm": self.batch_norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
