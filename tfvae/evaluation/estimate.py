"""Estimates of log p(x) from weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfvae.evaluation.per_example import PerExample, check_finite, mean_error, with_error

FEW = 10  # effective sample size below which neither an estimate nor its error is reliable
WIDE = 1.0  # nats between bounds of bidirectional Monte Carlo, from which on chains may be far off


def few_chains(effective: float, num_chains: int) -> bool:
    """Returns whether too few annealed chains count for an estimate: less than a quarter of them, or than two.

    Args:
        effective: effective sample size of the chains' weights.
        num_chains: how many chains there are.

    Example:
        >>> few_chains(3.0, 16), few_chains(5.0, 16)
        (True, False)
    """
    return effective < max(2.0, num_chains / 4)


@dataclass(frozen=True, repr=False)
class Estimate:
    """Estimates of log p(x) for N examples from K weights w_k each, E[w_k] = p(x).

    Attributes:
        log_prob: log (1/K) sum_k w_k, [N], nats. Its expectation is at most log p(x).
        standard_error: standard error of `log_prob` by the delta method, sqrt((K / ESS - 1) / (K - 1)), [N], nats. It
            is not reliable if the effective sample size is small.
        effective_sample_size: (sum_k w_k)^2 / sum_k w_k^2, [N], between 1 and K.
    """

    log_prob: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray

    def effort(self) -> list[str]:
        """Returns what `str` says of the weights, beside the estimate and the number of examples."""
        return []

    def __str__(self) -> str:
        """The negative log-likelihood with its standard error, and what it is made from, in one line."""
        parts = [f"{with_error(-self.log_prob)} nats", f"N = {len(self.log_prob):,}", *self.effort()]
        return ", ".join(parts)

    def __repr__(self) -> str:
        """As `str`, with the class."""
        return f"<{type(self).__name__}: {self}>"

    @property
    def nll(self) -> float:
        """Negative log-likelihood: the mean of -log_prob over the examples, nats."""
        return float(-self.log_prob.mean())

    @property
    def nll_standard_error(self) -> float:
        """Standard error of `nll` as an estimate for the whole population, nats: sd(log_prob) / sqrt(N).

        The scatter of `log_prob` has two parts, from the choice of examples and from the weights. The second part alone
        is `monte_carlo_standard_error`. NaN for a single example.
        """
        return mean_error(self.log_prob)

    @property
    def monte_carlo_standard_error(self) -> float:
        """Standard error of `nll` for exactly these examples, nats: sqrt(sum_n standard_error_n^2) / N."""
        return PerExample(self.log_prob, self.standard_error).monte_carlo_standard_error


def finish(sums: Sequence[np.ndarray], start: int, num_samples: int) -> np.ndarray:
    """Returns the estimates of examples from sums of their weights.

    Args:
        sums: largest log-weight, sums of w and of w^2 relative to it, and sum of the log-weights, [b] each.
        start: number of the first example.
        num_samples: number of weights K of each example.

    Returns:
        estimates: `log_prob`, `standard_error`, `effective_sample_size` (see `Estimate`) and mean log-weight, [4, b].

    Raises:
        UserError: if a log-weight is NaN or +infinity.
    """
    top, first, second, log_sum = sums
    check_finite("log-weights", top + first + second, start)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = first**2 / second
        variance = (
            np.maximum(num_samples / size - 1.0, 0.0) / (num_samples - 1)
            if num_samples > 1
            else np.nan * size
        )
        log_prob = top + np.log(first) - math.log(num_samples)
    check_finite("log-likelihoods", log_prob, start)
    return np.stack([log_prob, np.sqrt(variance), size, log_sum / num_samples])


def of_log_weights(log_weights: np.ndarray, start: int) -> np.ndarray:
    """Returns the estimates of `finish` from log-weights [K, b], float64."""
    top = log_weights.max(axis=0)
    with np.errstate(invalid="ignore"):
        weights = np.exp(log_weights - top)
    return finish(
        (top, weights.sum(axis=0), (weights**2).sum(axis=0), log_weights.sum(axis=0)), start, len(log_weights)
    )
