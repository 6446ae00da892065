"""Bounds for the logarithm of a scale, so that exp(l) and exp(l)^2 stay well inside the range of float32."""

from __future__ import annotations

import tensorflow as tf

AS_IT_IS = 10.0  # largest magnitude that is not changed
BEYOND = 5.0  # most that a magnitude can exceed it by


def bounded(log_scale: tf.Tensor) -> tf.Tensor:
    """Returns l if |l| <= 10, otherwise sign(l) (10 + 5 e / (5 + e)) with e = |l| - 10.

    The magnitude stays below 15. The derivative is continuous and falls only as 1 / e^2, so that training can return
    from any l. The derivative of an exponential bound would vanish.

    Args:
        log_scale: logarithms l of any shape.

    Returns:
        bounded: the same shape, in (-15, 15).

    Example:
        >>> bounded(tf.constant([2.0, 15.0])).numpy().tolist()
        [2.0, 12.5]
    """
    core = tf.clip_by_value(log_scale, -AS_IT_IS, AS_IT_IS)
    excess = log_scale - core
    gain = 1.0 - 1.0 / (1.0 + tf.abs(excess) / BEYOND)  # in this form the derivative does not cancel
    return core + BEYOND * tf.sign(excess) * gain


def bounded_below(log_scale: tf.Tensor) -> tf.Tensor:
    """Returns `bounded(l)` if l < 0, otherwise l."""
    return bounded(tf.minimum(log_scale, 0.0)) + tf.maximum(log_scale, 0.0)
