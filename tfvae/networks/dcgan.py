"""The generator and the discriminator of DCGAN: convolutions alone, batch normalisation, no hidden dense layers."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae import memory
from tfvae.checks import UserError, positive_int, shape_of
from tfvae.layers import Composite, Conv2D, Conv2DTranspose, Dense

SMALLEST, LARGEST = 8, 64  # height and width
KERNEL, STRIDE, LEAK, SPREAD = 5, 2, 0.2, 0.02
EPSILON, MOMENTUM = 1e-5, 0.9


def strided_layers(image_shape: tuple[int, ...]) -> int:
    """Returns how many layers of stride 2 lead from an image to its smallest map: at most 4, at least 2.

    Args:
        image_shape: (height, width, channels).

    Raises:
        UserError: if height or width is not a multiple of 4 from 8 to 64.

    Example:
        >>> [strided_layers((size, size, 3)) for size in (8, 28, 32, 64)]
        [2, 2, 3, 4]
    """
    sizes = image_shape[:2]
    if len(image_shape) != 3 or any(size % 4 or not SMALLEST <= size <= LARGEST for size in sizes):
        raise UserError(
            "a DCGAN cannot make images of this size",
            expected=f"(height, width, channels), both sizes multiples of 4 from {SMALLEST} to {LARGEST}",
            received=tuple(image_shape),
            fix="pad or resize the images",
        )
    count = 2
    while all(size % 2 ** (count + 1) == 0 and size // 2 ** (count + 1) >= 4 for size in sizes):
        count += 1
    return count


def _normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(0.0, SPREAD)


class _DCGAN(Composite, keras.layers.Layer):
    """What both networks share: their layers in a row, each with or without batch normalisation.

    Batch normalisation takes its means over the global batch where replicas share one.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = positive_int("width", width)

    def _normalization(self) -> keras.layers.Layer:
        return keras.layers.BatchNormalization(
            momentum=MOMENTUM,
            epsilon=EPSILON,
            gamma_initializer=keras.initializers.RandomNormal(1.0, SPREAD),
            synchronized=True,
            dtype=self.dtype_policy,
        )

    def _convolution(self, cls: type, filters: int, use_bias: bool) -> keras.layers.Layer:
        return cls(
            filters,
            KERNEL,
            strides=STRIDE,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=_normal(),
            dtype=self.dtype_policy,
        )

    def _build_in_turn(self, shape: tuple, layers: list, normalizations: list) -> tuple:
        for layer, normalization in zip(layers, normalizations, strict=True):
            memory.check_weights(self.path or self.name, KERNEL, KERNEL, shape[-1], layer.filters)
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            if normalization is not None:
                normalization.build(shape)
        return shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="tfvae")
class DCGANGenerator(_DCGAN):
    """Latents to images in [0, 1]: a linear projection to a small map, then transposed convolutions of stride 2.

    Every layer but the last has batch normalisation and ReLU. The last gives (1 + tanh(a)) / 2, the tanh of images in
    [-1, 1] as images in [0, 1].

    Args:
        image_shape: (height, width, channels), both sizes multiples of 4 from 8 to 64.
        width: channels before the image; each map before it has twice as many. 128 is the published width.

    Raises:
        UserError: if it cannot make images of that size.

    References:
        Radford, Metz, Chintala: Unsupervised representation learning with deep convolutional generative adversarial
        networks (2016), section 3 and figure 1.

    Example:
        >>> from tfvae.networks import DCGANGenerator
        >>> DCGANGenerator((28, 28, 1), width=8)(keras.ops.ones((2, 100))).shape
        TensorShape([2, 28, 28, 1])
    """

    def __init__(self, image_shape: tuple[int, ...], width: int = 128, **kwargs: Any):
        super().__init__(width, **kwargs)
        self.image_shape = shape_of("image_shape", image_shape)
        count = strided_layers(self.image_shape)
        height, width, channels = self.image_shape
        self.start = (height // 2**count, width // 2**count, self.width * 2 ** (count - 1))
        self.projection = Dense(
            math.prod(self.start), use_bias=False, kernel_initializer=_normal(), dtype=self.dtype_policy
        )
        filters = [self.start[-1] // 2**layer for layer in range(1, count)]
        self.convolutions = [self._convolution(Conv2DTranspose, each, use_bias=False) for each in filters]
        self.convolutions.append(self._convolution(Conv2DTranspose, channels, use_bias=True))
        self.normalizations = [self._normalization() for _ in range(count)]

    def build(self, input_shape: tuple) -> None:
        """Makes the layers."""
        memory.check_weights(self.path or self.name, input_shape[-1], math.prod(self.start))
        self.projection.build(input_shape)
        start = (None, *self.start)
        self.normalizations[0].build(start)
        self._build_in_turn(start, self.convolutions, [*self.normalizations[1:], None])
        super().build(input_shape)

    def call(self, latents: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns images [B, *image_shape] in [0, 1]."""
        maps = keras.ops.reshape(self.projection(latents), (-1, *self.start))
        for normalization, convolution in zip(self.normalizations, self.convolutions, strict=True):
            maps = convolution(keras.ops.relu(normalization(maps, training=training)))
        return 0.5 * (1.0 + tf.tanh(tf.cast(maps, tf.float32)))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"image_shape": self.image_shape}


@keras.saving.register_keras_serializable(package="tfvae")
class DCGANDiscriminator(_DCGAN):
    """Images in [0, 1] to one logit: convolutions of stride 2, then a linear layer.

    The input is scaled to [-1, 1]. Every layer has LeakyReLU of slope 0.2, and all but the first batch normalisation.

    Args:
        width: channels of the first layer; each layer after it has twice as many. 128 is the published width.

    Raises:
        UserError: if images have a size that a DCGAN cannot make.

    References:
        Radford, Metz, Chintala: Unsupervised representation learning with deep convolutional generative adversarial
        networks (2016), section 3.

    Example:
        >>> from tfvae.networks import DCGANDiscriminator
        >>> DCGANDiscriminator(width=8)(keras.ops.ones((2, 28, 28, 1))).shape
        TensorShape([2, 1])
    """

    def __init__(self, width: int = 128, **kwargs: Any):
        super().__init__(width, **kwargs)
        self.convolutions: list[keras.layers.Layer] = []
        self.normalizations: list[keras.layers.Layer] = []
        self.logit = Dense(1, kernel_initializer=_normal(), dtype=self.dtype_policy)

    def build(self, input_shape: tuple) -> None:
        """Makes the layers, as many as the images' size asks for."""
        count = strided_layers(tuple(input_shape[1:]))
        self.convolutions = [
            self._convolution(Conv2D, self.width * 2**layer, use_bias=layer == 0) for layer in range(count)
        ]
        self.normalizations = [self._normalization() for _ in range(count - 1)]
        shape = self._build_in_turn(tuple(input_shape), self.convolutions, [None, *self.normalizations])
        self.logit.build((None, math.prod(shape[1:])))
        super().build(input_shape)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns logits [B, 1]."""
        maps = 2 * images - 1
        for layer, convolution in enumerate(self.convolutions):
            maps = convolution(maps)
            if layer:
                maps = self.normalizations[layer - 1](maps, training=training)
            maps = keras.ops.leaky_relu(maps, LEAK)
        return self.logit(keras.ops.reshape(maps, (-1, math.prod(maps.shape[1:]))))
