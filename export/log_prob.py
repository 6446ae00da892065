"""The bound and the estimate of log p(x) in an exported graph."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tfvae.random import Noise, Sliced

BLOCK = 64  # most particles whose decoder activations exist at once


def log_prob(
    model: Any, x: Any, noise: Noise, num_samples: int, block: int = BLOCK
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores K particles in blocks, so that only the noise takes memory that grows with K.

    Args:
        model: tfvae model with latents.
        x: examples as `model.check_examples` returns them, B rows.
        noise: noise of B rows.
        num_samples: number of particles K.
        block: most particles at once.

    Returns:
        elbo: mean_k log w_k, [B], nats.
        log_prob: log mean_k w_k, [B], nats.
    """
    encoding = model.encoding(x)
    sliced = Sliced(noise, num_samples)

    def score(state: Any, start: int | tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        sliced.start = start
        log_weights = model.score(x, encoding, count, sliced).log_weights
        top, mass, log_sum = state
        new_top = tf.maximum(top, tf.reduce_max(log_weights, axis=0))
        mass = mass * tf.exp(top - new_top) + tf.reduce_sum(tf.exp(log_weights - new_top), axis=0)
        return new_top, mass, log_sum + tf.reduce_sum(log_weights, axis=0)

    rest = (num_samples - 1) // block
    first = num_samples - rest * block
    first_tensor = tf.nest.flatten(x)[0]
    zero = tf.zeros_like(tf.reshape(first_tensor, [tf.shape(first_tensor)[0], -1])[:, 0])
    state = score((zero + tf.float32.min, zero, zero), 0, first)
    if rest:
        _, *state = tf.while_loop(
            lambda index, *_: index < rest,
            lambda index, *state: (index + 1, *score(state, first + index * block, block)),
            (tf.constant(0), *state),
            shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([first_tensor.shape[0]])] * 3),
            parallel_iterations=1,
        )
    top, mass, log_sum = state
    return log_sum / num_samples, top + tf.math.log(mass) - math.log(num_samples)
