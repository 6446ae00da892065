"""The logarithm of a scale, kept where its exponential and that one's square are far from the ends of float32."""

from __future__ import annotations

import tensorflow as tf

AS_IT_IS = 10.0  # up to this magnitude a logarithm stays as it is
BEYOND = 5.0  # what it can gain beyond


def bounded(log_scale: tf.Tensor) -> tf.Tensor:
    """Returns l where |l| <= 10; beyond, sign(l) (10 + 5 e / (5 + e)) with e = |l| - 10: less than 15 in magnitude.

    It has a continuous derivative, which falls off as 1 / e^2 and so leads back from anywhere: an exponential bounds
    its argument no better, but with a derivative that vanishes.
    """
    core = tf.clip_by_value(log_scale, -AS_IT_IS, AS_IT_IS)
    excess = log_scale - core
    gain = 1.0 - 1.0 / (1.0 + tf.abs(excess) / BEYOND)  # so written, its derivative does not cancel
    return core + BEYOND * tf.sign(excess) * gain


def bounded_below(log_scale: tf.Tensor) -> tf.Tensor:
    """Returns `bounded` where l < 0, otherwise l."""
    return bounded(tf.minimum(log_scale, 0.0)) + tf.maximum(log_scale, 0.0)
