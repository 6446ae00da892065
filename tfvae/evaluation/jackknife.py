"""Standard errors of metrics of two samples, by leaving groups out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GROUPS = 10

Metrics = dict[str, float]


def jackknife(
    metrics: Callable[[np.ndarray, np.ndarray], Metrics],
    real: np.ndarray,
    fake: np.ndarray,
    groups: int = GROUPS,
) -> tuple[Metrics, Metrics]:
    """Returns metrics of two independent samples, with standard errors from the scatter of both.

        se^2 = (G - 1)/G sum_g (f_(-g) - mean_h f_(-h))^2

    f_(-g) is the metric without group g of either sample. The error includes the influence of both samples, also
    through nearest neighbours. It is right for metrics that are nearly means over examples, and too large for others:
    by a factor of sqrt(2) for `mmd` of equal distributions, and of 1.1 to 1.6 for precision, recall, density and
    coverage in simulations. Its own relative error is about 1/sqrt(2 (G - 1)), a quarter for G = 10.

    Args:
        metrics: function from two samples to metrics by name.
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        groups: number of groups G in each sample, at most N and M. A fixed shuffle makes the groups.

    Returns:
        values: metrics of the whole samples by name.
        standard_errors: standard errors by name.

    Example:
        >>> real, fake = np.arange(20.0)[:, None], np.arange(20.0)[:, None] + 1
        >>> values, errors = jackknife(lambda x, y: {"shift": float(y.mean() - x.mean())}, real, fake)
        >>> values
        {'shift': 1.0}

    References:
        Efron, Stein: The jackknife estimate of variance (1981), for the sign of its bias.
        Shao, Wu: A general theory for jackknife variance estimation (1989), for statistics that are not smooth.
    """
    groups = min(groups, len(real), len(fake))
    generator = np.random.default_rng(0)
    first, second = (generator.permutation(len(values)) % groups for values in (real, fake))
    without = [metrics(real[first != group], fake[second != group]) for group in range(groups)]
    values = metrics(real, fake)
    errors: Metrics = {}
    for name in values:
        left_out = np.array([found[name] for found in without])
        errors[name] = float(np.sqrt((groups - 1) / groups * np.sum((left_out - left_out.mean()) ** 2)))
    return values, errors
