"""A quantity that was estimated for each example, and its mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PerExample:
    """Estimates of one quantity for N examples.

    Attributes:
        values: [N].
        standard_error: of each value, from its particles, [N]; NaN where one particle cannot tell.
    """

    values: np.ndarray
    standard_error: np.ndarray

    @property
    def mean(self) -> float:
        """Mean over the examples."""
        return float(self.values.mean())

    @property
    def mean_standard_error(self) -> float:
        """Standard error of `mean` as an estimate for the whole population: sd(values) / sqrt(N).

        The scatter of `values` holds both parts, that from one example to the next and that from the particles;
        `monte_carlo_standard_error` is the second part alone. NaN for a single example.
        """
        count = len(self.values)
        return float(self.values.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan

    @property
    def monte_carlo_standard_error(self) -> float:
        """Standard error of `mean` for exactly these examples: sqrt(sum_n standard_error_n^2) / N."""
        return float(np.sqrt(np.sum(self.standard_error**2)) / len(self.standard_error))
