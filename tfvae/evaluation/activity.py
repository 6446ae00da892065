"""Which latent units a model uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfvae.evaluation.examples import as_arrays, rows


@dataclass(frozen=True)
class ActiveUnits:
    """How much each latent unit follows the data.

    Attributes:
        variance: Var_x(E[z_j|x]) over the examples, [latent_size].
        threshold: above which a unit counts as active.
    """

    variance: np.ndarray
    threshold: float

    @property
    def count(self) -> int:
        """Units whose variance exceeds the threshold."""
        return int(np.sum(self.variance > self.threshold))


def active_units(model, data, threshold: float = 0.01) -> ActiveUnits:
    """Measures Var_x(E_q[z_j|x]) for each latent unit j; a unit is active where it exceeds `threshold`.

    Args:
        model: a `tfvae` model with `encode`.
        data: [N, *event_shape], or a finite `tf.data.Dataset` of batches; pairs (condition, x) for a model that
            takes them.
        threshold: of activity; 0.01 in the paper.

    Returns:
        units: `ActiveUnits`.

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), section 5.2.
    """
    data = as_arrays(model, data)
    encode = tf.function(model.encode, reduce_retracing=True)
    parts = [rows(data, start, 500) for start in range(0, len(data["x"]), 500)]
    codes = np.concatenate([encode(**tf.nest.map_structure(tf.constant, part)).numpy() for part in parts])
    return ActiveUnits(codes.astype(np.float64).var(axis=0), threshold)
