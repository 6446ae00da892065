"""Dense layers and convolutions of images [N, height, width, channels], whose gradients are summed in float32.

TensorFlow's CPU kernels add up in the precision of their inputs. With 1,000 rows of 0.01 the bias of a bfloat16 layer
gets the gradient 4 in place of 10. Kernels of half-precision convolutions get gradients that are 2 to 50 % off. GPUs
sum in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.layers.composite import Mixed
from tfvae.layers.policy import policy_for

Activation = str | Callable[[tf.Tensor], tf.Tensor] | None


def sums_in_half(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer would sum over examples in half precision: it computes in half precision on a CPU."""
    half = layer.compute_dtype in ("float16", "bfloat16")
    return half and not tf.config.list_logical_devices("GPU")


def check_sums(layers: list[keras.layers.Layer]) -> None:
    """Refuses foreign layers that would sum gradients in half precision.

    Raises:
        UserError: if, on a CPU, a bias is bfloat16 or the kernel of a convolution has half precision.
    """
    for layer in layers:
        if isinstance(layer, Exact) or not layer.autocast or not sums_in_half(layer):
            continue  # a layer without autocast, such as `Offset`, chooses the precision of its sums itself
        weights = {weight.name: weight for weight in layer.trainable_weights}
        own = {name: weight for name, weight in weights.items() if weight is getattr(layer, name, None)}
        kernel = own.get("kernel")
        convolution = kernel is not None and hasattr(layer, "kernel_size")
        if convolution or ("bias" in own and layer.compute_dtype == "bfloat16"):
            raise UserError(
                f"the gradients of layer {layer.name} would be summed in {layer.compute_dtype} on a CPU",
                expected="layers of tfvae.networks or tfvae.layers, which sum in float32",
                received=type(layer).__name__,
                fix='give that layer dtype="float32", or train on a GPU',
            )


class Exact(Mixed):
    """Mixin for Keras layers whose sums are float32: the base of the layers below.

    Args:
        *args, **kwargs: arguments of the Keras layer of that name.
        dtype: dtype or policy, see `policy_for`.
    """

    kernel: Any

    def __init__(self, *args: Any, dtype: str | keras.DTypePolicy | None = None, **kwargs: Any) -> None:
        super().__init__(*args, dtype=policy_for(dtype), **kwargs)

    def _finish(self, products: tf.Tensor) -> tf.Tensor:
        """Returns activation(products [..., units] + bias) in half precision; the sum is taken in float32."""
        if self.use_bias:
            products = tf.cast(products, tf.float32) + tf.cast(self.bias, tf.float32)
        return self.activation(tf.cast(products, self.compute_dtype))


@keras.saving.register_keras_serializable(package="tfvae")
class Dense(Exact, keras.layers.Dense):
    """`keras.layers.Dense` with gradients summed in float32."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns activation(inputs kernel + bias)."""
        if not sums_in_half(self):
            return super().call(inputs, training=training)
        return self._finish(keras.ops.matmul(inputs, self.kernel))


class _ExactConvolution(Exact):
    """Convolutions whose channels come last, whatever Keras' `image_data_format` is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"data_format": "channels_last"})

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the activation of the convolution."""
        if not sums_in_half(self):
            return super().call(inputs)
        kernel = tf.cast(self.kernel, tf.float32)
        return self._finish(self._convolve(tf.cast(inputs, tf.float32), kernel))


@keras.saving.register_keras_serializable(package="tfvae")
class Conv2D(_ExactConvolution, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with gradients summed in float32."""

    def _convolve(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return keras.ops.conv(
            inputs, kernel, list(self.strides), self.padding, self.data_format, self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="tfvae")
class Conv2DTranspose(_ExactConvolution, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with gradients summed in float32."""

    def _convolve(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return keras.ops.conv_transpose(
            inputs,
            kernel,
            list(self.strides),
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
