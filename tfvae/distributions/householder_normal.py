"""The Normal distribution of a latent variable with rotated axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.distributions.diagonal_normal import DiagonalNormal
from tfvae.distributions.flow_head import several_units
from tfvae.distributions.head import Parameters, Shape, tfd
from tfvae.distributions.posterior_head import PosteriorHead
from tfvae.distributions.projection import Projection

SHORTEST = 1e-12  # squared length below which a vector has no direction


@keras.saving.register_keras_serializable(package="tfvae")
class HouseholderNormal(PosteriorHead):
    """N(loc, H diag(scale^2) H^T), H = H_T .. H_1 a product of Householder reflections:

        z = loc + H_T .. H_1 (scale * noise),  H_t = I - 2 v_t v_t^T / |v_t|^2

    with each v_t linear in the features: T + 2 parameters for each unit. With as many reflections as units every
    covariance is reached. H preserves volume, its inverse is the same reflections in the opposite order, and the head
    suits every estimator.

    Args:
        latent_size: units of the latent vector, at least 2.
        reflections: number T of reflections.
        kernel_initializer: initialiser of the linear layers.

    Raises:
        UserError: if a number is out of range.

    References:
        Tomczak, Welling: Improving variational auto-encoders using Householder flow (2016), section 3.

    Example:
        >>> [parameter.shape.as_list() for parameter in HouseholderNormal(2, reflections=3)(tf.ones((4, 3)))]
        [[4, 2], [4, 2], [4, 3, 2]]
    """

    parameter_names = ("loc", "scale", "directions")

    def __init__(
        self,
        latent_size: int,
        reflections: int = 2,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(several_units(latent_size, type(self).__name__), **kwargs)
        shape = (positive_int("reflections", reflections), latent_size)
        options = {"kernel_initializer": kernel_initializer, "dtype": self.dtype_policy}
        self.base = DiagonalNormal(latent_size, name="base", **options)
        self.direction_layer = Projection(shape, name="directions", **options)

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layers."""
        self.base.build(input_shape)
        self.direction_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (loc, scale, directions): [N, latent_size] twice, and unit vectors [N, T, latent_size].

        A vector of no length stands for the first axis.
        """
        return *self.base(features), self._directions(self.direction_layer(features))

    def _directions(self, vectors: tf.Tensor) -> tf.Tensor:
        axis = tf.one_hot(0, self.event_shape[0])
        vectors = tf.where(tf.reduce_sum(vectors**2, axis=-1, keepdims=True) > SHORTEST, vectors, axis)
        return vectors / tf.sqrt(tf.reduce_sum(vectors**2, axis=-1, keepdims=True))

    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns (loc, log scale, vectors)."""
        return *self.base.unconstrain(parameters[:2]), parameters[2]

    def constrain(self, free: Parameters) -> Parameters:
        """Returns (loc, scale, directions), of unit length whatever the vectors' length."""
        return *self.base.constrain(free[:2]), self._directions(free[2])

    @staticmethod
    def _reflect(values: tf.Tensor, directions: Sequence[tf.Tensor]) -> tf.Tensor:
        """Applies the reflections in the order of the list."""
        for direction in directions:
            values = values - 2.0 * direction * tf.reduce_sum(direction * values, axis=-1, keepdims=True)
        return values

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.MultivariateNormalTriL`."""
        loc, scale, directions = parameters
        across = [direction[..., tf.newaxis, :] for direction in tf.unstack(directions, axis=-2)]
        axes = self._reflect(tf.linalg.diag(scale), across)  # rows: the covariance is axes^T axes
        _, upper = tf.linalg.qr(axes)
        signs = tf.sign(tf.linalg.diag_part(upper))[..., tf.newaxis]
        return tfd.MultivariateNormalTriL(loc, tf.linalg.matrix_transpose(signs * upper))

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns loc + H_T .. H_1 (scale * noise)."""
        loc, scale, directions = parameters
        return loc + self._reflect(scale * noise, tf.unstack(directions, axis=-2))

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns the log-density of H_1 .. H_T (value - loc) under N(0, diag(scale^2))."""
        loc, scale, directions = parameters
        straight = self._reflect(value - loc, tf.unstack(directions, axis=-2)[::-1])
        return self.base.log_prob((0.0, scale), straight)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns loc."""
        return parameters[0]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.base.loc_layer.kernel_initializer)
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "reflections": self.direction_layer.target_shape[0],
            "kernel_initializer": initializer,
        }
