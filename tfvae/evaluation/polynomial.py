"""Kernel inception distance: the discrepancy of two sets of features under a cubic kernel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, int_from
from tfvae.evaluation.neighbours import check_features


def kernel_distance(
    real: ArrayLike, fake: ArrayLike, subsets: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Returns the kernel inception distance (KID) of features and its standard error: the mean over disjoint subsets of

        1/(n (n - 1)) sum_{i != j} k(x_i, x_j) + 1/(n (n - 1)) sum_{i != j} k(y_i, y_j) - 2/n^2 sum_ij k(x_i, y_j)
        k(a, b) = (a^T b / F + 1)^3,  F features, n examples of each kind in a subset

    The expected value does not depend on n, and is 0 for equal distributions: unlike the Frechet distance, values from
    different numbers of examples compare. The cubic kernel sees moments up to the third. Features are taken as they
    are: the value depends on their scale and origin, and compares within one feature space alone.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        subsets: number of subsets, at least 2, that N and M examples are divided into.
        seed: non-negative integer that determines the subsets.

    Returns:
        distance: below 0 about as often as above for equal distributions.
        standard_error: sd over subsets / sqrt(subsets). No example is in two of them, so that it is honest.

    Raises:
        UserError: if the features do not fit, or there are fewer than two examples for a subset.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> estimate, error = evaluation.kernel_distance(points[:30], points[30:] + 3.0)
        >>> estimate > 0
        True

    References:
        Binkowski, Sutherland, Arbel, Gretton: Demystifying MMD GANs (2018), section 4.
    """
    sets = [np.asarray(values, np.float64) for values in (real, fake)]
    check_features(sets[0], sets[1])
    int_from(2, "subsets", subsets)
    if min(map(len, sets)) < 2 * subsets:
        raise UserError(
            "there are too few examples for so many subsets",
            expected=f"at least {2 * subsets} of each kind",
            received=f"{len(sets[0])} and {len(sets[1])}",
        )
    generator = np.random.default_rng(seed)
    parts = [np.array_split(generator.permutation(values), subsets) for values in sets]
    found = [_unbiased(*pair) for pair in zip(*parts, strict=True)]
    return float(np.mean(found)), float(np.std(found, ddof=1) / math.sqrt(subsets))


def _unbiased(real: np.ndarray, fake: np.ndarray) -> float:
    n, m = len(real), len(fake)
    within = (_kernels(real, real).sum() - _own(real).sum()) / (n * (n - 1))
    within += (_kernels(fake, fake).sum() - _own(fake).sum()) / (m * (m - 1))
    return float(within - 2.0 * _kernels(real, fake).mean())


def _kernels(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1.0) ** 3


def _own(values: np.ndarray) -> np.ndarray:
    """Returns k(x_i, x_i), [N]."""
    return (np.mean(values**2, axis=1) + 1.0) ** 3
