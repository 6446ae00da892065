"""JAX: one jitted, donating step; Adam written out, as optax does it."""

from __future__ import annotations

import functools
import math
import time

import jax
import jax.numpy as jnp
import numpy as np

from . import common


def negative_bound(parameters, x, noise):
    """Returns minus the mean bound for noise [K, B, LATENT]; loc and log scale are one linear layer."""

    def linear(name, inputs):
        kernel, bias = parameters[name]
        return inputs @ kernel + bias

    hidden = jnp.tanh(linear("encoder_1", jnp.tanh(linear("encoder_0", x))))
    loc, log_scale = jnp.split(linear("posterior", hidden), 2, axis=-1)
    z = loc + jnp.exp(log_scale) * noise
    flat = z.reshape(-1, common.LATENT)
    logits = linear("logits", jnp.tanh(linear("decoder_1", jnp.tanh(linear("decoder_0", flat)))))
    logits = logits.reshape(*z.shape[:-1], common.PIXELS)
    log_likelihood = jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)
    # log p(z) - log q(z|x): the constants cancel, and (z - loc) / scale is the noise
    log_ratio = 0.5 * jnp.sum(noise**2 - z**2, axis=-1) + jnp.sum(log_scale, axis=-1)
    return math.log(len(noise)) - jnp.mean(jax.nn.logsumexp(log_likelihood + log_ratio, axis=0))


@functools.partial(jax.jit, static_argnums=2, donate_argnums=0)
def step(state, x, num_samples):
    """Takes one step of Adam; returns the new state and the loss."""
    parameters, first, second, count, key = state
    key, used = jax.random.split(key)
    noise = jax.random.normal(used, (num_samples, *x.shape[:-1], common.LATENT))
    loss, gradients = jax.value_and_grad(negative_bound)(parameters, x, noise)
    count += 1
    first = jax.tree.map(lambda m, g: m + (1 - common.BETA_1) * (g - m), first, gradients)
    second = jax.tree.map(lambda v, g: v + (1 - common.BETA_2) * (g * g - v), second, gradients)
    rate = common.LEARNING_RATE * jnp.sqrt(1 - common.BETA_2**count) / (1 - common.BETA_1**count)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + common.EPSILON), parameters, first, second
    )
    return (parameters, first, second, count, key), loss


class Peer:
    """See `common`."""

    def __init__(self, weights, *, num_samples, generator="rbg"):
        joined = [
            np.concatenate(pair, axis=-1) for pair in zip(weights["loc"], weights["log_scale"], strict=True)
        ]
        values = {name: weights[name] for name in weights if name not in ("loc", "log_scale")}
        parameters = jax.tree.map(jnp.array, values | {"posterior": tuple(joined)})
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        key = jax.random.key(0, impl=generator)
        self.num_samples = num_samples
        self.state = (parameters, *zeros, jnp.zeros(()), key)
        self.batches = [jnp.asarray(batch) for batch in common.batches()]
        self.done = 0

    def loss(self, x, noise):
        return float(negative_bound(self.state[0], x, noise))

    def gradient(self, x, noise):
        found = jax.grad(negative_bound)(self.state[0], x, noise)
        return {name: np.asarray(found[name][0]) for name in common.CHECKED}

    def steps(self, count):
        self._run(1)
        began = time.perf_counter()
        self._run(count)
        return (time.perf_counter() - began) / count

    def _run(self, count):
        for _ in range(count):
            x = self.batches[self.done % common.BATCHES]
            self.state, _ = step(self.state, x, self.num_samples)
            self.done += 1
        jax.block_until_ready(self.state)
