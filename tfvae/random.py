"""Noise as a pure function of a seed and of the place where it is used.

Two generators have the same two methods, `normal` and `uniform`:

* `PhiloxNoise` for training and evaluation: one fast TensorFlow kernel. Row b of a batch reads the counter block of
  its *global* row number. A batch that is divided over replicas therefore draws the same noise as the whole batch.
* `ThreefryNoise` for exported models: 32-bit integer arithmetic that TensorFlow, TF Serving and LiteRT evaluate to the
  same bits. Every row has its own seed, so a row does not depend on the other rows of its batch.

References:
    Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011), Philox-4x32 and Threefry-2x32.
    Box, Muller: A note on the generation of random normal deviates (1958).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfvae.checks import UserError, seed_of

INT32 = (-(2**31), 2**31 - 1)


class Noise(Protocol):
    """A source of independent noise for every (stream, sample, row, unit)."""

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise.

        Args:
            stream: name of the use; different names give independent noise.
            num_samples: number of samples for each row.
            size: number of units for each sample.

        Returns:
            noise: [num_samples, rows, size], float32.
        """

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns noise uniform on (0, 1), or [0, 1) from Philox: [num_samples, rows, size]."""


def as_seed(seed: int | tf.Tensor | None) -> tf.Tensor:
    """Returns a seed as an int32 scalar.

    Args:
        seed: 32-bit integer, scalar integer tensor, or None for a fresh seed, which `keras.utils.set_random_seed`
            determines.

    Returns:
        seed: int32 scalar.

    Raises:
        UserError: if `seed` is no integer or does not fit into 32 bits.
        tf.errors.InvalidArgumentError: when a graph runs with a seed tensor that does not fit. XLA does not check this.
    """
    if seed is None:
        return tf.random.uniform([], *INT32, dtype=tf.int32)
    if isinstance(seed, tf.Tensor):
        expected = f"an integer from {INT32[0]} to {INT32[1]}"
        if not seed.dtype.is_integer or seed.shape.rank not in (0, None):
            what = f"{seed.dtype.name} {seed.shape.as_list()}"
            raise UserError("seed is not a scalar integer tensor", expected=expected, received=what)
        value = tf.get_static_value(seed)
        if value is None:
            return _narrowed(seed, expected)
        seed = int(value)
    return tf.constant(seed_of("seed", seed), tf.int32)


def _narrowed(seed: tf.Tensor, expected: str) -> tf.Tensor:
    """Returns a symbolic seed as int32. Running the graph fails if its value does not fit."""
    low, high = INT32
    if low <= seed.dtype.min and seed.dtype.max <= high:
        return tf.cast(seed, tf.int32)
    fits = seed <= tf.constant(high, seed.dtype)
    if seed.dtype.min < 0:
        fits &= seed >= tf.constant(low, seed.dtype)
    message = [f"seed is not a 32-bit integer; expected {expected}; received", seed]
    with tf.control_dependencies([tf.debugging.Assert(fits, message)]):
        return tf.cast(seed, tf.int32)


def fold(seed: int | tf.Tensor, *data: int | str | tf.Tensor) -> tf.Tensor:
    """Derives an independent seed from a seed and the place in which it is used.

    The seeds of two places differ, but a further `fold` keeps only 32 bits of a seed. Among N places that are folded
    further, about N^2 / 2^33 pairs share the same noise. A run of 100,000 steps has about one such pair: steps 80,210
    and 107,653 of seed 0 train with the same noise. With 64 bits, numbers drawn by earlier versions would change.

    Args:
        seed: int32 scalar, or seed [2] from `fold`.
        *data: integers, scalar integer tensors or names that distinguish this place from others.

    Returns:
        seed: [2], int32.

    Example:
        >>> fold(0, "step", 1).shape
        TensorShape([2])
        >>> bool(tf.reduce_all(fold(0, "step", 1) == fold(0, "step", 2)))
        False
    """
    folded = tf.convert_to_tensor(seed)
    if folded.shape.rank == 0:
        folded = tf.stack([tf.cast(folded, tf.int32), 0])
    for item in data:
        number = zlib.crc32(item.encode()) & 0x7FFFFFFF if isinstance(item, str) else item
        folded = tf.random.experimental.stateless_fold_in(folded, tf.cast(number, tf.int32))
    return folded


class PhiloxNoise:
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

    def _draw(self, kernel: Callable[..., tf.Tensor], stream: str, num_samples: int, size: int) -> tf.Tensor:
        blocks = -(-num_samples * size // self._PER_BLOCK)
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=fold(self._seed, stream))
        skip = tf.cast(self._first_row, tf.uint64) * tf.constant(blocks, tf.uint64)
        numbers = kernel(
            shape=[self._num_rows, blocks * self._PER_BLOCK],
            key=key,
            counter=counter + tf.stack([skip, tf.constant(0, tf.uint64)]),
            alg=tf.random.Algorithm.PHILOX.value,
            dtype=tf.float32,
        )
        rows = tf.reshape(numbers[:, : num_samples * size], [self._num_rows, num_samples, size])
        return tf.transpose(rows, [1, 0, 2])

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise: [num_samples, rows, size]."""
        return self._draw(tf.raw_ops.StatelessRandomNormalV2, stream, num_samples, size)

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns noise uniform on [0, 1): [num_samples, rows, size]."""
        return self._draw(tf.raw_ops.StatelessRandomUniformV2, stream, num_samples, size)


class Recorded:
    """Noise that is drawn once and can be read again.

    Args:
        noise: source of the noise.
    """

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._drawn: dict[tuple[str, str], tf.Tensor] = {}

    def _read(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        if (kind, stream) not in self._drawn:
            self._drawn[kind, stream] = getattr(self._noise, kind)(stream, num_samples, size)
        return self._drawn[kind, stream]

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise: [num_samples, rows, size]."""
        return self._read("normal", stream, num_samples, size)

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns uniform noise: [num_samples, rows, size]."""
        return self._read("uniform", stream, num_samples, size)


class Outside:
    """Noise that is drawn in the graph in which this object was made, whatever graph uses it.

    XLA draws other numbers from the same seed and is slower at it. A function compiled by XLA therefore takes its noise
    from the graph around it.

    Args:
        noise: source of the noise.
    """

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._graph = tf.compat.v1.get_default_graph()

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise: [num_samples, rows, size]."""
        with self._graph.as_default():
            return self._noise.normal(stream, num_samples, size)

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns uniform noise: [num_samples, rows, size]."""
        with self._graph.as_default():
            return self._noise.uniform(stream, num_samples, size)


class Chosen:
    """The noise of chosen samples of a recording.

    Args:
        recorded: noise of all samples.
        index: numbers of the chosen samples of each row, [m, rows], int32.
    """

    def __init__(self, recorded: Recorded, index: tf.Tensor) -> None:
        self._recorded = recorded
        self._index = index

    def _gather(self, whole: tf.Tensor) -> tf.Tensor:
        rows, size = tf.shape(whole)[1], whole.shape[2]
        return tf.gather(tf.reshape(whole, [-1, size]), self._index * rows + tf.range(rows))

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise: [m, rows, size]."""
        return self._gather(self._recorded.normal(stream, num_samples, size))

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns uniform noise: [m, rows, size]."""
        return self._gather(self._recorded.uniform(stream, num_samples, size))


def row_seeds(seed: int | tf.Tensor | None, num_rows: int | tf.Tensor) -> tf.Tensor:
    """Returns the seeds of rows 0 to num_rows - 1: [num_rows, 2], int32. Row i is (seed, i)."""
    rows = tf.range(num_rows, dtype=tf.int32)
    return tf.stack([tf.fill(tf.shape(rows), as_seed(seed)), rows], axis=1)


class ThreefryNoise:
    """Noise from a seed for each row, in operations that TensorFlow, TF Serving and LiteRT all have.

    Within one runtime the numbers of a row depend only on its seed, to the last bit. Between runtimes uniform noise is
    equal to the last bit. Normal noise differs by a few units in the last place, because each runtime has its own
    logarithm, sine and cosine.

    Args:
        seeds: Threefry key of each row, [rows, 2], int32.

    Example:
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

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns noise uniform on (0, 1): [num_samples, rows, size]."""
        first, second = self._bits(stream, -(-num_samples * size // 2))
        return self._arrange(self._unit(first), self._unit(second), num_samples, size)

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise: [num_samples, rows, size].

        TensorFlow rounds the logarithm, sine and cosine of the last few numbers of a tensor differently from those of
        a whole vector. Each row therefore fills whole vectors.
        """
        count = -(-num_samples * size // 2)
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
