"""Standard errors of figures of two samples, by leaving groups out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GROUPS = 10

Figures = dict[str, float]


def jackknife(
    figures: Callable[[np.ndarray, np.ndarray], Figures],
    real: np.ndarray,
    fake: np.ndarray,
    groups: int = GROUPS,
) -> tuple[Figures, Figures]:
    """Figures of two independent samples with standard errors from both samples' scatter.

        se^2 = (G - 1)/G sum_g (f_(-g) - mean_h f_(-h))^2,   f_(-g) the figure without group g of either sample

    That counts what the figure owes to either sample, nearest neighbours included. It is right for what is nearly a
    mean over examples and too large for what is not: sqrt(2) times for `mmd` of equal distributions, 1.1 to 1.6 times
    for precision, recall, density and coverage in simulations. Its own relative error is about 1/sqrt(2 (G - 1)), a
    quarter for G = 10.

    Args:
        figures: from two samples to name and figure.
        real: [N, F].
        fake: [M, F].
        groups: G, at most N and M; each sample is cut into as many groups, by a fixed shuffle.

    Returns:
        values: name to the figure of the whole samples.
        standard_errors: name to its standard error.

    References:
        Efron, Stein: The jackknife estimate of variance (1981), for the sign of its bias.
        Shao, Wu: A general theory for jackknife variance estimation (1989), for statistics that are not smooth.
    """
    groups = min(groups, len(real), len(fake))
    generator = np.random.default_rng(0)
    first, second = (generator.permutation(len(values)) % groups for values in (real, fake))
    without = [figures(real[first != group], fake[second != group]) for group in range(groups)]
    values = figures(real, fake)
    errors = {}
    for name in values:
        left_out = np.array([found[name] for found in without])
        errors[name] = float(np.sqrt((groups - 1) / groups * np.sum((left_out - left_out.mean()) ** 2)))
    return values, errors
