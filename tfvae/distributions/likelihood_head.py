"""The role of p(x|z): examples whose distribution comes from a decoder's features."""

from __future__ import annotations

import abc
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfvae.distributions.head import LARGEST, Head, Parameters

Mean = Callable[[tf.Tensor], tf.Tensor]


class LikelihoodHead(Head):
    """A head over examples, called on features: p(x|z).

    Attributes:
        linear: whether the parameters are linear in the features rather than an offset to them.
        levels: number of levels where the value kind is "levels", otherwise None.
        adapts: whether training steps set weights of the head themselves, see `adapt`.
    """

    linear: bool = True
    levels: int | None = None
    adapts: bool = False

    @abc.abstractmethod
    def call(self, features: tf.Tensor) -> Parameters:
        """Returns the parameters for features [N, ...]: tensors [N, ...], float32."""

    @abc.abstractmethod
    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts the head at the data's mean: an array [*event_shape] in the range of the data."""

    def initialize_scale(self, spread: float) -> None:
        """Starts a trainable scale at the data's standard deviation; does nothing without such a scale."""

    def adapt(self, parameters: Parameters, value: tf.Tensor, mean: Mean) -> Parameters:
        """Moves weights that follow the data, and returns the parameters with which a training step scores `value`.

        Args:
            parameters: parameters from the features.
            value: values of the batch, which broadcast with the parameters.
            mean: function from numbers [K, B, *event_shape] to their mean over the whole batch of all replicas, a
                scalar.
        """
        return parameters

    def own_metrics(self) -> dict[str, float]:
        """Returns the metrics of the head's own that a report on a model should hold, by name."""
        return {}

    @property
    def measure(self) -> str:
        """What `log_prob` is the logarithm of, in words. Only two of the same can be compared."""
        if self.value_kind == "continuous":
            return "densities"
        return f"probabilities of {self.levels or 2} levels"

    @property
    def scores(self) -> str:
        """The values that can be scored, for messages."""
        low, high = self.support
        return f"values in [{low:g}, {high:g}]"

    def fits(self, x: tf.Tensor) -> tf.Tensor:
        """Returns whether every value can be scored: a boolean scalar, False for NaN."""
        return within(x, *self.support)

    def unfit(self, x: tf.Tensor) -> tf.Tensor:
        """Returns which values cannot be scored: booleans in the shape of x."""
        low, high = self.support
        return tf.logical_not((x >= low) & (x <= high) & tf.math.is_finite(x))


def within(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Returns whether every number of a tensor is finite and lies in [low, high]."""
    low, high = (
        max(low, -LARGEST),
        min(high, LARGEST),
    )  # a minimum or maximum keeps NaN, which fails both tests
    return tf.logical_and(tf.reduce_min(x) >= low, tf.reduce_max(x) <= high)
