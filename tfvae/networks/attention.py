"""Selective attention: a grid of Gaussian filters that reads from an image or writes to one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError, positive_int
from tfvae.layers import Composite, Dense, bounded


@keras.saving.register_keras_serializable(package="tfvae")
class AttentionWindow(Composite, keras.layers.Layer):
    """N x N Gaussian filters on a grid whose place, stride, width and intensity are linear in the features.

    For an image of height B and width A, with pixels counted from 1:

        (g_x, g_y, log s^2, log d, log gamma) = linear(features), with the logarithms `bounded`
        centre  = ((A + 1) / 2 (g_x + 1), (B + 1) / 2 (g_y + 1))
        stride  = (max(A, B) - 1) / (N - 1) d
        mean_i  = centre + (i - N / 2 - 1 / 2) stride,  i = 1..N
        F[i, a] = exp(-(a - mean_i)^2 / (2 s^2)), scaled so that sum_a F[i, a] = 1

    A call returns these five numbers, and the other methods take them as `where`. The initial biases give a grid that
    spans half of the image, s of half a stride, and a gamma that keeps the intensity. A grid over the whole image with
    s = 1 would read only the border, and with gamma = 1 it would write next to nothing.

    Args:
        size: number of filters N on each side.
        image_shape: (height, width, channels).
        writes: True to start with the gamma that suits `write`, False for `read`.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        UserError: if the image has no height, width and channels, or N is not between 1 and its smaller side.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.networks import AttentionWindow
        >>> window = AttentionWindow(3, (8, 8, 1))
        >>> window.read(window(tf.ones((2, 5))), tf.ones((2, 8, 8, 1))).shape.as_list()
        [2, 3, 1, 3]

    References:
        Gregor, Danihelka, Graves, Rezende, Wierstra: DRAW: a recurrent neural network for image generation (2015),
        the selective attention model.
    """

    def __init__(self, size: int, image_shape: Sequence[int], writes: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.writes = writes
        self.image_shape = tuple(image_shape)
        if len(self.image_shape) != 3:
            raise UserError(
                "an attention window needs images",
                expected="an event shape (height, width, channels)",
                received=self.image_shape,
                fix="or leave the windows out",
            )
        self.size = positive_int("size of an attention window", size)
        if self.size > min(self.image_shape[:2]):
            raise UserError(
                "an attention window is larger than the image",
                expected=f"a size from 1 to {min(self.image_shape[:2])}",
                received=self.size,
            )
        self.linear = Dense(5, dtype=self.dtype_policy)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the weights."""
        self.linear.build(input_shape)
        stride = 0.5 * (max(self.image_shape[:2]) - 1) / max(self.size - 1, 1)
        log_stride = math.log(max(stride, 1.0))
        log_gamma = -2.0 * log_stride if self.writes else 0.0  # the filters of all rows add up to 1 / stride
        self.linear.bias.assign([0.0, 0.0, 2.0 * (log_stride - math.log(2.0)), -math.log(2.0), log_gamma])
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns (g_x, g_y, log s^2, log d, log gamma) of features [N, size]: [N, 5], float32."""
        found = tf.cast(self.linear(features), tf.float32)
        return tf.concat([found[..., :2], bounded(found[..., 2:])], axis=-1)

    def centres(self, where: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the means of the filters.

        Args:
            where: output of the layer, [N, 5].

        Returns:
            rows: vertical means, [N, size], in pixels counted from 1.
            columns: horizontal means, [N, size], in pixels counted from 1.
        """
        height, width, _ = self.image_shape
        steps = (tf.range(self.size, dtype=tf.float32) - (self.size - 1) / 2) * self._stride(where)
        return (
            (height + 1) / 2 * (where[:, 1:2] + 1.0) + steps,
            (width + 1) / 2 * (where[:, 0:1] + 1.0) + steps,
        )

    def edges(self, where: tf.Tensor) -> tf.Tensor:
        """Returns the edges of the grid, half a stride beyond the outer filters.

        Args:
            where: output of the layer, [N, 5].

        Returns:
            edges: left, top, right and bottom, [N, 4], in pixels from the image's left and top edge.
        """
        half = 0.5 * self.size * self._stride(where)
        row, column = (tf.reduce_mean(means, axis=1, keepdims=True) - 0.5 for means in self.centres(where))
        return tf.concat([column - half, row - half, column + half, row + half], axis=1)

    def _stride(self, where: tf.Tensor) -> tf.Tensor:
        """Returns the distance between neighbouring filters: [N, 1], pixels. With one filter it has no effect."""
        return (max(self.image_shape[:2]) - 1) / max(self.size - 1, 1) * tf.exp(where[:, 3:4])

    def filters(self, where: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the filters of the rows [N, size, height] and of the columns [N, size, width].

        Args:
            where: output of the layer, [N, 5].
        """
        precision = tf.exp(-where[:, 2])[:, tf.newaxis, tf.newaxis]

        def normalized(centres: tf.Tensor, length: int) -> tf.Tensor:
            pixels = tf.range(1, length + 1, dtype=tf.float32)
            gap = pixels - centres[:, :, tf.newaxis]
            return tf.nn.softmax(-0.5 * precision * tf.square(gap), axis=-1)

        rows, columns = self.centres(where)
        return normalized(rows, self.image_shape[0]), normalized(columns, self.image_shape[1])

    def read(self, where: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        """Returns gamma F_y image F_x^T for each channel.

        Args:
            where: output of the layer, [N, 5].
            image: images, [N, height, width, channels], with any number of channels.

        Returns:
            patch: [N, size, channels, size].
        """
        rows, columns = self.filters(where)
        height, width, channels = image.shape[1:]
        found = rows @ tf.reshape(image, [-1, height, width * channels])
        found = tf.transpose(tf.reshape(found, [-1, self.size, width, channels]), [0, 1, 3, 2])
        found = tf.reshape(found, [-1, self.size * channels, width]) @ tf.transpose(columns, [0, 2, 1])
        found *= tf.exp(where[:, 4])[:, tf.newaxis, tf.newaxis]
        return tf.reshape(found, [-1, self.size, channels, self.size])

    def write(self, where: tf.Tensor, patch: tf.Tensor) -> tf.Tensor:
        """Returns F_y^T patch F_x / gamma for each channel.

        Args:
            where: output of the layer, [N, 5].
            patch: patches, [N, size, channels, size], in the layout of `read`.

        Returns:
            image: [N, height, width, channels].
        """
        rows, columns = self.filters(where)
        height, width, _ = self.image_shape
        channels = patch.shape[2]
        drawn = tf.reshape(patch, [-1, self.size * channels, self.size]) @ columns
        drawn = tf.transpose(rows, [0, 2, 1]) @ tf.reshape(drawn, [-1, self.size, channels * width])
        drawn *= tf.exp(-where[:, 4])[:, tf.newaxis, tf.newaxis]
        return tf.transpose(tf.reshape(drawn, [-1, height, channels, width]), [0, 1, 3, 2])

    def patch_size(self, channels: int) -> int:
        """Returns how many numbers a patch of so many channels holds."""
        return math.prod((self.size, self.size, channels))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "size": self.size,
            "image_shape": self.image_shape,
            "writes": self.writes,
        }
