"""The energy of independent sources that one matrix mixes."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.layers import Composite, Dense


@keras.saving.register_keras_serializable(package="tfvae")
class LaplaceSources(Composite, keras.layers.Layer):
    """The energy of independent component analysis with Laplace sources of unit variance:

        E(x) = sqrt(2) sum_i |b_i x|

    b_i, the rows of the unmixing matrix B, are learned. With as many sources n as numbers in x the integral Z of
    exp(-E) is known: log Z = (n / 2) log 2 - log |det B|.

    Args:
        num_sources: rows of B; None for as many as x has numbers.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        UserError: if `num_sources` is below 1.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.networks import LaplaceSources
        >>> LaplaceSources()(tf.zeros([5, 4])).shape
        TensorShape([5])

    References:
        Gutmann, Hyvarinen: Noise-contrastive estimation of unnormalized statistical models, with applications to
        natural image statistics (2012), section 3.1.
    """

    def __init__(self, num_sources: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_sources = None if num_sources is None else positive_int("num_sources", num_sources)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes B, orthogonal at the start, for inputs of a shape [N, ...]."""
        size = math.prod(input_shape[1:])
        self.sources = Dense(
            self.num_sources or size,
            use_bias=False,
            kernel_initializer="orthogonal",
            dtype=self.dtype_policy,
            name="sources",
        )
        self.sources.build((None, size))
        super().build(input_shape)

    @property
    def unmixing(self) -> tf.Tensor:
        """The unmixing matrix B, [n, D]."""
        return tf.transpose(tf.convert_to_tensor(self.sources.kernel))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns E(x) of x [N, ...]: [N], float32, nats."""
        sources = self.sources(keras.ops.reshape(inputs, (-1, math.prod(inputs.shape[1:]))))
        return math.sqrt(2.0) * tf.reduce_sum(tf.abs(tf.cast(sources, tf.float32)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"num_sources": self.num_sources}
