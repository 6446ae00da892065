"""One step of a recurrent network."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae import memory
from tfvae.checks import positive_int
from tfvae.layers import Composite, Dense

State = tuple[tf.Tensor, tf.Tensor]


@keras.saving.register_keras_serializable(package="tfvae")
class LSTMStep(Composite, keras.layers.Layer):
    """One step of a long short-term memory: from inputs and a state to the next state.

        i, f, g, o = split(linear([inputs, h]))
        c <- sigmoid(f) c + sigmoid(i) tanh(g)
        h <- sigmoid(o) tanh(c)

    The layer holds no state and draws no noise. The bias of f starts at 1.

    Args:
        units: size of h and of c.
        kernel_initializer: initializer of the linear layer's kernel.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        UserError: if `units` < 1.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.networks import LSTMStep
        >>> step = LSTMStep(8)
        >>> hidden, cell = step(tf.zeros([5, 3]), step.start(5))
        >>> hidden.shape, cell.shape
        (TensorShape([5, 8]), TensorShape([5, 8]))

    References:
        Hochreiter, Schmidhuber: Long short-term memory (1997); Gers, Schmidhuber, Cummins: Learning to forget (2000).
    """

    def __init__(
        self, units: int, kernel_initializer: str | keras.Initializer = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive_int("units", units)
        self.gates = Dense(4 * self.units, kernel_initializer=kernel_initializer, dtype=self.dtype_policy)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the weights for inputs [N, size]."""
        memory.check_weights(self.path or self.name, input_shape[-1] + self.units, 4 * self.units)
        self.gates.build((None, input_shape[-1] + self.units))
        self.gates.bias.assign(tf.repeat(tf.constant([0.0, 1.0, 0.0, 0.0]), self.units))
        super().build(input_shape)

    def start(self, rows: int | tf.Tensor) -> State:
        """Returns the state before the first step: (h, c), zeros, [rows, units] each, float32."""
        return tf.zeros([rows, self.units]), tf.zeros([rows, self.units])

    def call(self, inputs: tf.Tensor, state: State) -> State:
        """Returns the next state.

        Args:
            inputs: features, [N, size].
            state: (h, c), [N, units] each.

        Returns:
            state: (h, c), [N, units] each, float32.
        """
        hidden, cell = state
        joined = tf.concat(
            [tf.cast(inputs, self.compute_dtype), tf.cast(hidden, self.compute_dtype)], axis=-1
        )
        gates = tf.cast(self.gates(joined), tf.float32)
        enter, keep, new, leave = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(keep) * tf.cast(cell, tf.float32) + tf.sigmoid(enter) * tf.tanh(new)
        return tf.sigmoid(leave) * tf.tanh(cell), cell

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.gates.kernel_initializer)
        return super().get_config() | {"units": self.units, "kernel_initializer": initializer}
