"""Running means of several figures in one metric."""

from __future__ import annotations

import keras
import tensorflow as tf

# where Keras looks for the better value of a metric; a rate is neither better high nor low, so Keras asks for a mode
DIRECTIONS = {"loss": "down", "bound": "up", "distortion": "down", "effective_sample_size": "up"}


class Means(keras.metrics.Metric):
    """Means of figures over examples, all kept in two vectors: a step updates them in as many operations as for one.

    Args:
        names: of the figures.
    """

    def __init__(self, names, name="means"):
        super().__init__(name=name, dtype="float32")
        self.names = tuple(names)
        self.totals = self.add_variable((len(self.names),), "zeros", dtype="float32", name="totals")
        self.counts = self.add_variable((len(self.names),), "zeros", dtype="float32", name="counts")

    def update_state(self, figures, weights):
        """Takes in figures and the weights of their examples, both name to [B]."""
        weight = tf.stack([weights[name] for name in self.names])
        figure = tf.stack([figures[name] for name in self.names])
        self.totals.assign_add(tf.reduce_sum(figure * weight, axis=1))
        self.counts.assign_add(tf.reduce_sum(weight, axis=1))

    def result(self):
        """Returns name to mean; 0 where there are no examples yet."""
        return self.divided(tf.convert_to_tensor(self.totals), tf.convert_to_tensor(self.counts))

    def divided(self, totals, counts):
        """Returns name to mean for vectors of totals and counts."""
        return dict(zip(self.names, tf.unstack(tf.math.divide_no_nan(totals, counts)), strict=True))

    def each(self):
        """Returns a metric for each name, which reads the mean and leaves its update to this one."""
        return [Mean(self, name) for name in self.names]


class Mean(keras.metrics.Metric):
    """One of the metrics of `Means`, under the name and with the direction that Keras' callbacks ask for.

    Args:
        means: the metric that holds the mean.
        name: name of this one.
    """

    def __init__(self, means, name):
        super().__init__(name=name)
        self._read = means.result
        if name in DIRECTIONS:
            self._direction = DIRECTIONS[name]

    def update_state(self, *args, **kwargs):
        """Does nothing."""

    def reset_state(self):
        """Does nothing."""

    def result(self):
        """Returns the mean."""
        return self._read()[self.name]
