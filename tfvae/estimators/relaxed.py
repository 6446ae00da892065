"""Path gradients through a continuous relaxation of discrete latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.importance import Iwae
from tfvae.estimators.options import MINIMUM, RATE, TEMPERATURE


@dataclass(frozen=True)
class Relaxed(Iwae):
    """The importance-weighted bound of the relaxed model: binary Concrete for Bernoulli, Gumbel-softmax for categories.

    The temperature falls with the updates of the weights, t so far: max(minimum, temperature exp(-rate t)). The relaxed
    bound is none of the discrete model's, so evaluation samples and scores discrete latents. Nor does its encoder's
    bias vanish with the temperature: posterior and prior share it, and their divergence, which exceeds the discrete
    one, does not depend on it.

    Args:
        temperature: of the first update, > 0.
        minimum: the lowest temperature, > 0.
        rate: of its decay for each update, >= 0.

    References:
        Maddison, Mnih, Teh: The Concrete distribution (2017), section 4 and appendix C.
        Jang, Gu, Poole: Categorical reparameterization with Gumbel-softmax (2017).
    """

    name: ClassVar[str] = "relaxed"
    relaxed: ClassVar[bool] = True
    temperature: float = TEMPERATURE.default
    minimum: float = MINIMUM.default
    rate: float = RATE.default

    def temperature_at(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the temperature after `step` updates: scalar."""
        return tf.maximum(self.minimum, self.temperature * tf.exp(-self.rate * tf.cast(step, tf.float32)))
