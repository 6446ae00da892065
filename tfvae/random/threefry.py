"""Noise of integer arithmetic, the same on every runtime."""

from __future__ import annotations

import math
import zlib

import numpy as np
import tensorflow as tf

from tfvae.random.noise import Noise


class ThreefryNoise(Noise):
    """Noise from a seed for each row, in operations that TensorFlow, TF Serving and LiteRT all have.

    Within one runtime the numbers of a row depend only on its seed, to the last bit. Between runtimes uniform noise is
    equal to the last bit. Normal noise differs by a few units in the last place, because each runtime has its own
    logarithm, sine and cosine.

    Args:
        seeds: Threefry key of each row, [rows, 2], int32.

    Example:
        >>> from tfvae.random import row_seeds
        >>> noise = ThreefryNoise(row_seeds(7, 3)).uniform("z", num_samples=1, size=2)
        >>> alone = ThreefryNoise(row_seeds(7, 3)[2:]).uniform("z", 1, 2)
        >>> bool(tf.reduce_all(noise[:, 2:] == alone))
        True
    """

    _LANES = 16  # float32 numbers in the widest vector instruction

    def __init__(self, seeds: tf.Tensor) -> None:
        self._seeds = seeds

    def _bits(self, stream: str, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns two words for each of `count` counters: 2 x [rows, count], uint32."""
        key = tf.cast(self._seeds, tf.uint32)
        counter = tf.constant(np.arange(count)[np.newaxis], tf.uint32)
        name = tf.constant([[zlib.crc32(stream.encode())]], tf.uint32)
        return threefry_2x32(key[:, :1], key[:, 1:], counter, name)

    @staticmethod
    def _unit(bits: tf.Tensor) -> tf.Tensor:
        """Returns words as centres of 2^23 cells of (0, 1). They are exact in float32, and neither 0 nor 1 occurs."""
        top = tf.cast(tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.int32), tf.float32)
        return (top + 0.5) * 2.0**-23

    def _arrange(self, first: tf.Tensor, second: tf.Tensor, num_samples: int, size: int) -> tf.Tensor:
        rows = tf.concat([first, second], axis=1)[:, : num_samples * size]
        return tf.transpose(tf.reshape(rows, [-1, num_samples, size]), [1, 0, 2])

    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """See `Noise.draw`.

        TensorFlow rounds the logarithm, sine and cosine of the last few numbers of a tensor differently from those of
        a whole vector. Each row of normal noise therefore fills whole vectors.
        """
        count = -(-num_samples * size // 2)
        if kind == "uniform":
            first, second = self._bits(stream, count)
            return self._arrange(self._unit(first), self._unit(second), num_samples, size)
        first, second = self._bits(stream, -(-count // self._LANES) * self._LANES)
        radius = tf.sqrt(-2.0 * tf.math.log(self._unit(first)))
        angle = (2.0 * math.pi) * self._unit(second)
        cosines, sines = radius * tf.cos(angle), radius * tf.sin(angle)
        return self._arrange(cosines[:, :count], sines[:, :count], num_samples, size)


def threefry_2x32(
    key0: tf.Tensor, key1: tf.Tensor, x0: tf.Tensor, x1: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Threefry-2x32 with 20 rounds.

    Args:
        key0, key1: key words, uint32, of shapes that broadcast with the counter's.
        x0, x1: counter words, uint32.

    Returns:
        y0, y1: output words, uint32.

    References:
        Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 4.1.
    """
    keys = (
        key0,
        key1,
        tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(key0, key1), tf.constant(0x1BD11BDA, tf.uint32)),
    )
    x0, x1 = x0 + key0, x1 + key1
    for group in range(5):
        for rotation in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x0 = x0 + x1
            x1 = tf.bitwise.bitwise_xor(_rotate_left(x1, rotation), x0)
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + tf.constant(group + 1, tf.uint32)
    return x0, x1


def _rotate_left(word: tf.Tensor, places: int) -> tf.Tensor:
    left = word * tf.constant(2**places, tf.uint32)
    return tf.bitwise.bitwise_xor(left, tf.bitwise.right_shift(word, tf.constant(32 - places, tf.uint32)))
