"""The maximum of the linear-Gaussian model's likelihood in closed form."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array
from scipy import linalg

_LOG_2PI = math.log(2 * math.pi)


def ppca_max_log_likelihood(x_data: Array, L: int) -> float:
    """Returns the maximum over W, b and s of the mean of `LinearGaussian.log_marginal` over the data.

        -1/2 (D log(2 pi) + sum_{i <= L} log lambda_i + (D - L) log sigma^2 + D) nats per example

    with lambda_1 >= ... >= lambda_D the eigenvalues of the sample covariance (divisor N) and sigma^2 the mean
    of the discarded ones, i > L.

    Args:
        x_data: [N, D].
        L: latent size, 1 <= L < D.

    Raises:
        ValueError: L outside its range, or the discarded eigenvalues vanish and the likelihood is unbounded.

    References:
        Tipping, Bishop 1999, Probabilistic principal component analysis, J. R. Statist. Soc. B 61(3).
    """
    x_data = np.asarray(x_data, np.float64)
    if x_data.ndim != 2 or not 1 <= L < x_data.shape[1]:
        raise ValueError(f"L does not fit; expected data [N, D], 1 <= L < D; received {x_data.shape}, L {L}")
    D = x_data.shape[1]
    eigenvalues = linalg.eigvalsh(np.cov(x_data, rowvar=False, bias=True))[::-1]
    noise = eigenvalues[L:].mean()
    if not noise > 1e-12 * eigenvalues[0]:
        raise ValueError(f"the likelihood is unbounded; expected sigma^2 > 0; received {noise:.3g}")
    log_det = np.sum(np.log(eigenvalues[:L])) + (D - L) * math.log(noise)
    return float(-0.5 * (D * (_LOG_2PI + 1) + log_det))
