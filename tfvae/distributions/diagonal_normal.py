"""The factorised Normal distribution of a latent variable."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import one_of, positive_int
from tfvae.distributions.head import LOG_2_PI, Parameters, Shape, tfd
from tfvae.distributions.log_density import LogDensity
from tfvae.distributions.posterior_head import PosteriorHead
from tfvae.distributions.projection import Projection
from tfvae.layers import bounded, bounded_below

SCALES = {
    "exp": lambda raw: tf.exp(bounded(raw)),
    "softplus": lambda raw: tf.nn.softplus(bounded_below(raw)),
}


def _log_prob(loc: tf.Tensor, scale: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    squares = tf.reduce_sum(tf.square((value - loc) / scale), axis=-1)
    return -0.5 * squares - tf.reduce_sum(tf.math.log(scale) + 0.5 * LOG_2_PI, axis=-1)


normal_log_prob = LogDensity(_log_prob)


@keras.saving.register_keras_serializable(package="tfvae")
class DiagonalNormal(PosteriorHead):
    """N(loc, diag(scale^2)) over a latent vector, both linear in the features before the scale's positive function.

    Args:
        latent_size: units of the latent vector.
        scale: positive function of the second linear output: "exp" (so that it is log scale) or "softplus". Beyond a
            log scale of 10 in magnitude both level off, so that no output makes a scale 0 or infinite; see `bounded`.
        kernel_initializer: initialiser of both linear layers.

    Raises:
        UserError: if `latent_size` < 1 or `scale` is unknown.

    References:
        Kingma, Welling: Auto-encoding variational Bayes (2014), equation 9.

    Example:
        >>> [parameter.shape.as_list() for parameter in DiagonalNormal(2)(tf.ones((4, 3)))]
        [[4, 2], [4, 2]]
    """

    def __init__(
        self, latent_size: int, scale: str = "exp", kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)
        self.scale = one_of("scale", scale, SCALES)
        self.loc_layer = Projection(self.event_shape, kernel_initializer, dtype=self.dtype_policy, name="loc")
        self.scale_layer = Projection(
            self.event_shape, kernel_initializer, dtype=self.dtype_policy, name="raw_scale"
        )

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the two linear layers."""
        self.loc_layer.build(input_shape)
        self.scale_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (loc, scale): [N, latent_size] each."""
        return self.loc_layer(features), SCALES[self.scale](self.scale_layer(features))

    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns (loc, log scale)."""
        return parameters[0], tf.math.log(parameters[1])

    def constrain(self, free: Parameters) -> Parameters:
        """Returns (loc, scale)."""
        return free[0], tf.exp(free[1])

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.MultivariateNormalDiag`."""
        return tfd.MultivariateNormalDiag(*parameters)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns loc + scale * noise."""
        loc, scale = parameters
        return loc + scale * noise

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns sum_j -(value - loc)^2 / (2 scale^2) - log scale - log(2 pi) / 2."""
        return normal_log_prob(*parameters, value)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns loc."""
        return parameters[0]

    def factors(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Normal` for each unit."""
        return tfd.Normal(*parameters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        config = super().get_config()
        initializer = keras.initializers.serialize(self.loc_layer.kernel_initializer)
        return config | {
            "latent_size": self.event_shape[0],
            "scale": self.scale,
            "kernel_initializer": initializer,
        }
