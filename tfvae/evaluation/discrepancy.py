"""Distances between two distributions, from features of examples: maximum mean discrepancy and Frechet distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, number_in
from tfvae.evaluation.jackknife import jackknife
from tfvae.evaluation.neighbours import check_features, distance_blocks

MEDIAN_OF = 1000  # most examples whose distances set the bandwidth


def mmd(real: ArrayLike, fake: ArrayLike, bandwidth: float | None = None) -> tuple[float, float]:
    """Returns the unbiased estimate of the squared maximum mean discrepancy and its standard error.

        1/(N (N - 1)) sum_{i != j} k(x_i, x_j) + 1/(M (M - 1)) sum_{i != j} k(y_i, y_j) - 2/(N M) sum_ij k(x_i, y_j)
        k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2))

    This Gaussian kernel is characteristic: the expected estimate is 0 only for equal distributions. The cubic kernel of
    the kernel inception distance compares only the first three moments and cannot distinguish a ring from a disc.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        bandwidth: bandwidth of the kernel, in units of the features. None for the median distance of the real examples,
            so that all models of a data set have the same kernel.

    Returns:
        squared_mmd: at most 2; for equal distributions below 0 about as often as above.
        standard_error: standard error by `jackknife`; for equal distributions too large by about sqrt(2).

    Raises:
        UserError: if the features do not fit, or the bandwidth is not positive.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> estimate, error = evaluation.mmd(points[:30], points[30:] + 3.0)
        >>> estimate > 5 * error
        True

    References:
        Gretton, Borgwardt, Rasch, Scholkopf, Smola: A kernel two-sample test (2012), lemma 6, equation 3; section 8
        for the median distance.
        Binkowski, Sutherland, Arbel, Gretton: Demystifying MMD GANs (2018), section 4 (kernel inception distance).
    """
    reals, fakes = check_features(real, fake)
    width = (
        median_distance(reals) if bandwidth is None else number_in("bandwidth", bandwidth, 0, open_low=True)
    )
    value, error = jackknife(lambda first, second: {"mmd": squared_mmd(first, second, width)}, reals, fakes)
    return value["mmd"], error["mmd"]


def squared_mmd(real: np.ndarray, fake: np.ndarray, bandwidth: float) -> float:
    """Returns the estimate of `mmd` for checked features."""
    n, m = len(real), len(fake)
    within = (_kernel_sum(real, real, bandwidth) - n) / (n * (n - 1))
    within += (_kernel_sum(fake, fake, bandwidth) - m) / (m * (m - 1))
    return float(within - 2.0 * _kernel_sum(real, fake, bandwidth) / (n * m))


def median_distance(real: np.ndarray) -> float:
    """Returns the median distance between at most 1,000 examples, without pairs of equal examples.

    Raises:
        UserError: if all examples are equal.
    """
    some = np.random.default_rng(0).permutation(real)[:MEDIAN_OF]
    squared = np.concatenate(
        [
            block[np.arange(rows.start, rows.stop)[:, np.newaxis] < np.arange(len(some))]
            for rows, block in distance_blocks(some, some)
        ]
    )
    squared = squared[squared > 0]
    if not squared.size:
        raise UserError("the real features are all the same", expected="examples that differ")
    return float(np.sqrt(np.median(squared)))


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Returns the squared Frechet distance of two Gaussians with the means and covariances of the features.

        |m_1 - m_2|^2 + Tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2))

    The trace of the root is that of the symmetric matrix (C_1^(1/2) C_2 C_1^(1/2))^(1/2), from two symmetric
    eigendecompositions in float64. The estimate is too large, and more so with fewer examples. Compare it with that of
    the same number of real examples.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].

    Returns:
        squared_distance: >= 0 up to rounding, in squared units of the features.

    Raises:
        UserError: if the features do not fit, see `precision_recall`.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> round(evaluation.frechet_distance(points, points + [3.0, 4.0]), 3)
        25.0

    References:
        Dowson, Landau: The Frechet distance between multivariate normal distributions (1982).
        Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter: GANs trained by a two time-scale update rule converge to a
        local Nash equilibrium (2017), equation 6.
    """
    return squared_frechet(*check_features(real, fake))


def squared_frechet(real: np.ndarray, fake: np.ndarray) -> float:
    """Returns `frechet_distance` for checked features."""
    first, second = (np.cov(values, rowvar=False).reshape(values.shape[1], -1) for values in (real, fake))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(_positive(values))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ second @ root)
    shift = real.mean(axis=0) - fake.mean(axis=0)
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2.0 * np.sum(np.sqrt(_positive(cross))))


def _kernel_sum(first: np.ndarray, second: np.ndarray, bandwidth: float) -> float:
    """Returns sum_ij exp(-|first_i - second_j|^2 / (2 bandwidth^2))."""
    result = 0.0
    for _, squared in distance_blocks(first, second):
        squared *= -0.5 / bandwidth**2
        result += float(np.sum(np.exp(squared, out=squared)))
    return result


def _positive(eigenvalues: np.ndarray) -> np.ndarray:
    """Returns the eigenvalues of a positive semi-definite matrix, with negative ones from rounding set to 0."""
    return np.maximum(eigenvalues, 0.0)
