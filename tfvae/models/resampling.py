"""A backward pass through a few of the particles, drawn by their weights."""

from __future__ import annotations

import tensorflow as tf

from tfvae.estimators.base import Terms


def draw(weights: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
    """Draws m particles for each example in proportion to their weights, one from each of m equal strata.

    Args:
        weights: [K, B], each column summing to 1.
        uniforms: [m, B], uniform on [0, 1).

    Returns:
        index: [m, B], int32; the expected number of times that particle k occurs is m weights[k].
    """
    count = tf.shape(uniforms)[0]
    strata = (tf.cast(tf.range(count), tf.float32)[:, tf.newaxis] + uniforms) / tf.cast(count, tf.float32)
    cumulative = tf.cumsum(weights, axis=0)
    below = cumulative <= strata[:, tf.newaxis] * cumulative[-1]
    return tf.minimum(tf.reduce_sum(tf.cast(below, tf.int32), axis=1), tf.shape(weights)[0] - 1)


def pick(terms: Terms, index: tf.Tensor) -> Terms:
    """Returns the weights of the particles drawn, with the same expected gradients: each divided by m model[k].

    Args:
        terms: of all K particles; path and score vanish wherever the model weight does.
        index: [m, B], what `draw(terms.model, ...)` gave.

    Returns:
        terms: of the m particles; the bound is that of all K.
    """
    examples = tf.range(tf.shape(index)[1])
    where = tf.stack([index, tf.broadcast_to(examples, tf.shape(index))], axis=-1)
    count = tf.cast(tf.shape(index)[0], tf.float32)

    def share(weights: tf.Tensor | None) -> tf.Tensor | None:
        if weights is None:
            return None
        return tf.gather_nd(tf.math.divide_no_nan(weights, terms.model), where) / count

    model = tf.ones_like(index, tf.float32) / count
    path = model if terms.path is terms.model else share(terms.path)
    return Terms(terms.bound, model=model, path=path, score=share(terms.score))
