"""What heads over the levels of stored pixels share."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from tfvae.checks import int_from
from tfvae.distributions.head import Parameters, tfd
from tfvae.distributions.likelihood_head import LikelihoodHead, within

OFF_A_LEVEL = 0.01  # of the distance between levels: what float32 rounding stays far below


class LevelsHead(LikelihoodHead):
    """A likelihood of variables on the levels k / (levels - 1), k = 0 .. levels - 1, of [0, 1].

    Its log-probabilities are those of the stored integers, so that nats / (D log 2) are bits per dimension.

    Args:
        event_shape: shape of one example.
        levels: number of levels, 256 for 8-bit pixels.

    Raises:
        UserError: if there are fewer than 2 levels.
    """

    value_kind = "levels"
    noise_kind = "uniform"
    support = (0.0, 1.0)
    levels: int
    level_axis: ClassVar[int] = -1  # of a parameter that is lifted to score every level at once

    def __init__(self, event_shape: int | Sequence[int], levels: int = 256, **kwargs: Any):
        super().__init__(event_shape, **kwargs)
        self.levels = int_from(2, "levels", levels)

    @abc.abstractmethod
    def log_mass(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log P(value) of each variable, nats, before the sum over the event."""

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log P(value), nats, summed over the event; values lie on levels."""
        return self.sum_event(self.log_mass(parameters, value))

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.FiniteDiscrete` over all levels: `levels` numbers for each variable."""
        lifted = (tf.expand_dims(item, self.level_axis) for item in parameters)
        return self.over_levels(self.log_mass(tuple(lifted), self.grid()))

    def over_levels(self, logits: tf.Tensor) -> tfd.Distribution:
        """Returns the distribution with these logits [..., *event_shape, levels]."""
        each = tfd.FiniteDiscrete(self.grid(), logits=logits, atol=0.25 / (self.levels - 1))
        return tfd.Independent(each, len(self.event_shape))

    def grid(self) -> tf.Tensor:
        """Returns the levels: [levels], float32."""
        return tf.constant(np.arange(self.levels) / (self.levels - 1), tf.float32)

    @property
    def scores(self) -> str:
        """The values that can be scored, for messages."""
        return f"values k / {self.levels - 1}, k an integer from 0 to {self.levels - 1}"

    def fits(self, x: tf.Tensor) -> tf.Tensor:
        """Returns whether every value lies on a level: a boolean scalar, False for NaN."""
        return tf.logical_and(super().fits(x), within(self._off_levels(x), 0.0, OFF_A_LEVEL))

    def unfit(self, x: tf.Tensor) -> tf.Tensor:
        """Returns which values lie on no level: booleans in the shape of x."""
        return tf.logical_or(super().unfit(x), self._off_levels(x) > OFF_A_LEVEL)

    def _off_levels(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the distance from the nearest level, in units of that between levels."""
        steps = x * (self.levels - 1)
        return tf.abs(steps - tf.round(steps))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"event_shape": self.event_shape, "levels": self.levels}
