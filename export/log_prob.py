"""The bound and the estimate of log p(x) in an exported graph."""

from __future__ import annotations

import math

import tensorflow as tf

BLOCK = 64  # particles whose decoder activations exist at once


class _Sliced:
    """Noise for `total` particles, drawn whole (it is small) and handed out for those from `start` on."""

    def __init__(self, noise, total):
        self._noise, self._total, self._whole = noise, total, {}
        self.start = 0

    def _slice(self, kind, stream, num_samples, size):
        if stream not in self._whole:
            self._whole[stream] = getattr(self._noise, kind)(stream, self._total, size)
        begin = tf.stack([self.start, 0, 0])
        return tf.ensure_shape(
            tf.slice(self._whole[stream], begin, [num_samples, -1, size]), [num_samples, None, size]
        )

    def normal(self, stream, num_samples, size):
        """Returns standard normal noise: [num_samples, rows, size]."""
        return self._slice("normal", stream, num_samples, size)

    def uniform(self, stream, num_samples, size):
        """Returns noise uniform on (0, 1): [num_samples, rows, size]."""
        return self._slice("uniform", stream, num_samples, size)


def log_prob(model, x, noise, num_samples, block=BLOCK):
    """Scores K particles, `block` at a time, so that memory does not grow with K but for the noise.

    Args:
        model: a `tfvae` model.
        x: examples as `model.check_examples` gives them.
        noise: a `tfvae.random.Noise` of B rows.
        num_samples: K.
        block: most particles at once.

    Returns:
        elbo: [B], nats, mean_k log w_k.
        log_prob: [B], nats, log mean_k w_k.
    """
    encoding = model.encoding(x)
    noise = _Sliced(noise, num_samples)

    def score(state, start, count):
        noise.start = start
        log_weights = model.score(x, encoding, count, noise).log_weights
        top, mass, total = state
        new_top = tf.maximum(top, tf.reduce_max(log_weights, axis=0))
        mass = mass * tf.exp(top - new_top) + tf.reduce_sum(tf.exp(log_weights - new_top), axis=0)
        return new_top, mass, total + tf.reduce_sum(log_weights, axis=0)

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
    top, mass, total = state
    return total / num_samples, top + tf.math.log(mass) - math.log(num_samples)
