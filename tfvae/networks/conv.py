"""Convolutional encoders and decoders: strided convolutions down, transposed convolutions up."""

from __future__ import annotations

import math

import keras

from tfvae import memory
from tfvae.checks import UserError, positive_int, shape_of
from tfvae.layers import Composite, Conv2D, Conv2DTranspose, Dense


class _Conv(Composite, keras.layers.Layer):
    def __init__(self, filters, kernel_size=3, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.filters = list(shape_of("filters", filters))
        if not self.filters:
            raise UserError("filters is empty", expected="channels of one layer or more", received=filters)
        self.kernel_size = positive_int("kernel_size", kernel_size)
        self.activation = keras.activations.get(activation)

    def _strided(self, layer_class):
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

    def _build_in_turn(self, shape):
        for layer in self.convolutions:
            memory.check_weights(
                self.path or self.name, self.kernel_size, self.kernel_size, shape[-1], layer.filters
            )
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package="tfvae")
class ConvEncoder(_Conv):
    """Convolutions of stride 2, one for each entry of `filters`: images [N, H, W, C] to flat features.

    Args:
        filters: channels of each layer.
        kernel_size: height and width of the kernels.
        activation: of every layer.

    Raises:
        UserError: if a count is below 1, or the input is not a batch of images.
    """

    def __init__(self, filters, kernel_size=3, activation="relu", **kwargs):
        super().__init__(filters, kernel_size, activation, **kwargs)
        self.convolutions = self._strided(Conv2D)

    def build(self, input_shape):
        """Makes the layers."""
        if len(input_shape) != 4:
            raise UserError("ConvEncoder needs images", expected="shape [N, H, W, C]", received=input_shape)
        self._build_in_turn(input_shape)
        super().build(input_shape)

    def call(self, images):
        """Returns features [N, H' W' filters[-1]]."""
        for layer in self.convolutions:
            images = layer(images)
        return keras.ops.reshape(images, (-1, math.prod(images.shape[1:])))


@keras.saving.register_keras_serializable(package="tfvae")
class ConvDecoder(_Conv):
    """Transposed convolutions of stride 2 up to an image's size: flat features to a feature map [N, H, W, filters[-1]].

    Args:
        image_shape: (H, W, C) of the images to decode to; H and W divisible by 2^len(filters).
        filters: channels of each layer.
        kernel_size: height and width of the kernels.
        activation: of every layer.

    Raises:
        UserError: if a count is below 1 or the image's size is not divisible.
    """

    def __init__(self, image_shape, filters, kernel_size=3, activation="relu", **kwargs):
        super().__init__(filters, kernel_size, activation, **kwargs)
        self.image_shape = shape_of("image_shape", image_shape)
        factor = 2 ** len(self.filters)
        if len(self.image_shape) != 3 or any(size % factor for size in self.image_shape[:2]):
            raise UserError(
                f"image shape does not fit {len(self.filters)} layers of stride 2",
                expected=f"(H, W, C) with H and W divisible by {factor}",
                received=self.image_shape,
                fix="use fewer filters or pad the images",
            )
        height, width = (size // factor for size in self.image_shape[:2])
        self.start = (height, width, self.filters[0])
        self.dense = Dense(math.prod(self.start), activation=self.activation, dtype=self.dtype_policy)
        self.convolutions = self._strided(Conv2DTranspose)

    def build(self, input_shape):
        """Makes the layers."""
        memory.check_weights(self.path or self.name, math.prod(input_shape[1:]), math.prod(self.start))
        self.dense.build((None, math.prod(input_shape[1:])))
        self._build_in_turn((None, *self.start))
        super().build(input_shape)

    def call(self, features):
        """Returns feature maps [N, H, W, filters[-1]]."""
        features = keras.ops.reshape(features, (-1, math.prod(features.shape[1:])))
        maps = keras.ops.reshape(self.dense(features), (-1, *self.start))
        for layer in self.convolutions:
            maps = layer(maps)
        return maps

    def get_config(self):
        """Returns the arguments."""
        return super().get_config() | {"image_shape": self.image_shape}
