"""Noise of one fast kernel, for training and evaluation."""

from __future__ import annotations

import tensorflow as tf

from tfvae.random.noise import Noise
from tfvae.random.seeds import fold

KERNELS = {
    "normal": tf.raw_ops.StatelessRandomNormalV2,
    "uniform": tf.raw_ops.StatelessRandomUniformV2,
}


class PhiloxNoise(Noise):
    """Noise for a batch that starts at global row `first_row`.

    Args:
        seed: seed from `fold`, [2], int32.
        num_rows: number of rows in this batch, an integer or a scalar tensor.
        first_row: global number of the first row: the number of rows on earlier replicas.

    Example:
        >>> whole = PhiloxNoise(fold(0, "step"), num_rows=4).normal("z", num_samples=3, size=2)
        >>> second_half = PhiloxNoise(fold(0, "step"), num_rows=2, first_row=2).normal("z", 3, 2)
        >>> bool(tf.reduce_all(whole[:, 2:] == second_half))
        True
    """

    _PER_BLOCK = 4  # float32 numbers that one 128-bit Philox counter yields

    def __init__(self, seed: tf.Tensor, num_rows: int | tf.Tensor, first_row: int | tf.Tensor = 0) -> None:
        self._seed = seed
        self._num_rows = num_rows
        self._first_row = first_row

    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """See `Noise.draw`; uniform noise is on [0, 1)."""
        blocks = -(-num_samples * size // self._PER_BLOCK)
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=fold(self._seed, stream))
        skip = tf.cast(self._first_row, tf.uint64) * tf.constant(blocks, tf.uint64)
        numbers = KERNELS[kind](
            shape=[self._num_rows, blocks * self._PER_BLOCK],
            key=key,
            counter=counter + tf.stack([skip, tf.constant(0, tf.uint64)]),
            alg=tf.random.Algorithm.PHILOX.value,
            dtype=tf.float32,
        )
        rows = tf.reshape(numbers[:, : num_samples * size], [self._num_rows, num_samples, size])
        return tf.transpose(rows, [1, 0, 2])
