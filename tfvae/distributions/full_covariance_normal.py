"""The Normal distribution of a latent variable with every covariance free."""

from __future__ import annotations

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import positive_int
from tfvae.distributions.head import LOG_2_PI, Head, tfd
from tfvae.distributions.projection import Projection


@keras.saving.register_keras_serializable(package="tfvae")
class FullCovarianceNormal(Head):
    """N(loc, L L^T) over a latent vector: L lower triangular with a diagonal of exp(linear output).

    Args:
        latent_size: units of the latent vector.
        kernel_initializer: of both linear layers.

    Raises:
        UserError: if `latent_size` < 1.

    References:
        Kingma, Welling: An introduction to variational autoencoders (2019), section 2.5.1.
    """

    def __init__(self, latent_size, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)
        entries = latent_size * (latent_size + 1) // 2
        self.loc_layer = Projection(self.event_shape, kernel_initializer, dtype=self.dtype_policy, name="loc")
        self.tril_layer = Projection((entries,), kernel_initializer, dtype=self.dtype_policy, name="raw_tril")

    def build(self, input_shape):
        """Makes the two linear layers."""
        self.loc_layer.build(input_shape)
        self.tril_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        """Returns (loc, L): [N, latent_size] and [N, latent_size, latent_size]."""
        raw = tfp.math.fill_triangular(self.tril_layer(features))
        return self.loc_layer(features), tf.linalg.set_diag(raw, tf.exp(tf.linalg.diag_part(raw)))

    def distribution(self, parameters):
        """Returns a `tfd.MultivariateNormalTriL`."""
        return tfd.MultivariateNormalTriL(*parameters)

    def sample(self, parameters, noise):
        """Returns loc + L noise."""
        loc, tril = parameters
        return loc + tf.linalg.matvec(tril, noise)

    def log_prob(self, parameters, value):
        """Returns -|L^-1 (value - loc)|^2 / 2 - sum_j log L_jj - latent_size log(2 pi) / 2."""
        loc, tril = parameters
        offset = (value - loc)[..., tf.newaxis]
        tril = tf.broadcast_to(tril, tf.concat([tf.shape(offset)[:-2], tf.shape(tril)[-2:]], axis=0))
        white = tf.linalg.triangular_solve(tril, offset)[..., 0]
        return self.sum_event(
            -0.5 * tf.square(white) - tf.math.log(tf.linalg.diag_part(tril)) - 0.5 * LOG_2_PI
        )

    def mean(self, parameters):
        """Returns loc."""
        return parameters[0]

    def get_config(self):
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.loc_layer.kernel_initializer)
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "kernel_initializer": initializer,
        }
