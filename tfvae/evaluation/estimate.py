"""What every estimate of log p(x) from weights has in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfvae.evaluation.per_example import PerExample, check_finite, mean_error

FEW = 10  # effective weights below which neither an estimate nor its error is to be trusted


@dataclass(frozen=True)
class Estimate:
    """Estimates of log p(x) for N examples from K weights w_k each, E[w_k] = p(x).

    Attributes:
        log_prob: log (1/K) sum_k w_k, [N], nats; its expectation is at most log p(x).
        standard_error: of `log_prob`, [N], nats, by the delta method: sqrt((K / ESS - 1) / (K - 1)). Not to be
            trusted where the effective sample size is small.
        effective_sample_size: (sum_k w_k)^2 / sum_k w_k^2, [N], between 1 and K.
    """

    log_prob: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray

    @property
    def nll(self) -> float:
        """Negative log-likelihood: the mean of -log_prob over the examples, nats."""
        return float(-self.log_prob.mean())

    @property
    def nll_standard_error(self) -> float:
        """Standard error of `nll` as an estimate for the whole population, nats: sd(log_prob) / sqrt(N).

        The scatter of `log_prob` holds both parts, that from one example to the next and that from the weights;
        `monte_carlo_standard_error` is the second part alone. NaN for a single example.
        """
        return mean_error(self.log_prob)

    @property
    def monte_carlo_standard_error(self) -> float:
        """Standard error of `nll` for exactly these examples, nats: sqrt(sum_n standard_error_n^2) / N."""
        return PerExample(self.log_prob, self.standard_error).monte_carlo_standard_error


def finish(sums, start: int, num_samples: int) -> np.ndarray:
    """The figures of examples from the sums of their weights.

    Args:
        sums: the largest log-weight, the sums of w and of w^2 relative to it, and the sum of the log-weights, [b] each.
        start: number of the first example.
        num_samples: weights K of each.

    Returns:
        figures: `log_prob`, `standard_error`, `effective_sample_size` (see `Estimate`) and the mean log-weight, [4, b].

    Raises:
        UserError: if a log-weight is NaN or +infinity.
    """
    top, first, second, total = sums
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
    return np.stack([log_prob, np.sqrt(variance), size, total / num_samples])


def of_log_weights(log_weights: np.ndarray, start: int) -> np.ndarray:
    """Returns what `finish` gives for log-weights [K, b], float64."""
    top = log_weights.max(axis=0)
    with np.errstate(invalid="ignore"):
        weights = np.exp(log_weights - top)
    return finish(
        (top, weights.sum(axis=0), (weights**2).sum(axis=0), log_weights.sum(axis=0)), start, len(log_weights)
    )
