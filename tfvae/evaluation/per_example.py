"""A quantity that was estimated for each example, its mean, and the refusal of what is no number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfvae.checks import NotFinite, not_finite


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
        return mean_error(self.values)

    @property
    def monte_carlo_standard_error(self) -> float:
        """Standard error of `mean` for exactly these examples: sqrt(sum_n standard_error_n^2) / N."""
        return float(np.sqrt(np.sum(self.standard_error**2)) / len(self.standard_error))


def mean_error(values: np.ndarray) -> float:
    """Returns the standard error of the mean of values [N], sd / sqrt(N); NaN for a single one."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def check_finite(what: str, values: np.ndarray, start: int = 0) -> None:
    """Checks figures [..., b] of the examples from number `start` on.

    Raises:
        NotFinite: if one is NaN or infinite; it names the first such example.
    """
    if broken := not_finite(np.moveaxis(values, -1, 0)):
        raise NotFinite(what, broken[0], values.shape[-1], start + broken[1])
