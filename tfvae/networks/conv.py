"""Convolutional encoders and decoders: strided convolutions down, transposed convolutions up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import keras
import tensorflow as tf

from tfvae import memory
from tfvae.checks import UserError, positive_int, shape_of
from tfvae.layers import Activation, Composite, Conv2D, Conv2DTranspose, Dense

ConvLayer = TypeVar("ConvLayer", Conv2D, Conv2DTranspose)


class _Conv(Composite, keras.layers.Layer):
    convolutions: list[Conv2D] | list[Conv2DTranspose]

    def __init__(
        self,
        filters: int | Sequence[int],
        kernel_size: int = 3,
        activation: Activation = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = list(shape_of("filters", filters))
        if not self.filters:
            raise UserError("filters is empty", expected="channels of one layer or more", received=filters)
        self.kernel_size = positive_int("kernel_size", kernel_size)
        self.activation = keras.activations.get(activation)

    def _strided(self, layer_class: type[ConvLayer]) -> list[ConvLayer]:
        return [
            layer_class(
                count,
                self.kernel_size,
                strides=2,
                padding="same",
                activation=self.activation,
                dtype=self.dtype_policy,
            )
            for count in self.filters
        ]

    def _build_in_turn(self, shape: tuple[Any, ...]) -> None:
        for layer in self.convolutions:
            memory.check_weights(
                self.path or self.name, self.kernel_size, self.kernel_size, shape[-1], layer.filters
            )
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package="tfvae")
class ConvEncoder(_Conv):
    """An encoder of images: convolutions of stride 2, then flat features.

    Args:
        filters: channels of each convolution, one integer or several.
        kernel_size: height and width of the kernels, pixels.
        activation: activation of every layer.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        UserError: if a count is below 1, or the input is not a batch of images.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.networks import ConvEncoder
        >>> ConvEncoder([32, 64])(tf.zeros([5, 28, 28, 1])).shape
        TensorShape([5, 3136])
    """

    def __init__(
        self,
        filters: int | Sequence[int],
        kernel_size: int = 3,
        activation: Activation = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, activation, **kwargs)
        self.convolutions = self._strided(Conv2D)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the weights."""
        if len(input_shape) != 4:
            raise UserError("ConvEncoder needs images", expected="shape [N, H, W, C]", received=input_shape)
        self._build_in_turn(input_shape)
        super().build(input_shape)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns features of images [N, H, W, C]: [N, H' W' filters[-1]]."""
        for layer in self.convolutions:
            images = layer(images)
        return keras.ops.reshape(images, (-1, math.prod(images.shape[1:])))


@keras.saving.register_keras_serializable(package="tfvae")
class ConvDecoder(_Conv):
    """A decoder to images: transposed convolutions of stride 2 from flat features to a feature map.

    The first map has ceil(H / 2^L) x ceil(W / 2^L) places, L = len(filters), as many as the encoder's last. What the
    last one has beyond H and W is cropped, half of it on each side.

    Args:
        image_shape: (H, W, C) of the images.
        filters: channels of each convolution, one integer or several.
        kernel_size: height and width of the kernels, pixels.
        activation: activation of every layer.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        UserError: if a count is below 1, or the shape is not one of images.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.networks import ConvDecoder
        >>> ConvDecoder((28, 28, 1), [64, 32])(tf.zeros([5, 20])).shape
        TensorShape([5, 28, 28, 32])
        >>> ConvDecoder((27, 30, 1), [64, 32])(tf.zeros([5, 20])).shape
        TensorShape([5, 27, 30, 32])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        filters: int | Sequence[int],
        kernel_size: int = 3,
        activation: Activation = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, activation, **kwargs)
        self.image_shape = shape_of("image_shape", image_shape)
        if len(self.image_shape) != 3:
            raise UserError("ConvDecoder makes images", expected="shape (H, W, C)", received=self.image_shape)
        factor = 2 ** len(self.filters)
        height, width = (-(-size // factor) for size in self.image_shape[:2])
        self.start = (height, width, self.filters[0])
        self.dense = Dense(math.prod(self.start), activation=self.activation, dtype=self.dtype_policy)
        self.convolutions = self._strided(Conv2DTranspose)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the weights."""
        memory.check_weights(self.path or self.name, math.prod(input_shape[1:]), math.prod(self.start))
        self.dense.build((None, math.prod(input_shape[1:])))
        self._build_in_turn((None, *self.start))
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns feature maps of features [N, ...]: [N, H, W, filters[-1]]."""
        features = keras.ops.reshape(features, (-1, math.prod(features.shape[1:])))
        maps = keras.ops.reshape(self.dense(features), (-1, *self.start))
        for layer in self.convolutions:
            maps = layer(maps)
        height, width = self.image_shape[:2]
        top, left = (maps.shape[1] - height) // 2, (maps.shape[2] - width) // 2
        if (maps.shape[1], maps.shape[2]) == (height, width):
            return maps
        return maps[:, top : top + height, left : left + width]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"image_shape": self.image_shape}
