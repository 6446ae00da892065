"""The Normal distribution of a latent variable with every covariance free."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import positive_int
from tfvae.distributions.head import LOG_2_PI, Parameters, Shape, tfd
from tfvae.distributions.posterior_head import PosteriorHead
from tfvae.distributions.projection import Projection
from tfvae.layers import bounded


@keras.saving.register_keras_serializable(package="tfvae")
class FullCovarianceNormal(PosteriorHead):
    """N(loc, L L^T) over a latent vector: L lower triangular with a diagonal of exp(linear output), the output
    `bounded`.

    The raw entries fill L in the order of `tfp.math.fill_triangular`. Every operation here exists in LiteRT too, which
    has neither triangular solves nor diagonal parts.

    Args:
        latent_size: units of the latent vector.
        kernel_initializer: initialiser of both linear layers.

    Raises:
        UserError: if `latent_size` < 1.

    References:
        Kingma, Welling: An introduction to variational autoencoders (2019), section 2.5.1.

    Example:
        >>> [parameter.shape.as_list() for parameter in FullCovarianceNormal(2)(tf.ones((4, 3)))]
        [[4, 2], [4, 2, 2]]
    """

    parameter_names = ("loc", "scale_tril")

    def __init__(self, latent_size: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)
        entries = latent_size * (latent_size + 1) // 2
        order = tfp.math.fill_triangular(np.arange(1, entries + 1))
        self._order = np.asarray(order, np.int32).reshape(-1)  # 0 reads a constant zero above the diagonal
        self.loc_layer = Projection(self.event_shape, kernel_initializer, dtype=self.dtype_policy, name="loc")
        self.tril_layer = Projection((entries,), kernel_initializer, dtype=self.dtype_policy, name="raw_tril")

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the two linear layers."""
        self.loc_layer.build(input_shape)
        self.tril_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (loc, L): [N, latent_size] and [N, latent_size, latent_size]."""
        entries = self.tril_layer(features)
        size = self.event_shape[0]
        padded = tf.concat([tf.zeros_like(entries[:, :1]), entries], axis=1)
        raw = tf.reshape(tf.gather(padded, self._order, axis=1), [-1, size, size])
        return self.constrain(
            (self.loc_layer(features), tf.where(np.eye(size, dtype=bool), bounded(raw), raw))
        )

    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns (loc, L with the logarithm of its diagonal)."""
        loc, tril = parameters
        eye = np.eye(self.event_shape[0], dtype=np.float32)
        return loc, tril * (1.0 - eye) + eye * tf.math.log(tril * eye + 1.0 - eye)

    def constrain(self, free: Parameters) -> Parameters:
        """Returns (loc, L)."""
        loc, raw = free
        eye = np.eye(self.event_shape[0], dtype=np.float32)
        return loc, raw * np.tril(1.0 - eye) + eye * tf.exp(raw * eye)

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.MultivariateNormalTriL`."""
        return tfd.MultivariateNormalTriL(*parameters)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns loc + L noise."""
        loc, tril = parameters
        return loc + tf.linalg.matvec(tril, noise)

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns -|L^-1 (value - loc)|^2 / 2 - sum_j log L_jj - latent_size log(2 pi) / 2."""
        loc, tril = parameters
        rest, log_prob = value - loc, -0.5 * self.event_shape[0] * LOG_2_PI
        for unit in range(self.event_shape[0]):
            pivot = tril[..., unit, unit]
            white = rest[..., 0] / pivot
            log_prob += -0.5 * tf.square(white) - tf.math.log(pivot)
            rest = rest[..., 1:] - white[..., tf.newaxis] * tril[..., unit + 1 :, unit]
        return log_prob

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns loc."""
        return parameters[0]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.loc_layer.kernel_initializer)
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "kernel_initializer": initializer,
        }
