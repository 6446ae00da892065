"""Four independent Laplace sources, mixed by one matrix."""

from __future__ import annotations

import numpy as np

from tfvae.training.data.found import Arrays, Found
from tfvae.training.data.pipelines import philox

SIZES = {"train": 16_000, "test": 4_000}
MIXING = np.array(
    [
        [1.0, 0.5, -0.3, 0.2],
        [-0.4, 0.8, 0.6, 0.1],
        [0.3, -0.6, 1.2, 0.5],
        [0.2, 0.4, -0.5, 0.9],
    ]
)  # A, as well-conditioned as mixtures are that noise with their covariance covers


def mixed(sources: np.ndarray) -> np.ndarray:
    """Returns x = A s for sources s [N, 4]: [N, 4].

    Example:
        >>> mixed(np.array([[1.0, 0.0, 0.0, 0.0]])).tolist()
        [[1.0, -0.4, 0.3, 0.2]]
    """
    return sources @ MIXING.T


def read() -> Found:
    """Returns the splits, vectors [N, 4], float32, without labels. They are the same at every call.

    The sources have the density exp(-sqrt(2) |s|) / sqrt(2), of mean 0 and variance 1.

    References:
        Gutmann, Hyvarinen: Noise-contrastive estimation of unnormalized statistical models, with applications to
        natural image statistics (2012), section 3.1.
    """
    splits: dict[str, Arrays] = {}
    for name, count in SIZES.items():
        centred = 2.0 * np.random.Generator(philox(f"ica {name}", 0)).random((count, 4)) - 1.0
        sources = -np.sign(centred) * np.log1p(-np.abs(centred)) / np.sqrt(2.0)
        splits[name] = mixed(sources).astype(np.float32), None, None
    return Found(splits)
