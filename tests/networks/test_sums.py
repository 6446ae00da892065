"""Gradients of half-precision layers are sums in float32.

Mutations, each seen to break a test here: Keras' own `Dense`, `Conv2D` or `Conv2DTranspose` in a head, a network or
DRAW; the bias added in half precision.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models

from tfvae.checks import UserError
from tfvae.layers import Conv2D, Conv2DTranspose, Dense

ROWS = 1000
HALF = {"mixed_float16": 2.0**-10, "mixed_bfloat16": 2.0**-7}  # rounding of a number, at most
LAYERS = {
    "dense": (lambda **options: Dense(3, **options), (4,)),
    "conv": (lambda **options: Conv2D(3, 3, strides=2, padding="same", **options), (4, 4, 2)),
    "transposed": (lambda **options: Conv2DTranspose(3, 3, strides=2, padding="same", **options), (4, 4, 2)),
}


CPU = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="GPUs sum in float32")


@CPU
@pytest.mark.parametrize("policy", HALF)
@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name, policy):
    make, shape = LAYERS[name]
    x = tf.ones((ROWS, *shape))
    gradients = []
    for dtype in ("float32", policy):
        layer = make(dtype=dtype, kernel_initializer="ones")
        with tf.GradientTape() as tape:
            y = layer(x)
        upstream = tf.fill(tf.shape(y), tf.cast(tf.cast(0.01, layer.compute_dtype), y.dtype))
        assert y.dtype == layer.compute_dtype
        gradients.append(tape.gradient(y, layer.trainable_variables, output_gradients=upstream))
    exact, found = gradients
    step = float(tf.cast(tf.cast(0.01, HALF_TYPE[policy]), tf.float32)) / 0.01
    for one, other in zip(exact, found, strict=True):
        assert other.dtype == "float32"
        np.testing.assert_allclose(other, step * one, rtol=HALF[policy])


HALF_TYPE = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_those_of_keras(name):
    make, shape = LAYERS[name]
    layer = make(activation="tanh", bias_initializer="ones")
    theirs = {"dense": keras.layers.Dense, "conv": keras.layers.Conv2D}.get(
        name, keras.layers.Conv2DTranspose
    )
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    y = layer(x)
    config = {key: value for key, value in layer.get_config().items() if key != "name"}
    reference = theirs.from_config(config)
    reference.build(x.shape)
    reference.set_weights(layer.get_weights())
    np.testing.assert_array_equal(y, reference(x))
    for policy, rounding in HALF.items():
        half = make(activation="tanh", dtype=policy)
        half.build(x.shape)
        half.set_weights(layer.get_weights())
        np.testing.assert_allclose(tf.cast(half(x), tf.float32), y, atol=8 * rounding)


@pytest.mark.parametrize("name", models.TABLE)
def test_models_are_made_of_these_layers(name):
    for part in models.parts(models.create(name)):
        if isinstance(part, keras.Model) or not type(part).__module__.startswith("tfvae."):
            continue
        for layer in part._flatten_layers():
            if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D | keras.layers.Conv2DTranspose):
                assert type(layer).__module__ == "tfvae.layers.products", layer.path


@CPU
def test_a_layer_of_keras_that_would_sum_in_bfloat16_is_refused():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.create("vae-functional")
        model.compile("sgd", run_eagerly=True)
        with pytest.raises(UserError, match="bfloat16 on a CPU"):
            model.train_on_batch(models.examples(model, 2))
        model.decoder.trainable = model.encoder.trainable = False
        model.compile("sgd", run_eagerly=True)
        model.train_on_batch(models.examples(model, 2))
    finally:
        keras.config.set_dtype_policy(policy)


def test_a_layer_of_a_users_own_network_is_saved_and_loaded(tmp_path):
    """Kills: a layer that no name is registered for."""
    model = keras.Sequential([Conv2D(2, 3), Conv2DTranspose(2, 3), Dense(1)])
    images = np.random.default_rng(0).normal(size=(2, 5, 5, 1)).astype(np.float32)
    expected = model(images)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(images), expected)
