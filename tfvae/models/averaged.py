"""Generators that keep a running average of their weights."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import LARGEST_DECAY, UserError, number_in
from tfvae.models.average import WeightAverage
from tfvae.models.implicit import ImplicitModel
from tfvae.models.parts import training_option


class AveragedGenerator(ImplicitModel):
    """An implicit model that may keep an average of its generator's weights.

    Where there is one, the model generates by it everywhere outside training steps: in samples, decoding, validation,
    annealing and exports. `uses_average` turns to the weights as training left them.

    Args:
        generator: see `ImplicitModel`.
        ema: decay in [0, 1) of a running average of the generator's weights, such as 0.999; None for no average.
        **kwargs: further arguments of `ImplicitModel`.

    Raises:
        UserError: if the decay is out of range.
    """

    def __init__(self, generator: keras.layers.Layer, *, ema: float | None = None, **kwargs: Any):
        super().__init__(generator, **kwargs)
        self.ema = None if ema is None else number_in("ema", ema, 0.0, LARGEST_DECAY)
        self._average = None if self.ema is None else WeightAverage(self, generator, self.ema)
        self._uses_average = self._average is not None

    @property
    def uses_average(self) -> bool:
        """Whether the model generates by the average of the generator's weights; True at first where there is one.

        It can be set, and is not kept in files.

        Raises:
            UserError: if it is set to True where no average is kept.
        """
        return self._uses_average

    @uses_average.setter
    def uses_average(self, value: bool) -> None:
        if value and self._average is None:
            raise UserError(
                "no average of the generator's weights was kept",
                expected=f"{type(self).__name__}(..., ema=0.999)",
                received="uses_average=True with ema=None",
            )
        self._uses_average = bool(value)
        self.test_function = self.predict_function = None  # traced with the other weights

    @property
    def density_settings(self) -> tuple[Any, ...]:
        """See `Generative.density_settings`."""
        return (*super().density_settings, self.uses_average)

    def follow_weights(self, step: tf.Tensor) -> None:
        """Takes in the generator's weights after training step `step`, counted from 1."""
        if self._average is not None:
            self._average.follow(step)

    def _made(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        if training or self._average is None or not self.uses_average:
            return super()._made(z, training)
        return tf.cast(self._average.call(z, **training_option(self.generator_network, False)), tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"ema": self.ema}
