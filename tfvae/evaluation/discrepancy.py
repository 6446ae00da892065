"""Distances between two distributions, from features of examples: maximum mean discrepancy and Frechet distance."""

from __future__ import annotations

import numpy as np

from tfvae.checks import UserError, number_in
from tfvae.evaluation.jackknife import jackknife
from tfvae.evaluation.neighbours import check_features, distance_blocks

MEDIAN_OF = 1000  # examples, drawn at random, whose distances set the bandwidth


def mmd(real, fake, bandwidth: float | None = None) -> tuple[float, float]:
    """The unbiased estimate of the squared maximum mean discrepancy, and its standard error.

        1/(N (N - 1)) sum_{i != j} k(x_i, x_j) + 1/(M (M - 1)) sum_{i != j} k(y_i, y_j) - 2/(N M) sum_ij k(x_i, y_j)
        k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2))

    This Gaussian kernel is characteristic: in expectation the estimate is 0 for equal distributions alone. (The cubic
    kernel of the kernel inception distance compares moments up to the third alone: it takes a ring for a disc.)

    Args:
        real: features of real examples, [N, F].
        fake: features of generated ones, [M, F].
        bandwidth: of the kernel, in units of the features; for None the median distance of the real examples, so that
            all models of some data are measured alike.

    Returns:
        squared_mmd: at most 2, and below 0 about as often as above where the distributions are equal.
        standard_error: by `jackknife`; where the distributions are equal it is too large, by a factor of about
            sqrt(2).

    Raises:
        UserError: if the features do not fit, or the bandwidth is not positive.

    References:
        Gretton, Borgwardt, Rasch, Scholkopf, Smola: A kernel two-sample test (2012), lemma 6, equation 3; section 8
        for the median distance.
        Binkowski, Sutherland, Arbel, Gretton: Demystifying MMD GANs (2018), section 4 (kernel inception distance).
    """
    real, fake = check_features(real, fake)
    width = (
        median_distance(real) if bandwidth is None else number_in("bandwidth", bandwidth, 0, open_low=True)
    )
    value, error = jackknife(lambda *sets: {"mmd": squared_mmd(*sets, width)}, real, fake)
    return value["mmd"], error["mmd"]


def squared_mmd(real: np.ndarray, fake: np.ndarray, bandwidth: float) -> float:
    """Returns the estimate of `mmd` for checked features."""
    n, m = len(real), len(fake)
    within = (_kernel_sum(real, real, bandwidth) - n) / (n * (n - 1))
    within += (_kernel_sum(fake, fake, bandwidth) - m) / (m * (m - 1))
    return float(within - 2.0 * _kernel_sum(real, fake, bandwidth) / (n * m))


def median_distance(real: np.ndarray) -> float:
    """Returns the median distance between examples, pairs at one place left out; of many a fixed random choice.

    Raises:
        UserError: if all are at one place.
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


def frechet_distance(real, fake) -> float:
    """The squared Frechet distance of two Gaussians with the means and covariances of the features.

        |m_1 - m_2|^2 + Tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2))

    The trace of the root is that of (C_1^(1/2) C_2 C_1^(1/2))^(1/2), a symmetric positive semi-definite matrix, by two
    symmetric eigendecompositions in float64. The estimate is too large, the more so the fewer the examples: compare it
    with that of as many real ones.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated ones, [M, F].

    Returns:
        squared_distance: >= 0 up to rounding, in squared units of the features.

    Raises:
        UserError: if the features do not fit, see `precision_recall`.

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
    total = 0.0
    for _, squared in distance_blocks(first, second):
        squared *= -0.5 / bandwidth**2
        total += np.sum(np.exp(squared, out=squared))
    return float(total)


def _positive(eigenvalues: np.ndarray) -> np.ndarray:
    """Returns the eigenvalues of a positive semi-definite matrix without what rounding made negative."""
    return np.maximum(eigenvalues, 0.0)
