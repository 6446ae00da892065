"""Seeds: of a run, of a place in which noise is used, and of rows."""

from __future__ import annotations

import zlib

import tensorflow as tf

from tfvae.checks import UserError, seed_of

INT32 = (-(2**31), 2**31 - 1)


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


def row_seeds(seed: int | tf.Tensor | None, num_rows: int | tf.Tensor) -> tf.Tensor:
    """Returns the seeds of rows 0 to num_rows - 1: [num_rows, 2], int32. Row i is (seed, i)."""
    rows = tf.range(num_rows, dtype=tf.int32)
    return tf.stack([tf.fill(tf.shape(rows), as_seed(seed)), rows], axis=1)
