"""The Normal distribution of a latent variable with rotated axes."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.distributions.diagonal_normal import DiagonalNormal
from tfvae.distributions.flow import several_units
from tfvae.distributions.head import Head, tfd
from tfvae.distributions.projection import Projection

SHORTEST = 1e-12  # squared length below which a vector has no direction


@keras.saving.register_keras_serializable(package="tfvae")
class HouseholderNormal(Head):
    """N(loc, H diag(scale^2) H^T), H = H_T .. H_1 a product of Householder reflections:

        z = loc + H_T .. H_1 (scale * noise),  H_t = I - 2 v_t v_t^T / |v_t|^2

    with each v_t linear in the features: T + 2 parameters for each unit. With as many reflections as units every
    covariance is reached. H preserves volume, its inverse is the same reflections in the opposite order, and the head
    suits every estimator.

    Args:
        latent_size: units of the latent vector, at least 2.
        reflections: their number T.
        kernel_initializer: of the linear layers.

    Raises:
        UserError: if a number is out of range.

    References:
        Tomczak, Welling: Improving variational auto-encoders using Householder flow (2016), section 3.
    """

    parameter_names = ("loc", "scale", "directions")

    def __init__(self, latent_size, reflections=2, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(several_units(latent_size, type(self).__name__), **kwargs)
        shape = (positive_int("reflections", reflections), latent_size)
        options = {"kernel_initializer": kernel_initializer, "dtype": self.dtype_policy}
        self.base = DiagonalNormal(latent_size, name="base", **options)
        self.direction_layer = Projection(shape, name="directions", **options)

    def build(self, input_shape):
        """Makes the linear layers."""
        self.base.build(input_shape)
        self.direction_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        """Returns (loc, scale, directions): [N, latent_size] twice, and unit vectors [N, T, latent_size].

        A vector of no length stands for the first axis.
        """
        return *self.base(features), self._directions(self.direction_layer(features))

    def _directions(self, vectors):
        axis = tf.one_hot(0, self.event_shape[0])
        vectors = tf.where(tf.reduce_sum(vectors**2, axis=-1, keepdims=True) > SHORTEST, vectors, axis)
        return vectors / tf.sqrt(tf.reduce_sum(vectors**2, axis=-1, keepdims=True))

    def unconstrain(self, parameters):
        """Returns (loc, log scale, vectors)."""
        return *self.base.unconstrain(parameters[:2]), parameters[2]

    def constrain(self, free):
        """Returns (loc, scale, directions), of unit length whatever the vectors' length."""
        return *self.base.constrain(free[:2]), self._directions(free[2])

    @staticmethod
    def _reflect(values, directions):
        """Applies the reflections in the order of the list."""
        for direction in directions:
            values = values - 2.0 * direction * tf.reduce_sum(direction * values, axis=-1, keepdims=True)
        return values

    def distribution(self, parameters):
        """Returns a `tfd.MultivariateNormalTriL`."""
        loc, scale, directions = parameters
        across = [direction[..., tf.newaxis, :] for direction in tf.unstack(directions, axis=-2)]
        axes = self._reflect(tf.linalg.diag(scale), across)  # rows: the covariance is axes^T axes
        _, upper = tf.linalg.qr(axes)
        signs = tf.sign(tf.linalg.diag_part(upper))[..., tf.newaxis]
        return tfd.MultivariateNormalTriL(loc, tf.linalg.matrix_transpose(signs * upper))

    def sample(self, parameters, noise):
        """Returns loc + H_T .. H_1 (scale * noise)."""
        loc, scale, directions = parameters
        return loc + self._reflect(scale * noise, tf.unstack(directions, axis=-2))

    def log_prob(self, parameters, value):
        """Returns the log-density of H_1 .. H_T (value - loc) under N(0, diag(scale^2))."""
        loc, scale, directions = parameters
        straight = self._reflect(value - loc, tf.unstack(directions, axis=-2)[::-1])
        return self.base.log_prob((0.0, scale), straight)

    def mean(self, parameters):
        """Returns loc."""
        return parameters[0]

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.base.loc_layer.kernel_initializer)
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "reflections": self.direction_layer.target_shape[0],
            "kernel_initializer": initializer,
        }
