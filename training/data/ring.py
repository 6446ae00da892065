"""Points of the plane on a ring, the image of a standard normal."""

from __future__ import annotations

import numpy as np

from tfvae.training.data.pipelines import philox

SIZES = {"train": 5000, "test": 2000}


def ring(z: np.ndarray) -> np.ndarray:
    """Maps points z [N, 2], none of them 0, to z / 10 + z / |z|: radius 1 + |z| / 10, the direction of z.

    References:
        Doersch: Tutorial on variational autoencoders (2016), figure 2.
    """
    return z / 10.0 + z / np.linalg.norm(z, axis=-1, keepdims=True)


def read() -> dict[str, tuple[np.ndarray, None]]:
    """Returns the splits, the same at every call: points [N, 2], float32, without labels."""
    splits = {}
    for name, count in SIZES.items():
        uniform = np.random.Generator(philox(f"ring {name}", 0)).random((count, 2)).T
        radius, angle = np.sqrt(-2.0 * np.log1p(-uniform[0])), 2.0 * np.pi * uniform[1]  # Box and Muller
        z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        splits[name] = ring(z).astype(np.float32), None
    return splits
