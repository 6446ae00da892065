"""Counts from uniform noise, for distributions that know their distribution function and not its inverse."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

BITS = 24  # float32 holds every integer below 2^24


def least_count(cdf: Callable[[tf.Tensor], tf.Tensor], uniform: tf.Tensor, lowest: float) -> tf.Tensor:
    """Returns the least integer k >= lowest with P(count <= k) > u, found bit by bit.

    Args:
        cdf: function from counts to P(count <= k), elementwise. NaN counts as 1.
        uniform: noise u, [...], in [0, 1).
        lowest: least count that has a probability.

    Returns:
        count: [...], float32, at most lowest + 2^24 - 1.
    """

    def descend(bit: tf.Tensor, below: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        step = tf.pow(2.0, tf.cast(bit, tf.float32))
        return bit - 1, tf.where(cdf(below + step) <= uniform, below + step, below)

    below = tf.fill(tf.shape(uniform), lowest - 1.0)
    below.set_shape(uniform.shape)
    _, below = tf.while_loop(
        lambda bit, _: bit >= 0, descend, (tf.constant(BITS - 1), below), maximum_iterations=BITS
    )
    return below + 1.0
