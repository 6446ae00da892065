"""Sums of weights that are gathered block by block."""

from __future__ import annotations

import tensorflow as tf

Sums = tuple[tf.Tensor, ...]  # see `empty`


def empty(count: int, largest: int = 1) -> Sums:
    """Returns the sums of no weights, float64.

    Args:
        count: number of examples b.
        largest: how many of the largest log-weights are kept.

    Returns:
        sums: what `tfvae.evaluation.estimate.finish` takes, [b] each: the largest log-weight, the sums of w and of w^2
            relative to it, the sum of the log-weights; and the `largest` ones in descending order, [b, largest].
    """
    lowest = tf.fill([count, largest], tf.constant(tf.float64.min, tf.float64))
    zero = tf.zeros([count], tf.float64)
    return lowest[:, 0], zero, zero, zero, lowest


def added(sums: Sums, log_weights: tf.Tensor) -> Sums:
    """Returns the sums with log-weights [k, b], float64, among them."""
    top, first, second, total, tail = sums
    new_top = tf.maximum(top, tf.reduce_max(log_weights, axis=0))
    shrink, weights = tf.exp(top - new_top), tf.exp(log_weights - new_top)
    return (
        new_top,
        first * shrink + tf.reduce_sum(weights, axis=0),
        second * shrink**2 + tf.reduce_sum(weights**2, axis=0),
        total + tf.reduce_sum(log_weights, axis=0),
        tf.math.top_k(tf.concat([tail, tf.transpose(log_weights)], axis=1), tf.shape(tail)[1]).values,
    )
