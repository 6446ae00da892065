"""What heads of logits share."""

from __future__ import annotations

import keras

from tfvae.distributions.head import Head
from tfvae.distributions.projection import last_layer


class LogitsHead(Head):
    """A head whose one parameter is the logits of its variables.

    Args:
        event_shape: shape of one value.
        kernel_initializer: of the linear layer.
        linear: whether logits are linear in the features; otherwise they are the features plus an offset.
    """

    latents = "discrete"
    parameter_names = ("logits",)
    noise_kind = "uniform"
    support = (0.0, 1.0)

    def __init__(self, event_shape, kernel_initializer="glorot_uniform", linear=True, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.linear = self.autocast = linear  # an offset is added in float32
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.logits_layer = last_layer(
            self.event_shape, linear, self.kernel_initializer, dtype=self.dtype_policy, name="logits"
        )

    def build(self, input_shape):
        """Makes the linear layer."""
        self.logits_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        """Returns (logits,): [N, *event_shape]."""
        return (self.logits_layer(features),)

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {
            "event_shape": self.event_shape,
            "kernel_initializer": initializer,
            "linear": self.linear,
        }
