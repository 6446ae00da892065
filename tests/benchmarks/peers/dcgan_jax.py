"""DCGAN in JAX: one jitted, donating step of both players; Adam written out, as optax does it."""

from __future__ import annotations

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from . import dcgan

LAYOUT = ("NHWC", "HWIO", "NHWC")


def normalize(weights, name, maps):
    """Returns maps normalised over batch and places, and their mean and variance."""
    mean, variance = jnp.mean(maps, (0, 1, 2)), jnp.var(maps, (0, 1, 2))
    scaled = (maps - mean) * jax.lax.rsqrt(variance + dcgan.EPSILON)
    return scaled * weights[f"{name} gamma"] + weights[f"{name} beta"], {name: (mean, variance)}


def generate(weights, noise):
    """Returns images, and the statistics of the pass."""
    maps = (noise @ weights["projection"]).reshape(-1, *dcgan.START)
    maps, first = normalize(weights, "generator_norm_0", maps)
    upwards = functools.partial(
        jax.lax.conv_transpose,
        strides=(2, 2),
        padding="SAME",
        dimension_numbers=LAYOUT,
        transpose_kernel=True,
    )
    maps = upwards(jax.nn.relu(maps), weights["generator_0"])
    maps, second = normalize(weights, "generator_norm_1", maps)
    maps = upwards(jax.nn.relu(maps), weights["generator_1"]) + weights["generator_1 bias"]
    return 0.5 * (1.0 + jnp.tanh(maps)), first | second


def logits(weights, images):
    """Returns logits [B], and the statistics of the pass."""
    downwards = functools.partial(
        jax.lax.conv_general_dilated, window_strides=(2, 2), padding="SAME", dimension_numbers=LAYOUT
    )
    maps = downwards(2 * images - 1, weights["critic_0"]) + weights["critic_0 bias"]
    maps = downwards(jax.nn.leaky_relu(maps, dcgan.LEAK), weights["critic_1"])
    maps, statistics = normalize(weights, "critic_norm", maps)
    flat = jax.nn.leaky_relu(maps, dcgan.LEAK).reshape(len(images), -1)
    return (flat @ weights["logit"] + weights["logit bias"])[:, 0], statistics


def critic_cost(critic, generator, x, noise):
    """Returns J(D) and the statistics of the passes on examples and on samples."""
    samples = jax.lax.stop_gradient(generate(generator, noise)[0])
    (real, first), (fake, second) = logits(critic, x), logits(critic, samples)
    return 0.5 * jnp.mean(jax.nn.softplus(-real)) + 0.5 * jnp.mean(jax.nn.softplus(fake)), (first, second)


def generator_cost(generator, critic, noise):
    """Returns J(G) and the statistics of the generator's pass."""
    samples, statistics = generate(generator, noise)
    return 0.5 * jnp.mean(jax.nn.softplus(-logits(critic, samples)[0])), (statistics,)


def adam(weights, gradients, moments, count):
    """Returns weights and moments after a step of Adam."""
    first, second = moments
    first = jax.tree.map(lambda m, g: m + (1 - dcgan.BETA_1) * (g - m), first, gradients)
    second = jax.tree.map(lambda v, g: v + (1 - dcgan.BETA_2) * (g * g - v), second, gradients)
    rate = dcgan.LEARNING_RATE * jnp.sqrt(1 - dcgan.BETA_2**count) / (1 - dcgan.BETA_1**count)
    move = lambda w, m, v: w - rate * m / (jnp.sqrt(v) + dcgan.ADAM_EPSILON)  # noqa: E731
    return jax.tree.map(move, weights, first, second), (first, second)


def follow(running, passes):
    """Returns running statistics after some passes."""
    for found in passes:
        update = lambda old, new: dcgan.KEPT * old + (1 - dcgan.KEPT) * new  # noqa: E731
        running = running | {name: jax.tree.map(update, running[name], found[name]) for name in found}
    return running


@functools.partial(jax.jit, donate_argnums=0)
def step(state, x):
    """Takes a step of the discriminator, then one of the generator."""
    key, *used = jax.random.split(state["key"], 3)
    noise = [jax.random.normal(each, (x.shape[0], dcgan.LATENT)) for each in used]
    count, running = state["count"] + 1, state["running"]
    gradients, passes = jax.grad(critic_cost, has_aux=True)(state["critic"], state["generator"], x, noise[0])
    critic, critic_moments = adam(state["critic"], gradients, state["critic_moments"], count)
    running = follow(running, passes)
    gradients, passes = jax.grad(generator_cost, has_aux=True)(state["generator"], critic, noise[1])
    generator, moments = adam(state["generator"], gradients, state["generator_moments"], count)
    return {
        "key": key,
        "count": count,
        "running": follow(running, passes),
        "critic": critic,
        "critic_moments": critic_moments,
        "generator": generator,
        "generator_moments": moments,
    }


class Peer:
    """See `dcgan`."""

    def __init__(self, weights):
        arrays = {name: jnp.asarray(value) for name, value in weights.items()}
        critic = {name: value for name, value in arrays.items() if name.startswith(("critic", "logit"))}
        generator = {name: value for name, value in arrays.items() if name not in critic}
        zeros = lambda tree: tuple(jax.tree.map(jnp.zeros_like, tree) for _ in range(2))  # noqa: E731
        self.state = {
            "key": jax.random.key(0, impl="rbg"),
            "count": jnp.zeros(()),
            "running": {name: (jnp.zeros(size), jnp.ones(size)) for name, size in dcgan.NORMALIZED.items()},
            "critic": critic,
            "critic_moments": zeros(critic),
            "generator": generator,
            "generator_moments": zeros(generator),
        }
        self.batches = [jnp.asarray(batch) for batch in dcgan.batches()]
        self.done = 0

    def loss(self, x, noise):
        generator, critic = self.state["generator"], self.state["critic"]
        first = critic_cost(critic, generator, x, noise[0])[0]
        return float(first + generator_cost(generator, critic, noise[1])[0])

    def gradient(self, x, noise):
        generator, critic = self.state["generator"], self.state["critic"]
        found = jax.grad(critic_cost, has_aux=True)(critic, generator, x, noise[0])[0]
        found |= jax.grad(generator_cost, has_aux=True)(generator, critic, noise[1])[0]
        return {name: np.asarray(found[name]) for name in dcgan.CHECKED}

    def steps(self, count):
        self._run(1)
        began = time.perf_counter()
        self._run(count)
        return (time.perf_counter() - began) / count

    def _run(self, count):
        for _ in range(count):
            self.state = step(self.state, self.batches[self.done % dcgan.BATCHES])
            self.done += 1
        jax.block_until_ready(self.state["generator"])
