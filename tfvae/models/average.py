"""A running average of a network's weights, with which the network can be called."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class WeightAverage:
    """The average of all weights of a network over training steps, running statistics included:

        a <- a + max(1 - decay, 1 / t) (w - a)  after step t = 1, 2, ...

    which is the plain mean of the first 1 / (1 - decay) steps and exponential after that.

    Args:
        owner: the Keras model that holds the average among its weights, and in its files.
        network: a built layer or model.
        decay: in [0, 1).

    References:
        Yazici et al.: The unusual effectiveness of averaging in GAN training (2019).
    """

    def __init__(self, owner: keras.Model, network: keras.layers.Layer, decay: float) -> None:
        self._network, self._decay = network, decay
        self._weights = list(network.weights)
        options: dict[str, Any] = {"trainable": False, "dtype": "float32", "autocast": False}
        options["aggregation"] = "only_first_replica"  # the weights of all replicas are equal
        self._means = [
            owner.add_weight(shape=weight.shape, initializer="zeros", name=f"average_{place}", **options)
            for place, weight in enumerate(self._weights)
        ]
        for mean, weight in zip(self._means, self._weights, strict=True):
            mean.assign(weight)

    def follow(self, step: tf.Tensor) -> None:
        """Takes in the weights after training step `step`, counted from 1."""
        rate = tf.maximum(1.0 - self._decay, 1.0 / tf.cast(step, tf.float32))
        for mean, weight in zip(self._means, self._weights, strict=True):
            mean.assign(mean + rate * (tf.cast(weight, tf.float32) - mean))

    def call(self, inputs: tf.Tensor, **options: Any) -> tf.Tensor:
        """Returns what the network gives with the averages in place of its weights."""
        means = {id(weight): mean for weight, mean in zip(self._weights, self._means, strict=True)}
        values = [
            [tf.convert_to_tensor(means.get(id(each), each)) for each in variables]
            for variables in (self._network.trainable_variables, self._network.non_trainable_variables)
        ]
        return self._network.stateless_call(*values, inputs, **options)[0]
