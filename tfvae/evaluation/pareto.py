"""Pareto smoothed importance sampling: the shape of the weights' tail, and smoothed weights."""

from __future__ import annotations

import math

import numpy as np

FEWEST = 5  # fewest weights of a tail to which a distribution is fitted
PRIOR_SHAPE, PRIOR_COUNT = 0.5, 10  # prior of k: worth ten exceedances with shape 1/2


def tail_size(num_samples: int) -> int:
    """Returns the number of weights in the tail of K: min(K / 5, 3 sqrt(K)), rounded down."""
    return min(num_samples // 5, math.isqrt(9 * num_samples))


def threshold(num_samples: int) -> float:
    """Returns the largest shape k at which the mean of K weights is reliable: min(1 - 1 / log10 K, 0.7)."""
    return min(1.0 - 1.0 / math.log10(num_samples), 0.7) if num_samples > 1 else -math.inf


def fit(exceedances: np.ndarray) -> tuple[float, float]:
    """Fits a generalised Pareto distribution, P(X > x) = (1 + k x / sigma)^(-1/k), by its profile posterior.

    With b = -k / sigma, the likelihood has its maximum over k at k(b) = mean_i log(1 - b x_i). The estimate of b is its
    posterior mean over a grid. Then k is shrunk towards 1/2 with the weight of ten exceedances.

    Args:
        exceedances: positive numbers in ascending order, [M].

    Returns:
        k, sigma: shape and scale.

    References:
        Zhang, Stephens: A new and efficient estimation method for the generalized Pareto distribution (2009).
        Vehtari, Simpson, Gelman, Yao, Gabry: Pareto smoothed importance sampling (2024), appendix (the prior of k).
    """
    count = len(exceedances)
    size = 30 + math.isqrt(count)
    quartile = exceedances[int(count / 4 + 0.5) - 1]
    grid = 1.0 - np.sqrt(size / (np.arange(1, size + 1) - 0.5))
    grid = 1.0 / exceedances[-1] + grid / (3.0 * quartile)
    shapes = np.log1p(-np.outer(grid, exceedances)).mean(axis=1)
    profile = count * (np.log(-grid / shapes) - shapes - 1.0)
    posterior = np.exp(profile - profile.max())
    b = float(grid @ posterior / posterior.sum())
    k = float(np.log1p(-b * exceedances).mean())
    return (count * k + PRIOR_COUNT * PRIOR_SHAPE) / (count + PRIOR_COUNT), -k / b


def smooth(tail: np.ndarray, num_samples: int) -> tuple[float, np.ndarray]:
    """Returns the shape of the tail of K weights, and smoothed weights from the fitted distribution.

    Args:
        tail: largest `tail_size(K)` + 1 log-weights, in descending order. The last one is the threshold and not part of
            the tail.
        num_samples: number of weights K.

    Returns:
        k: shape of the tail. The weights have 1/k moments. -inf for weights that do not vary; NaN if fewer than 5
            weights exceed the threshold.
        smoothed: smoothed log-weights of the tail in descending order, [tail_size(K)], none above the largest
            log-weight. They are those of `tail` if k is not finite.

    References:
        Vehtari, Simpson, Gelman, Yao, Gabry: Pareto smoothed importance sampling (2024), section 2 and algorithm 1.
    """
    inner = tail[:-1]
    if tail_size(num_samples) < FEWEST:
        return math.nan, inner
    if tail[0] == tail[-1]:
        return -math.inf, inner
    top = tail[0]
    low = max(tail[-1] - top, math.log(np.finfo(np.float64).tiny))
    exceedances = np.exp(inner - top) - math.exp(low)
    above = int(np.sum(exceedances > 0.0))
    if above < FEWEST:
        return math.nan, inner
    k, sigma = fit(exceedances[:above][::-1])
    ranks = 1.0 - (np.arange(above) + 0.5) / above
    spread = np.expm1(-k * np.log1p(-ranks)) / k if k else -np.log1p(-ranks)
    smoothed = np.minimum(np.log(sigma * spread + math.exp(low)), 0.0) + top
    return k, np.concatenate([smoothed, inner[above:]])


def reliable(shapes: np.ndarray, num_samples: int) -> np.ndarray:
    """Returns for each of N examples whether the mean of its K weights is reliable.

    The fit of one tail of M weights has a scatter of (1 + k) / sqrt(M). It is too low when the largest weights of the
    tail were not drawn. So an example must pass `threshold` twice: with its own fit, and with its fit shrunk towards
    the mean of all examples (empirical Bayes), the more the less the fits differ beyond this scatter.

    Args:
        shapes: shape k of each example, [N], see `smooth`.
        num_samples: number of weights K.

    Returns:
        reliable: [N], bool; False if k is NaN.
    """
    limit = threshold(num_samples)
    passed = shapes <= limit
    fitted = np.isfinite(shapes)
    if not fitted.any():
        return passed
    k = shapes[fitted]
    scatter = (1.0 + k.mean()) ** 2 / tail_size(num_samples)
    spread = max(float(k.var()) - scatter, 0.0)
    pooled = k.mean() + spread / (spread + scatter) * (k - k.mean()) if len(k) > 1 else k
    passed[fitted] &= pooled <= limit
    return passed
