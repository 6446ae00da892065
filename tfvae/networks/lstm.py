"""One step of a recurrent network."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae import memory
from tfvae.checks import positive_int
from tfvae.layers import Composite, Dense


@keras.saving.register_keras_serializable(package="tfvae")
class LSTMStep(Composite, keras.layers.Layer):
    """One step of a long short-term memory: from inputs and a state to the next state.

        i, f, g, o = split(linear([inputs, h]))
        c <- sigmoid(f) c + sigmoid(i) tanh(g)
        h <- sigmoid(o) tanh(c)

    It has no state of its own and draws no noise; the bias of f starts at 1.

    Args:
        units: of h and of c.
        kernel_initializer: of the linear layer.

    Raises:
        UserError: if `units` < 1.

    References:
        Hochreiter, Schmidhuber: Long short-term memory (1997); Gers, Schmidhuber, Cummins: Learning to forget (2000).
    """

    def __init__(self, units, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = positive_int("units", units)
        self.gates = Dense(4 * self.units, kernel_initializer=kernel_initializer, dtype=self.dtype_policy)

    def build(self, input_shape):
        """Makes the linear layer for inputs [N, size]."""
        memory.check_weights(self.path or self.name, input_shape[-1] + self.units, 4 * self.units)
        self.gates.build((None, input_shape[-1] + self.units))
        self.gates.bias.assign(tf.repeat(tf.constant([0.0, 1.0, 0.0, 0.0]), self.units))
        super().build(input_shape)

    def start(self, rows):
        """Returns the state before the first step, zeros: (h, c), [rows, units] each, float32."""
        return tf.zeros([rows, self.units]), tf.zeros([rows, self.units])

    def call(self, inputs, state):
        """Returns the next state (h, c), [N, units] each, float32."""
        hidden, cell = state
        joined = tf.concat(
            [tf.cast(inputs, self.compute_dtype), tf.cast(hidden, self.compute_dtype)], axis=-1
        )
        gates = tf.cast(self.gates(joined), tf.float32)
        enter, keep, new, leave = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(keep) * tf.cast(cell, tf.float32) + tf.sigmoid(enter) * tf.tanh(new)
        return tf.sigmoid(leave) * tf.tanh(cell), cell

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.gates.kernel_initializer)
        return super().get_config() | {"units": self.units, "kernel_initializer": initializer}
