"""What heads over the levels of stored pixels share."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfvae.checks import int_from
from tfvae.distributions.head import Head, tfd, within

OFF_A_LEVEL = 0.01  # of the distance between levels: what float32 rounding stays far below


class LevelsHead(Head):
    """A likelihood of variables on the levels k / (levels - 1), k = 0 .. levels - 1, of [0, 1].

    Its log-probabilities are those of the stored integers, so that nats / (D log 2) are bits per dimension.

    Args:
        event_shape: shape of one example.
        levels: how many; 256 for 8-bit pixels.

    Raises:
        UserError: if there are fewer than 2 levels.
    """

    latents = "discrete"
    noise_kind = "uniform"
    support = (0.0, 1.0)
    level_axis = -1  # of a parameter that is lifted to score every level at once

    def __init__(self, event_shape, levels=256, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.levels = int_from(2, "levels", levels)

    def log_mass(self, parameters, value):
        """Returns log P(value) of each variable, nats, before the sum over the event."""
        raise NotImplementedError(f"{type(self).__name__} does not define log_mass")

    def log_prob(self, parameters, value):
        """Returns log P(value), nats, summed over the event; values lie on levels."""
        return self.sum_event(self.log_mass(parameters, value))

    def distribution(self, parameters):
        """Returns a `tfd.Independent` of `tfd.FiniteDiscrete` over all levels: `levels` numbers for each variable."""
        lifted = (tf.expand_dims(item, self.level_axis) for item in parameters)
        return self.over_levels(self.log_mass(tuple(lifted), self.grid()))

    def over_levels(self, logits):
        """Returns the distribution with these logits [..., *event_shape, levels]."""
        each = tfd.FiniteDiscrete(self.grid(), logits=logits, atol=0.25 / (self.levels - 1))
        return tfd.Independent(each, len(self.event_shape))

    def grid(self) -> tf.Tensor:
        """Returns the levels: [levels], float32."""
        return tf.constant(np.arange(self.levels) / (self.levels - 1), tf.float32)

    @property
    def scores(self):
        """See `Head.scores`."""
        return f"values k / {self.levels - 1}, k an integer from 0 to {self.levels - 1}"

    def fits(self, x):
        """See `Head.fits`; values off the levels do not fit either."""
        return tf.logical_and(super().fits(x), within(self._off_levels(x), 0.0, OFF_A_LEVEL))

    def unfit(self, x):
        """See `Head.unfit`."""
        return tf.logical_or(super().unfit(x), self._off_levels(x) > OFF_A_LEVEL)

    def _off_levels(self, x):
        """Returns the distance from the nearest level, in units of that between levels."""
        steps = x * (self.levels - 1)
        return tf.abs(steps - tf.round(steps))

    def get_config(self):
        """Returns the arguments."""
        return super().get_config() | {"event_shape": self.event_shape, "levels": self.levels}
