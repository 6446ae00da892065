"""What heads of logits share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.distributions.head import Parameters, Shape
from tfvae.distributions.likelihood_head import LikelihoodHead
from tfvae.distributions.posterior_head import PosteriorHead
from tfvae.distributions.prior_head import PriorHead
from tfvae.distributions.projection import last_layer


class LogitsHead(PosteriorHead, LikelihoodHead):
    """A head whose one parameter is the logits of its variables.

    Args:
        event_shape: shape of one value.
        kernel_initializer: initialiser of the linear layer.
        linear: whether logits are linear in the features; otherwise they are the features plus an offset.
    """

    parameter_names = ("logits",)
    noise_kind = "uniform"
    support = (0.0, 1.0)

    def __init__(
        self,
        event_shape: int | Sequence[int],
        kernel_initializer: Any = "glorot_uniform",
        linear: bool = True,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.linear = self.autocast = linear  # an offset is added in float32
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.logits_layer = last_layer(
            self.event_shape, linear, self.kernel_initializer, dtype=self.dtype_policy, name="logits"
        )

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layer."""
        self.logits_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (logits,): [N, *event_shape]."""
        return (self.logits_layer(features),)

    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns (logits,), which may be any numbers."""
        return parameters

    def constrain(self, free: Parameters) -> Parameters:
        """Returns (logits,)."""
        return free

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {
            "event_shape": self.event_shape,
            "kernel_initializer": initializer,
            "linear": self.linear,
        }


class LogitsPrior(PriorHead):
    """A prior whose one parameter is trainable logits, which start at 0, the uniform distribution.

    Args:
        event_shape: shape of one value.
    """

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the logits."""
        self.logits = self.add_weight(
            shape=self.event_shape, initializer="zeros", dtype="float32", autocast=False, name="logits"
        )
        super().build(input_shape)

    def parameters(self) -> Parameters:
        """Returns (logits,): [*event_shape]."""
        return (tf.convert_to_tensor(self.logits),)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"event_shape": self.event_shape}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LogitsPrior:
        """Makes the prior from its arguments, and from those of a head of logits, which files may hold."""
        return cls(
            **{key: value for key, value in config.items() if key not in ("kernel_initializer", "linear")}
        )
