"""The parameter of a distribution from its mean, where that has no closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEEPEST = 50.0
HALVINGS = 64


def parameter_of_mean(
    mean: np.ndarray, mean_of: Callable[[np.ndarray], np.ndarray], largest: float = STEEPEST
) -> np.ndarray:
    """Solves mean_of(parameter) = mean for each element by bisection; beyond the ends, the nearer of the two.

    Args:
        mean: wanted means, any shape.
        mean_of: increasing function from a parameter, such as a logit, to the mean of the distribution.
        largest: upper end of the interval; minus it is the lower one.

    Returns:
        parameter: float32, the shape of `mean`.
    """
    mean = np.asarray(mean, np.float64)
    low, high = np.full_like(mean, -largest), np.full_like(mean, largest)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = np.asarray(mean_of(middle)) < mean
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (0.5 * (low + high)).astype(np.float32)
