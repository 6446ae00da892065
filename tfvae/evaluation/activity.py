"""Which latent units a model uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import positive_int
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.traced import traced
from tfvae.examples import Examples
from tfvae.models.contract import Inferential

DRAWS_PER_BLOCK = 5000  # of all its examples
THRESHOLD = 0.01  # of the paper, in squared latent units


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        """How many units of each layer are active, in one line."""
        pairs = zip(self.by_layer, self.variances, strict=True)
        counts = " and ".join(f"{count} of {len(units)}" for count, units in pairs)
        return f"<{type(self).__name__}: {counts} units above {self.threshold:g}, N = {len(self.means[0]):,}>"

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


def active_units(
    model: Inferential, data: Any, threshold: float = THRESHOLD, *, draws: int = 50, seed: int = 0
) -> ActiveUnits:
    """Measures Var_x(E_q[z_j|x]) for each latent unit j; a unit is active where it exceeds `threshold`.

    Where a layer is sampled after others, E_q[z_j|x] is an average over those: two independent averages have the
    covariance Var_x(E_q[z_j|x]), to which the scatter of neither adds. If z_j's mean scatters with
    variance s^2 about that average, the standard error is about (Var_x + s^2 / draws) / sqrt(N): it is to be well under
    the threshold.

    Args:
        model: `Inferential` model.
        data: examples; see `log_marginal`.
        threshold: of activity; 0.01 in the paper.
        draws: of the layers sampled before, for each of the two averages.
        seed: 32-bit integer, of these.

    Returns:
        units: `ActiveUnits`.

    Raises:
        UserError: if an argument is out of range.

    Example:
        >>> import numpy as np
        >>> from tfvae import presets
        >>> model, x = presets.create("digits"), np.ones((3, 8, 8, 1), "float32")
        >>> active_units(model, x).count  # equal examples: no unit varies
        0

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), section 5.2.
    """
    layers = _averages(model, as_examples(model, data), positive_int("draws", draws), seed)
    means = tuple((first + second) / 2.0 for first, second in layers)
    return ActiveUnits(tuple(_covariance(*pair) for pair in layers), threshold, means)


def _averages(model: Inferential, data: Examples, draws: int, seed: int) -> list[np.ndarray]:
    """Returns two independent averages of each layer's means over the layers sampled before: [2, N, units], float64."""
    run_seed, averages = random.fold(random.as_seed(seed), "active_units"), _function(model)
    widths: list[int] = []

    def compute(start: int, stop: int) -> np.ndarray:
        layers = averages(
            model.check_examples(**data[start:stop].arguments()), tf.constant(start), run_seed, draws
        )
        widths[:] = [layer.shape[-1] for layer in layers]
        return np.concatenate(layers, axis=-1).astype(np.float64).swapaxes(1, 2)

    columns = in_blocks(len(data), max(1, DRAWS_PER_BLOCK // (2 * draws)), compute)
    return np.split(columns.swapaxes(1, 2), np.cumsum(widths)[:-1], axis=-1)


def _function(model: Inferential) -> Callable[..., list[tf.Tensor]]:
    """Returns the traced averages of a model."""

    def averages(x: Any, first_row: tf.Tensor, seed: tf.Tensor, draws: int) -> list[tf.Tensor]:
        noise = random.PhiloxNoise(seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
        means = model.layer_means(x, 2 * draws, noise)
        return [
            tf.stack([tf.reduce_mean(part, axis=0) for part in (layer[:draws], layer[-draws:])])
            for layer in means
        ]

    return traced(model, "active_units", averages)[0]


def _covariance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the covariance over the examples of two averages [N, units]: [units]."""
    return np.mean((first - first.mean(axis=0)) * (second - second.mean(axis=0)), axis=0)
