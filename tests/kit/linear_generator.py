"""A linear generator x = W z + b as a GAN, whose log p(x) at any observation scale has a closed form."""

from __future__ import annotations

import keras
import numpy as np
from kit.linear_gaussian import LinearGaussian
from scipy import optimize

from tfvae.distributions import StandardNormal
from tfvae.models.gan import GAN

RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(5, 2)), RNG.normal(size=5)
TRUE_SCALE = 0.3


def oracle(scale: float) -> LinearGaussian:
    """Returns p(x) = N(b, W W^T + s^2 I) at a scale s."""
    return LinearGaussian(W, B, scale)


def examples(count: int, seed: int = 1) -> np.ndarray:
    """Returns draws of the model with `TRUE_SCALE`, [count, 5]."""
    rng = np.random.default_rng(seed)
    noise = TRUE_SCALE * rng.normal(size=(count, 5))
    return (rng.normal(size=(count, 2)) @ W.T + B + noise).astype(np.float32)


def build(observation_scale: float | None = None) -> GAN:
    """Returns the generator with an idle discriminator."""
    model = GAN(
        keras.layers.Dense(5),
        keras.layers.Dense(1),
        prior=StandardNormal(2),
        observation_scale=observation_scale,
    )
    model.compile()
    model.generator_network.set_weights([W.T, B])
    return model


def best_scale(x: np.ndarray) -> float:
    """Returns the scale that maximises the mean of the exact log p(x)."""
    found = optimize.minimize_scalar(
        lambda log_scale: -oracle(np.exp(log_scale)).log_marginal(x).mean(),
        bounds=(-4.0, 1.0),
        method="bounded",
    )
    return float(np.exp(found.x))
