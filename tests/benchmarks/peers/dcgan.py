"""What every implementation of DCGAN shares: layers, weights, images, the costs of both players, the optimisers.

An implementation is a module with a class `Peer(weights)` and

    loss(x, noise) -> float          J(D) + J(G), nats, in training mode, for noise [2, B, LATENT]: samples that the
                                     discriminator learns from, then the generator's
    gradient(x, noise) -> {name: array}   of J(D) for "critic_1", of J(G) for "generator_1"
    steps(count) -> float            seconds of one training step, noise drawn inside it, over `count` of them

with J(D) = -1/2 E log D(x) - 1/2 E log(1 - D(g(z))) and J(G) = -1/2 E log D(g(z)), each pass through a network
normalised by its own statistics. A training step is one of the discriminator, then one of the generator.
"""

from __future__ import annotations

import numpy as np

SIZE, WIDTH, LATENT, BATCH = 28, 16, 100, 128
BATCHES = 40  # of an epoch, all in memory
LEARNING_RATE, BETA_1, BETA_2, ADAM_EPSILON = 2e-4, 0.5, 0.999, 1e-7
KERNEL, LEAK, EPSILON, KEPT = 5, 0.2, 1e-5, 0.9
START = (SIZE // 4, SIZE // 4, 2 * WIDTH)
KERNELS = {  # transposed convolutions: [height, width, out, in]; convolutions: [height, width, in, out]
    "projection": (LATENT, int(np.prod(START))),
    "generator_0": (KERNEL, KERNEL, WIDTH, 2 * WIDTH),
    "generator_1": (KERNEL, KERNEL, 1, WIDTH),
    "critic_0": (KERNEL, KERNEL, 1, WIDTH),
    "critic_1": (KERNEL, KERNEL, WIDTH, 2 * WIDTH),
    "logit": (int(np.prod(START)), 1),
}
BIASES = {"generator_1": 1, "critic_0": WIDTH, "logit": 1}
NORMALIZED = {"generator_norm_0": 2 * WIDTH, "generator_norm_1": WIDTH, "critic_norm": 2 * WIDTH}
CHECKED = ("critic_1", "generator_1")


def weights() -> dict[str, np.ndarray]:
    """Returns float32 arrays: a kernel NAME, "NAME bias", and "NAME gamma" and "NAME beta" of a normalisation."""
    rng = np.random.default_rng(0)
    found = {name: rng.normal(0.0, 0.02, shape) for name, shape in KERNELS.items()}
    found |= {f"{name} bias": rng.normal(0.0, 0.02, size) for name, size in BIASES.items()}
    for name, size in NORMALIZED.items():
        found |= {f"{name} gamma": rng.normal(1.0, 0.02, size), f"{name} beta": rng.normal(0.0, 0.02, size)}
    return {name: value.astype(np.float32) for name, value in found.items()}


def sizes(case: dict[str, int]) -> dict[str, int]:
    """Returns the arguments of `weights` for the arguments of a `Peer`: none."""
    return {}


def case_of(noise: np.ndarray) -> dict[str, int]:
    """Returns the arguments of a `Peer` for some noise: none."""
    return {}


def images(count: int, seed: int = 0) -> np.ndarray:
    """Returns images [count, SIZE, SIZE, 1] in [0, 1], float32."""
    return np.random.default_rng(seed).random((count, SIZE, SIZE, 1), np.float32)


def batches() -> np.ndarray:
    """Returns [BATCHES, BATCH, SIZE, SIZE, 1], float32."""
    return images(BATCHES * BATCH).reshape(BATCHES, BATCH, SIZE, SIZE, 1)
