"""Which latent units a model uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import positive_int
from tfvae.evaluation.examples import as_arrays, rows

ROWS_PER_BLOCK = 500
THRESHOLD = 0.01  # of the paper, in squared latent units


@dataclass(frozen=True)
class ActiveUnits:
    """How much each latent unit follows the data.

    Attributes:
        variances: Var_x(E[z_j|x]) over the examples, [units] for each stochastic layer from the bottom up.
        threshold: above which a unit counts as active.
        means: E[z_j|x], the codes of the examples, [N, units] for each stochastic layer from the bottom up.
    """

    variances: tuple[np.ndarray, ...]
    threshold: float
    means: tuple[np.ndarray, ...]

    @property
    def variance(self) -> np.ndarray:
        """Var_x(E[z_j|x]) of the units of every layer, one layer after the other."""
        return np.concatenate(self.variances)

    @property
    def count(self) -> int:
        """Units whose variance exceeds the threshold."""
        return sum(self.by_layer)

    @property
    def by_layer(self) -> list[int]:
        """Units of each stochastic layer, from the bottom up, whose variance exceeds the threshold."""
        return [int(np.sum(variance > self.threshold)) for variance in self.variances]


def active_units(model, data, threshold: float = THRESHOLD, *, draws: int = 5, seed: int = 0) -> ActiveUnits:
    """Measures Var_x(E_q[z_j|x]) for each latent unit j; a unit is active where it exceeds `threshold`.

    Where a layer is sampled after others, E_q[z_j|x] is an average over those: two independent averages have the
    covariance Var_x(E_q[z_j|x]), to which the scatter of neither adds.

    Args:
        model: a `tfvae` model with `layer_means`.
        data: [N, *event_shape], or a finite `tf.data.Dataset` of batches; pairs (condition, x) for a model that
            takes them.
        threshold: of activity; 0.01 in the paper.
        draws: of the layers sampled before, for each of the two averages.
        seed: 32-bit integer, of these.

    Returns:
        units: `ActiveUnits`.

    Raises:
        UserError: if an argument is out of range.

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), section 5.2.
    """
    layers = _averages(model, as_arrays(model, data), positive_int("draws", draws), seed)
    means = tuple((first + second) / 2.0 for first, second in layers)
    return ActiveUnits(tuple(_covariance(*pair) for pair in layers), threshold, means)


def _averages(model, data, draws, seed) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns two independent averages of each layer's means over the layers sampled before: [N, units], float64."""
    run_seed = random.fold(random.as_seed(seed), "active_units")

    @tf.function(reduce_retracing=True)
    def averages(x, first_row):
        noise = random.PhiloxNoise(run_seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
        means = model.layer_means(x, 2 * draws, noise)
        return [
            (tf.reduce_mean(layer[:draws], axis=0), tf.reduce_mean(layer[-draws:], axis=0)) for layer in means
        ]

    blocks = [
        averages(model.check_examples(**rows(data, start, ROWS_PER_BLOCK)), tf.constant(start))
        for start in range(0, len(data["x"]), ROWS_PER_BLOCK)
    ]
    return [
        tuple(np.concatenate(side).astype(np.float64) for side in zip(*layer, strict=True))
        for layer in zip(*blocks, strict=True)
    ]


def _covariance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the covariance over the examples of two averages [N, units]: [units]."""
    return np.mean((first - first.mean(axis=0)) * (second - second.mean(axis=0)), axis=0)
