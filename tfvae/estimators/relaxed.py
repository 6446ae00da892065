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

    After t updates of the weights the temperature is max(minimum, temperature exp(-rate t)).

    The relaxed bound is not a bound of the discrete model, so evaluation samples and scores discrete latents. The bias
    of the encoder does not vanish with the temperature. Posterior and prior have the same temperature, and the
    divergence between them, which exceeds the discrete one, does not depend on it.

    Args:
        temperature: temperature of the first update, > 0.
        minimum: lowest temperature, > 0.
        rate: decay rate of the temperature, >= 0, per update.

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
        """Returns the temperature after `step` updates, a scalar."""
        return tf.maximum(self.minimum, self.temperature * tf.exp(-self.rate * tf.cast(step, tf.float32)))
