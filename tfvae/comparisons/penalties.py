"""Penalties on the slope of a critic."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Critic = Callable[[tf.Tensor], tf.Tensor]


def squared_slopes(critic: Critic, points: tf.Tensor) -> tf.Tensor:
    """Returns the squared norm of the critic's gradient at each point: [B]. It can be differentiated again.

    Args:
        critic: function from points [B, ...] to outputs [B]; the output of a row depends on that row alone.
        points: [B, ...].
    """
    with tf.GradientTape() as tape:
        tape.watch(points)
        outputs = tf.reduce_sum(critic(points))
    slopes = tape.gradient(outputs, points)
    return tf.reduce_sum(tf.square(slopes), axis=tf.range(1, tf.rank(slopes)))


def between(real: tf.Tensor, fake: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Returns points on the lines from samples to examples: place x + (1 - place) g(z).

    Args:
        real: [B, ...], examples.
        fake: [B, ...], samples.
        place: [B] in [0, 1].
    """
    place = tf.reshape(place, tf.concat([tf.shape(place), tf.ones([tf.rank(real) - 1], tf.int32)], axis=0))
    return place * real + (1 - place) * fake


def gradient_penalty(critic: Critic, points: tf.Tensor) -> tf.Tensor:
    """Returns (|d a / d x| - 1)^2 at each point: [B].

    Args:
        critic: as for `squared_slopes`.
        points: [B, ...], on the lines between examples and samples: see `between`.

    References:
        Gulrajani et al.: Improved training of Wasserstein GANs (2017), equation 3.
    """
    squared = squared_slopes(critic, points)
    safe = tf.where(squared > 0, squared, tf.ones_like(squared))  # the slope of a root is infinite at 0
    return tf.square(tf.where(squared > 0, tf.sqrt(safe), tf.zeros_like(squared)) - 1)


def r1(critic: Critic, real: tf.Tensor) -> tf.Tensor:
    """Returns 1/2 |d a / d x|^2 at each example: [B].

    Args:
        critic: as for `squared_slopes`.
        real: [B, ...], examples.

    References:
        Mescheder, Geiger, Nowozin: Which training methods for GANs do actually converge? (2018), equation 9.
    """
    return 0.5 * squared_slopes(critic, real)
