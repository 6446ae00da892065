"""Heads whose values are those of a simple base, sent through an invertible map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import UserError, positive_int
from tfvae.distributions.diagonal_normal import DiagonalNormal
from tfvae.distributions.head import Head, Parameters, Shape, tfd
from tfvae.distributions.posterior_head import PosteriorHead
from tfvae.distributions.projection import Projection


class FlowHead(Head):
    """z = f_T(.. f_1(z_0; h) ..; h), z_0 from a base distribution, h a context:

        log q(z) = log q_0(z_0) - sum_t log |det d f_t / d z_{t-1}|

    Parameters are (loc, scale) of the base, and the context where there is one. A subclass has the `base`, a head, and
    the `steps`, layers with `forward` and `inverse`, each from (values, context) to (values, log-determinant of the
    forward map).

    Maps and log-determinants are float32 whatever the precision of the layers that make the parameters.
    """

    base: Head
    steps: Sequence[Any]

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the base and the steps."""
        self.base.build(input_shape)
        for step in self.steps:
            step.build()
        super().build(input_shape)

    def forward(self, values: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns z and log |det dz/dz_0| for z_0: [..., latent_size] to [..., latent_size] and [...]."""
        log_det = 0.0
        for step in self.steps:
            values, change = step.forward(values, context)
            log_det += change
        return values, log_det

    def inverse(self, values: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns z_0 and log |det dz/dz_0| for z: [..., latent_size] to [..., latent_size] and [...]."""
        log_det = 0.0
        for step in reversed(self.steps):
            values, change = step.inverse(values, context)
            log_det += change
        return values, log_det

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.TransformedDistribution`, which has no mean."""
        base = self.base.distribution(parameters[:2])
        return tfd.TransformedDistribution(base, _Bijector(self, *parameters[2:]))

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns f(loc + scale * noise)."""
        return self.forward(self.base.sample(parameters[:2], noise), *parameters[2:])[0]

    def sample_and_log_prob(self, parameters: Parameters, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what `sample` gives and its log-density, both as functions of the noise: no map is inverted."""
        first = self.base.sample(parameters[:2], noise)
        values, log_det = self.forward(first, *parameters[2:])
        return values, self.base.log_prob(parameters[:2], first) - log_det

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns the log-density of the inverse under the base, minus the log-determinant."""
        first, log_det = self.inverse(value, *parameters[2:])
        return self.base.log_prob(parameters[:2], first) - log_det

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns f(loc), the image of the base's mean: the mean itself has no closed form."""
        return self.forward(self.base.mean(parameters[:2]), *parameters[2:])[0]


class PosteriorFlow(FlowHead, PosteriorHead):
    """A flow whose base is a diagonal Normal and whose context, like the base, is linear in the features.

    Args:
        latent_size: units of the latent vector, at least 2.
        context_size: size of the context.
        kernel_initializer: initialiser of the linear layers from the features.
    """

    base: DiagonalNormal
    parameter_names = ("loc", "base_loc", "base_scale", "context")
    closed_mean = False

    def __init__(
        self, latent_size: int, context_size: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ):
        super().__init__(several_units(latent_size, type(self).__name__), **kwargs)
        self.context_size = positive_int("context_size", context_size)
        options = {"kernel_initializer": kernel_initializer, "dtype": self.dtype_policy}
        self.base = DiagonalNormal(latent_size, name="base", **options)
        self.context_layer = Projection((context_size,), name="context", **options)

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the layers from the features, and the steps."""
        self.context_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (loc, scale, context): [N, latent_size] twice and [N, context_size]."""
        return *self.base(features), self.context_layer(features)

    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns (loc, log scale, context)."""
        return *self.base.unconstrain(parameters[:2]), parameters[2]

    def constrain(self, free: Parameters) -> Parameters:
        """Returns (loc, scale, context)."""
        return *self.base.constrain(free[:2]), free[2]

    def served(self, parameters: Parameters) -> Parameters:
        """Returns `mean` and the parameters."""
        return self.mean(parameters), *parameters

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.base.loc_layer.kernel_initializer)
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "context_size": self.context_size,
            "kernel_initializer": initializer,
        }


def several_units(latent_size: int, kind: str) -> int:
    """Returns `latent_size` if it is an integer of at least 2.

    Raises:
        UserError: otherwise.
    """
    if positive_int("latent_size", latent_size) < 2:
        raise UserError(
            f"{kind} makes one unit depend on others",
            expected="latent_size >= 2",
            received=latent_size,
            fix="choose DiagonalNormal for one unit",
        )
    return latent_size


class _Bijector(tfp.bijectors.Bijector):
    """The map of a flow at a context, for TFP."""

    def __init__(self, flow: FlowHead, context: tf.Tensor | None = None):
        parameters = {"flow": flow, "context": context}
        super().__init__(forward_min_event_ndims=1, dtype=tf.float32, parameters=parameters, name="flow")
        self.flow, self.context = flow, context

    @classmethod
    def _parameter_properties(cls, dtype: Any) -> dict[str, Any]:
        return {"context": tfp.util.ParameterProperties(event_ndims=1)}

    def _forward(self, values: tf.Tensor) -> tf.Tensor:
        return self.flow.forward(values, self.context)[0]

    def _inverse(self, values: tf.Tensor) -> tf.Tensor:
        return self.flow.inverse(values, self.context)[0]

    def _forward_log_det_jacobian(self, values: tf.Tensor) -> tf.Tensor:
        return self.flow.forward(values, self.context)[1]

    def _inverse_log_det_jacobian(self, values: tf.Tensor) -> tf.Tensor:
        return -self.flow.inverse(values, self.context)[1]
