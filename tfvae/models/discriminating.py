"""What a model with a discriminator offers, a group as those of `tfvae.models.contract`."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf


class Discriminating(abc.ABC):
    """A model with a discriminator of its samples from examples."""

    @abc.abstractmethod
    def discriminate(self, x: Any) -> tf.Tensor:
        """Returns the discriminator's output for examples [B, *event_shape]: [B]."""
