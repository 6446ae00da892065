"""Points on a ring in the plane: a standard normal, transformed."""

from __future__ import annotations

import numpy as np

from tfvae.training.data.found import Arrays, Found
from tfvae.training.data.pipelines import philox

SIZES = {"train": 5000, "test": 2000}


def ring(z: np.ndarray) -> np.ndarray:
    """Returns z / 10 + z / |z| for points z [N, 2], none of them 0. The radius is 1 + |z| / 10.

    Example:
        >>> ring(np.array([[0.0, 5.0]])).tolist()
        [[0.0, 1.5]]

    References:
        Doersch: Tutorial on variational autoencoders (2016), figure 2.
    """
    return z / 10.0 + z / np.linalg.norm(z, axis=-1, keepdims=True)


def read() -> Found:
    """Returns the splits, points [N, 2], float32, without labels. They are the same at every call."""
    splits: dict[str, Arrays] = {}
    for name, count in SIZES.items():
        uniform = np.random.Generator(philox(f"ring {name}", 0)).random((count, 2)).T
        radius, angle = np.sqrt(-2.0 * np.log1p(-uniform[0])), 2.0 * np.pi * uniform[1]  # Box and Muller
        z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        splits[name] = ring(z).astype(np.float32), None, None
    return Found(splits)
