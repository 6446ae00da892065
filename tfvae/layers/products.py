"""Dense layers and convolutions of images [N, height, width, channels], whose gradients are summed in float32.

TensorFlow's CPU kernels add up in the precision of their inputs: 1,000 rows of 0.01 give a bias of a bfloat16 layer the
gradient 4 in place of 10, and the kernels of half-precision convolutions gradients that are 2 to 50 % off. GPUs sum in
float32.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.layers.policy import policy_for


def sums_in_half(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer's sums over examples would be taken in half precision: on a CPU in a half policy."""
    half = layer.compute_dtype in ("float16", "bfloat16")
    return half and not tf.config.list_logical_devices("GPU")


def check_sums(layers: list[keras.layers.Layer]) -> None:
    """Refuses layers that are not of this room where they would sum gradients in half precision.

    Raises:
        UserError: if a bias is bfloat16, or the kernel of a convolution half precision, on a CPU.
    """
    for layer in layers:
        if isinstance(layer, _Exact) or not layer.autocast or not sums_in_half(layer):
            continue  # a layer without autocast, as `Offset`, chooses the precision of its sums itself
        own = {
            weight.name: weight
            for weight in layer.trainable_weights
            if getattr(layer, weight.name, None) is weight
        }
        kernel = own.get("kernel")
        convolution = kernel is not None and hasattr(layer, "kernel_size")
        if convolution or ("bias" in own and layer.compute_dtype == "bfloat16"):
            raise UserError(
                f"the gradients of layer {layer.name} would be summed in {layer.compute_dtype} on a CPU",
                expected="layers of tfvae.networks or tfvae.layers, which sum in float32",
                received=type(layer).__name__,
                fix='give that layer dtype="float32", or train on a GPU',
            )


class _Exact:
    """What the layers below share.

    Args:
        *args, **kwargs: as the Keras layer of that name takes them; `dtype` None is `policy_for(None)`.
    """

    def __init__(self, *args, dtype=None, **kwargs):
        super().__init__(*args, dtype=policy_for(dtype), **kwargs)

    def _finish(self, products):
        """Returns the activation of products [..., units], float32 or half, plus the bias, in half precision."""
        if self.use_bias:
            products = tf.cast(products, tf.float32) + tf.cast(self.bias, tf.float32)
        return self.activation(tf.cast(products, self.compute_dtype))


class Dense(_Exact, keras.layers.Dense):
    """`keras.layers.Dense`."""

    def call(self, inputs, training=None):
        """Returns activation(inputs kernel + bias)."""
        if not sums_in_half(self):
            return super().call(inputs, training=training)
        return self._finish(keras.ops.matmul(inputs, self.kernel))


class _ExactConvolution(_Exact):
    """Convolutions whose channels come last, whatever Keras' `image_data_format` is."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs | {"data_format": "channels_last"})

    def call(self, inputs):
        """Returns the activation of the convolution."""
        if not sums_in_half(self):
            return super().call(inputs)
        kernel = tf.cast(self.kernel, tf.float32)
        return self._finish(self._convolve(tf.cast(inputs, tf.float32), kernel))


class Conv2D(_ExactConvolution, keras.layers.Conv2D):
    """`keras.layers.Conv2D`."""

    def _convolve(self, inputs, kernel):
        return keras.ops.conv(
            inputs, kernel, list(self.strides), self.padding, self.data_format, self.dilation_rate
        )


class Conv2DTranspose(_ExactConvolution, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`."""

    def _convolve(self, inputs, kernel):
        return keras.ops.conv_transpose(
            inputs,
            kernel,
            list(self.strides),
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
