"""The learned baseline of score-function estimators."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae.estimators.base import Baseline
from tfvae.layers import Composite, Dense
from tfvae.models import replicas


@keras.saving.register_keras_serializable(package="tfvae")
class LearnedBaseline(Composite, keras.layers.Layer):
    """A network C(x), and the running mean c and variance v of what it leaves of the learning signal.

    Args:
        decay: decay of the running statistics.
        units: units of the network's hidden layer.

    References:
        Mnih, Gregor: Neural variational inference and learning in belief networks (2014), section 2.3.
    """

    def __init__(self, decay: float, units: int = 100, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.decay, self.units = decay, units
        self.hidden = Dense(units, activation="tanh", dtype="float32")
        self.output_layer = Dense(1, kernel_initializer="zeros", dtype="float32")

    def build(self, input_shape: Any = None) -> None:
        """Makes the network and the statistics."""
        self.hidden.build((None, math.prod(input_shape[1:])))
        self.output_layer.build((None, self.units))
        fixed = {"shape": (), "trainable": False, "dtype": "float32", "aggregation": "only_first_replica"}
        self.running_mean = self.add_weight(initializer="zeros", name="running_mean", **fixed)
        self.running_variance = self.add_weight(initializer="ones", name="running_variance", **fixed)
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns C(x): [B], nats."""
        flat = tf.reshape(x, [-1, math.prod(x.shape[1:])])
        return self.output_layer(self.hidden(flat))[:, 0]

    def observe(self, log_weights: tf.Tensor, network: tf.Tensor, weight: tf.Tensor, step: Any) -> Baseline:
        """Returns the baseline to use now, made of earlier steps' statistics, and moves the statistics on.

        Args:
            log_weights: [K, B], nats.
            network: C(x), [B], nats.
            weight: weight of each example, [B]; a batch of no weight moves nothing.
            step: training steps taken, each of which moves the statistics whether or not the weights are updated;
                at step 0 the batch's own statistics serve.

        Returns:
            baseline: C(x) + c, and max(1, sqrt(v)).
        """
        left = log_weights - network
        mean = replicas.weighted_mean(tf.reduce_mean(left, axis=0), weight)
        variance = replicas.weighted_mean(tf.reduce_mean(tf.square(left - mean), axis=0), weight)
        first = tf.equal(tf.cast(step, tf.int64), 0)
        old_mean = tf.where(first, mean, tf.convert_to_tensor(self.running_mean))
        old_variance = tf.where(first, variance, tf.convert_to_tensor(self.running_variance))
        decay = tf.where(replicas.total(tf.reduce_sum(weight)) > 0.0, self.decay, 1.0)
        self.running_mean.assign(decay * old_mean + (1.0 - decay) * mean)
        self.running_variance.assign(decay * old_variance + (1.0 - decay) * variance)
        return Baseline(network + old_mean, tf.maximum(1.0, tf.sqrt(old_variance)))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"decay": self.decay, "units": self.units}
