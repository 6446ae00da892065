"""What a comparison in latent space makes of a batch."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfvae.comparisons.codes import Codes
from tfvae.models.reporting import Metrics

NOTHING: Metrics = {}


class Matched(NamedTuple):
    """Codes of a batch, compared; all 0 for a model that compares none.

    Attributes:
        penalty: scalar whose gradient moves q, times its weight in the loss.
        cost: the comparison's value, times its weight in the loss: scalar.
        metrics: name to [B].
        codes: what was compared.
    """

    penalty: tf.Tensor | float = 0.0
    cost: tf.Tensor | float = 0.0
    metrics: Metrics = NOTHING
    codes: Codes | None = None
