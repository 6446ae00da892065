"""Running means of several metrics, kept in one."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

# where Keras looks for the better value of a metric; a rate is neither better high nor low, so Keras asks for a mode
DIRECTIONS = {"loss": "down", "bound": "up", "distortion": "down", "effective_sample_size": "up"}


class Means(keras.metrics.Metric):
    """Means of metrics over examples, all kept in two vectors: a step updates them in as many operations as for one.

    Args:
        names: names of the metrics.
    """

    def __init__(self, names: list[str], name: str = "means") -> None:
        super().__init__(name=name, dtype="float32")
        self.names = tuple(names)
        self.totals = self.add_variable((len(self.names),), "zeros", dtype="float32", name="totals")
        self.counts = self.add_variable((len(self.names),), "zeros", dtype="float32", name="counts")

    def update_state(self, metrics: dict[str, tf.Tensor], weights: dict[str, tf.Tensor]) -> None:
        """Adds metrics of a batch and the weights of their examples, both name to [B]."""
        weight = tf.stack([weights[name] for name in self.names])
        values = tf.stack([metrics[name] for name in self.names])
        self.totals.assign_add(tf.reduce_sum(values * weight, axis=1))
        self.counts.assign_add(tf.reduce_sum(weight, axis=1))

    def result(self) -> dict[str, tf.Tensor]:
        """Returns name to mean; 0 where there are no examples yet."""
        return self.divided(tf.convert_to_tensor(self.totals), tf.convert_to_tensor(self.counts))

    def divided(self, totals: tf.Tensor, counts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns name to mean for vectors of totals and counts."""
        return dict(zip(self.names, tf.unstack(tf.math.divide_no_nan(totals, counts)), strict=True))

    def each(self) -> list[Mean]:
        """Returns a metric for each name, which reads the mean and leaves its update to this one."""
        return [Mean(self, name) for name in self.names]


class Mean(keras.metrics.Metric):
    """One of the metrics of `Means`, under the name and with the direction that Keras' callbacks ask for.

    Args:
        means: the metric that holds the mean.
        name: name of this one.
    """

    def __init__(self, means: Means, name: str) -> None:
        super().__init__(name=name)
        self._read = means.result
        if name in DIRECTIONS:
            self._direction = DIRECTIONS[name]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing."""

    def reset_state(self) -> None:
        """Does nothing."""

    def result(self) -> tf.Tensor:
        """Returns the mean."""
        return self._read()[self.name]
