"""What every implementation in the comparison shares: architecture, weights, data, the optimiser's settings.

An implementation is a module with a class `Peer(weights, *, num_samples)` and

    loss(x, noise) -> float          minus the mean bound over the batch, nats, for noise [K, B, LATENT]
    gradient(x, noise) -> {name: array}   of that loss, for the kernels of the layers in CHECKED
    steps(count) -> float            seconds that one training step takes, noise drawn inside it, over `count` of them
"""

from __future__ import annotations

import numpy as np

PIXELS, HIDDEN, LATENT, BATCH = 784, 200, 50, 100
BATCHES = 200  # of an epoch, all in memory
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 5e-6
LAYERS = {
    "encoder_0": (PIXELS, HIDDEN),
    "encoder_1": (HIDDEN, HIDDEN),
    "loc": (HIDDEN, LATENT),
    "log_scale": (HIDDEN, LATENT),
    "decoder_0": (LATENT, HIDDEN),
    "decoder_1": (HIDDEN, HIDDEN),
    "logits": (HIDDEN, PIXELS),
}
ENCODER = ("encoder_0", "encoder_1", "loc", "log_scale")
CHECKED = ("encoder_0", "logits")


def weights(latent_size: int = LATENT) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns layer to (kernel [in, out], bias [out]), float32: Glorot's uniform kernels, small biases."""
    rng = np.random.default_rng(0)
    sizes = {LATENT: latent_size}

    def layer(inputs, outputs):
        limit = np.sqrt(6 / (inputs + outputs))
        kernel = rng.uniform(-limit, limit, (inputs, outputs))
        return kernel.astype(np.float32), rng.normal(0, 0.1, outputs).astype(np.float32)

    return {name: layer(*(sizes.get(size, size) for size in shape)) for name, shape in LAYERS.items()}


def sizes(case: dict[str, int]) -> dict[str, int]:
    """Returns the arguments of `weights` for the arguments of a `Peer`."""
    return {name: case[name] for name in ("latent_size",) if name in case}


def case_of(noise: np.ndarray) -> dict[str, int]:
    """Returns the arguments of a `Peer` for noise [K, B, LATENT]."""
    return {"num_samples": len(noise)}


def images(count: int, seed: int = 0) -> np.ndarray:
    """Returns binary images [count, PIXELS], float32, a fifth of them ones."""
    return (np.random.default_rng(seed).random((count, PIXELS)) < 0.2).astype(np.float32)


def batches() -> np.ndarray:
    """Returns [BATCHES, BATCH, PIXELS], float32."""
    return images(BATCHES * BATCH).reshape(BATCHES, BATCH, PIXELS)


def flops(num_samples: int, backward_particles: int | None = None) -> int:
    """Returns the floating-point operations of the matrix products in one step.

    A layer of i inputs and o outputs on n rows takes 2 n i o forward, as many for its weights' gradient and, the first
    layer apart, as many for its inputs'. The encoder has B rows, the decoder K B forward and m B backward.

    Args:
        num_samples: K.
        backward_particles: m; K for None.
    """
    backward = num_samples if backward_particles is None else backward_particles
    total = 0
    for name, (inputs, outputs) in LAYERS.items():
        forward_rows, backward_rows = (1, 1) if name in ENCODER else (num_samples, backward)
        products = 1 if name == "encoder_0" else 2
        total += 2 * BATCH * inputs * outputs * (forward_rows + products * backward_rows)
    return total
