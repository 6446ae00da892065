"""A metric of each example, its mean, and a check that it is finite."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfvae.checks import NotFinite, not_finite


@dataclass(frozen=True, repr=False)
class PerExample:
    """Estimates of one metric for N examples.

    Attributes:
        values: estimates, [N].
        standard_error: standard error of each estimate, from its particles, [N]; NaN for a single particle.
    """

    values: np.ndarray
    standard_error: np.ndarray

    def __repr__(self) -> str:
        """The mean with its standard error, in one line."""
        return f"<{type(self).__name__}: {with_error(self.values)}, N = {len(self.values):,}>"

    @property
    def mean(self) -> float:
        """Mean over the examples."""
        return float(self.values.mean())

    @property
    def mean_standard_error(self) -> float:
        """Standard error of `mean` as an estimate for the whole population: sd(values) / sqrt(N).

        The scatter of `values` has two parts, from the choice of examples and from the particles. The second part alone
        is `monte_carlo_standard_error`. NaN for a single example.
        """
        return mean_error(self.values)

    @property
    def monte_carlo_standard_error(self) -> float:
        """Standard error of `mean` for exactly these examples: sqrt(sum_n standard_error_n^2) / N."""
        return float(np.sqrt(np.sum(self.standard_error**2)) / len(self.standard_error))


def mean_error(values: np.ndarray) -> float:
    """Returns the standard error of the mean of values [N], sd / sqrt(N); NaN for a single value."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def with_error(values: np.ndarray) -> str:
    """Returns the mean of values [N] with its standard error, which a single value does not have.

    Example:
        >>> with_error(np.array([1.0, 2.0, 3.0]))
        '2.00 +- 0.58'
    """
    error = f" +- {mean_error(values):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{error}"


def check_finite(what: str, values: np.ndarray, start: int = 0) -> None:
    """Checks that values of examples are finite.

    Args:
        what: name of the values in the message.
        values: values of b examples, [..., b].
        start: number of the first example.

    Raises:
        NotFinite: if a value is NaN or infinite. The message names the first such example.
    """
    if broken := not_finite(np.moveaxis(values, -1, 0)):
        raise NotFinite(what, broken[0], values.shape[-1], start + broken[1])
