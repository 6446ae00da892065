"""Spectral normalisation against the singular values that NumPy finds."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.layers import SpectralConv2D, SpectralDense

RNG = np.random.default_rng(0)
LAYERS = {
    "dense": (lambda: SpectralDense(3, bias_initializer="ones"), (5, 4)),
    "convolution": (lambda: SpectralConv2D(3, (2, 3), strides=2, padding="same"), (5, 6, 6, 2)),
}


def made(name, calls=200):
    """A layer whose power iteration has converged, and inputs."""
    layer, x = LAYERS[name][0](), tf.constant(RNG.normal(size=LAYERS[name][1]).astype(np.float32))
    for _ in range(calls):
        layer(x, training=True)
    return layer, x


def largest(kernel):
    return np.linalg.svd(np.reshape(kernel, (-1, kernel.shape[-1])), compute_uv=False)[0]


@pytest.mark.parametrize("name", LAYERS)
def test_the_layer_is_divided_by_the_largest_singular_value(name):
    layer, x = made(name)
    sigma = largest(np.asarray(layer.kernel))
    np.testing.assert_allclose(layer.sigma(), sigma, rtol=1e-5)
    plain = (
        keras.layers.Dense(3)
        if name == "dense"
        else keras.layers.Conv2D(3, (2, 3), strides=2, padding="same")
    )
    plain.build(x.shape)
    plain.set_weights([np.asarray(layer.kernel) / sigma, np.asarray(layer.bias)])
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-6)


def test_the_gradient_goes_through_sigma():
    """Kills: a division by a constant, as of a projection of the kernel."""
    layer, x = made("dense")
    direction = RNG.normal(size=layer.kernel.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.square(layer(x)))
    slope = float(tf.reduce_sum(tape.gradient(value, layer.kernel.value) * direction))
    kernel, bias, inputs = (np.asarray(each, np.float64) for each in (layer.kernel, layer.bias, x))

    def at(step):
        moved = kernel + step * direction
        return np.sum((inputs @ moved / largest(moved) + bias) ** 2)

    np.testing.assert_allclose(slope, (at(1e-5) - at(-1e-5)) / 2e-5, rtol=1e-3)


def test_only_training_moves_the_vector():
    layer, x = made("dense", calls=1)
    before = np.array(layer.vector)
    layer(x)
    np.testing.assert_array_equal(before, layer.vector)
    layer(x, training=True)
    assert (before != np.array(layer.vector)).any()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_made_from_its_config_gives_the_same(name):
    layer, x = made(name, calls=2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), layer(x))
