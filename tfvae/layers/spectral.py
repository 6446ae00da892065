"""Dense layers and convolutions divided by the largest singular value of their kernel."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.layers.products import Conv2D, Dense, Exact


class _Spectral(Exact):
    """Base of the layers below: sigma, by power iteration on the kernel as a matrix W [inputs, units].

        v = W u / |W u|,   u = W' v / |W' v|,   sigma = v' W u

    u is kept between calls and changes only in training. The gradient goes through sigma as a function of W, with u and
    v held fixed. It is exact once they have converged. `keras.layers.SpectralNormalization` replaces the kernel itself
    and has no such gradient.

    Args:
        power_iterations: number of iterations in each call in training.
        *args, **kwargs: arguments of the Keras layer of that name.

    References:
        Miyato et al.: Spectral normalization for generative adversarial networks (2018), section 2.1 and algorithm 1.
    """

    def __init__(self, *args: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.power_iterations = positive_int("power_iterations", power_iterations)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the kernel, the bias and the vector u."""
        super().build(input_shape)
        self.vector = self.add_weight(
            shape=(self.kernel.shape[-1],),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            dtype="float32",
            aggregation="only_first_replica",
            name="vector",
        )

    def sigma(self, training: bool = False) -> tf.Tensor:
        """Returns the estimate of the largest singular value: scalar, float32.

        Args:
            training: True to iterate further and to keep the vector.
        """
        matrix = tf.reshape(tf.cast(self.kernel, tf.float32), [-1, self.kernel.shape[-1]])
        constant = tf.stop_gradient(matrix)
        u = tf.math.l2_normalize(tf.convert_to_tensor(self.vector))
        v = tf.math.l2_normalize(tf.linalg.matvec(constant, u))
        if training:
            for _ in range(self.power_iterations):
                u = tf.math.l2_normalize(tf.linalg.matvec(constant, v, transpose_a=True))
                v = tf.math.l2_normalize(tf.linalg.matvec(constant, u))
            self.vector.assign(u)
        return tf.reduce_sum(v * tf.linalg.matvec(matrix, u))

    def _divided(self, products: tf.Tensor, training: bool) -> tf.Tensor:
        return self._finish(tf.cast(products, tf.float32) / self.sigma(training))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"power_iterations": self.power_iterations}


@keras.saving.register_keras_serializable(package="tfvae")
class SpectralDense(_Spectral, Dense):
    """A dense layer with the kernel W / sigma(W); see `keras.layers.Dense` for its arguments.

    Example:
        >>> from tfvae.layers import SpectralDense
        >>> SpectralDense(1)(keras.ops.ones((2, 3))).shape
        TensorShape([2, 1])
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns activation(inputs W / sigma(W) + bias)."""
        return self._divided(keras.ops.matmul(inputs, self.kernel), training)


@keras.saving.register_keras_serializable(package="tfvae")
class SpectralConv2D(_Spectral, Conv2D):
    """A convolution with the kernel W / sigma(W), W as a matrix [height width channels, filters].

    See `keras.layers.Conv2D` for its arguments.

    Example:
        >>> from tfvae.layers import SpectralConv2D
        >>> SpectralConv2D(4, 3, padding="same")(keras.ops.ones((2, 8, 8, 1))).shape
        TensorShape([2, 8, 8, 4])
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the activation of the convolution by W / sigma(W), plus the bias."""
        kernel = tf.cast(self.kernel, tf.float32)
        return self._divided(self._convolve(tf.cast(inputs, tf.float32), kernel), training)
