"""The network inside a flow: from some units and a context to a shift and a scale of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import memory
from tfvae.checks import UserError
from tfvae.distributions.head import Shape
from tfvae.layers import Composite


class Conditioner(Composite, keras.layers.Layer):
    """One hidden layer of tanh units: (values [..., inputs], context [..., context]) -> 2 x [..., outputs], float32.

    The context enters the hidden layer, so that it costs once for each example and not once for each particle. The
    last kernel starts at zero, with which both outputs are constants.

    Args:
        inputs: number of units read.
        outputs: size of each of the two outputs.
        hidden_size: units of the hidden layer.
        context_size: size of the context; 0 for none.
        masks: 0 or 1 for each entry of the two kernels, [inputs, hidden_size] and [hidden_size, outputs]; None for
            dense ones.
        raw_bias: start of the second output.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden_size: int,
        context_size: int = 0,
        masks: Sequence[np.ndarray] | None = None,
        raw_bias: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(dtype="float32", **kwargs)
        self.sizes = (inputs, hidden_size, outputs)
        self.context_size = context_size
        self.masks = None if masks is None else tuple(np.asarray(mask, np.float32) for mask in masks)
        self.raw_bias = raw_bias

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the kernels and biases."""
        inputs, hidden, outputs = self.sizes
        self.input_kernel = self._weight("input_kernel", (inputs, hidden))
        self.hidden_bias = self._weight("hidden_bias", (hidden,), "zeros")
        if self.context_size:
            self.context_kernel = self._weight("context_kernel", (self.context_size, hidden))
        self.shift_kernel = self._weight("shift_kernel", (hidden, outputs), "zeros")
        self.shift_bias = self._weight("shift_bias", (outputs,), "zeros")
        self.raw_kernel = self._weight("raw_kernel", (hidden, outputs), "zeros")
        start = keras.initializers.Constant(self.raw_bias)
        self.raw_bias_weight = self._weight("raw_bias", (outputs,), start)
        super().build(input_shape)

    def _weight(
        self, name: str, shape: tuple[int, ...], initializer: Any = "glorot_uniform"
    ) -> keras.Variable:
        memory.check_weights(self.path or self.name, *shape)
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, dtype="float32", autocast=False
        )

    def call(self, values: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns (shift, raw): [..., outputs] each; the leading axes of values and context broadcast."""
        read, write = (1.0, 1.0) if self.masks is None else self.masks
        hidden = tf.tensordot(values, self.input_kernel * read, 1) + self.hidden_bias
        if self.context_size:
            hidden += tf.tensordot(context, self.context_kernel, 1)
        hidden = tf.tanh(hidden)
        shift = tf.tensordot(hidden, self.shift_kernel * write, 1) + self.shift_bias
        return shift, tf.tensordot(hidden, self.raw_kernel * write, 1) + self.raw_bias_weight


def autoregressive_masks(
    order: Sequence[int] | np.ndarray, hidden_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Masks with which output i depends on the inputs that come before i alone, and on the context.

    Hidden units have the degrees 0, 1, .. D - 1 in turn: one of degree d sees the first d inputs, and feeds the outputs
    after those. Degree 0 sees the context alone.

    Args:
        order: place, 1 .. D, of each unit.
        hidden_size: number of hidden units.

    Returns:
        masks: [D, hidden_size] and [hidden_size, D].

    Raises:
        UserError: if there are fewer hidden units than degrees, so that some inputs would feed no output.

    References:
        Germain, Gregor, Murray, Larochelle: MADE: masked autoencoder for distribution estimation (2015), the
        masks.
    """
    order = np.asarray(order)
    if hidden_size < len(order):
        raise UserError(
            "hidden_size is too small for each unit to feed those after it",
            expected=f"hidden_size >= {len(order)}, the units of the latent vector",
            received=hidden_size,
            fix="or choose another posterior, such as RealNVP",
        )
    degrees = np.arange(hidden_size) % len(order)
    return order[:, np.newaxis] <= degrees, degrees[:, np.newaxis] < order
