"""The logit of a distribution on [0, 1] from its mean, where that has no closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEEPEST = 50.0


def logit_of_mean(mean: np.ndarray, mean_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Solves mean_of(logit) = mean for each element by bisection between -50 and 50; beyond, the nearer of the two.

    Args:
        mean: wanted means in [0, 1], any shape.
        mean_of: increasing function from a logit to the mean of the density, or mass, exp(logit x) / Z on [0, 1].

    Returns:
        logit: float32, the shape of `mean`.
    """
    mean = np.asarray(mean, np.float64)
    low, high = np.full_like(mean, -STEEPEST), np.full_like(mean, STEEPEST)
    for _ in range(40):
        middle = 0.5 * (low + high)
        below = np.asarray(mean_of(middle)) < mean
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (0.5 * (low + high)).astype(np.float32)
