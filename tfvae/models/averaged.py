"""Generators that keep a running average of their weights."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError, number_in
from tfvae.models import checking
from tfvae.models.average import WeightAverage
from tfvae.models.implicit import ImplicitModel
from tfvae.models.parts import batch_of, training_option
from tfvae.models.sampling import in_blocks
from tfvae.models.symbolic import takes_keras_tensors


class AveragedGenerator(ImplicitModel):
    """An implicit model that may keep an average of its generator's weights.

    Args:
        generator: see `ImplicitModel`.
        ema: decay in [0, 1) of a running average of the generator's weights, such as 0.999, with which `sample` and
            `decode` work on request; None for no average.
        **kwargs: further arguments of `ImplicitModel`.

    Raises:
        UserError: if the decay is out of range.
    """

    def __init__(self, generator: keras.layers.Layer, *, ema: float | None = None, **kwargs: Any):
        super().__init__(generator, **kwargs)
        self.ema = None if ema is None else number_in("ema", ema, 0.0, 1.0 - 1e-7)
        self._average = None if self.ema is None else WeightAverage(self, generator, self.ema)

    def follow_weights(self, step: tf.Tensor) -> None:
        """Takes in the generator's weights after training step `step`, counted from 1."""
        if self._average is not None:
            self._average.follow(step)

    def sample(self, n: int, seed: int | None = None, average: bool = False) -> tf.Tensor:
        """As `ImplicitModel.sample`; with `average` by the average of the generator's weights, see `ema`."""
        if not average:
            return super().sample(n, seed)
        return in_blocks(
            n,
            seed,
            self.event_shape,
            lambda noise: self._generate_by_average(self.latents_of(self._noise(noise, "prior"))),
        )

    @takes_keras_tensors
    def decode(self, z: Any, average: bool = False) -> tf.Tensor:
        """As `ImplicitModel.decode`; with `average` by the average of the generator's weights, see `ema`."""
        if not average:
            return super().decode(z)
        z = batch_of("z", z, self.prior_head.event_shape)
        return self._decoded(checking.gated(z, checking.numbers("z", z)), self._generate_by_average)

    def _generate_by_average(self, z: tf.Tensor) -> tf.Tensor:
        if self._average is None:
            raise UserError("no average of the generator's weights was kept", expected="GAN(..., ema=0.999)")
        return tf.cast(self._average.call(z, **training_option(self.generator_network, False)), tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"ema": self.ema}
