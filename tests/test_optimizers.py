"""tfvae's fused Adam against Keras'.

Mutations, each seen to break a test here: epsilon inside the square root; the powers one step late; m and v exchanged.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae.optimizers

OPTIONS = {
    "plain": {},
    "recipe": {"learning_rate": 0.01, "beta_1": 0.99, "beta_2": 0.99, "epsilon": 1e-4},
    "clipped": {"clipnorm": 0.1, "weight_decay": 0.01},
    "averaged": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 7},
    "amsgrad": {"amsgrad": True},
    "schedule": {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 20)},
}


def trajectory(optimizer, dtype="float32"):
    """Forty steps on two variables; the first has a gradient that is zero for a while."""
    rng = np.random.default_rng(0)
    variables = [
        keras.Variable(rng.normal(size=shape), dtype=dtype, name=name)
        for name, shape in (("matrix", (5, 3)), ("vector", (4,)))
    ]

    @tf.function
    def step(*gradients):
        optimizer.apply(gradients, variables)

    optimizer.build(variables)
    for index in range(40):
        gradients = [rng.normal(size=variable.shape) * 10.0 ** rng.integers(-4, 2) for variable in variables]
        gradients[0] *= index > 3
        step(*(tf.cast(gradient, dtype) for gradient in gradients))
    return [np.asarray(variable.value, np.float64) for variable in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_same_steps_as_keras(options):
    """To 1e-4: Keras rounds 1 - beta_2 from 0.001 and beta_2^t from float32(0.999), which makes 2e-5 of a step."""
    ours = trajectory(tfvae.optimizers.Adam(**options))
    theirs = trajectory(keras.optimizers.Adam(**options))
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.max(np.abs(expected)), rtol=0)


def test_the_published_steps():
    """Algorithm 1 of Kingma and Ba with epsilon as their section 2 ends, in float64."""
    rng, rate, beta_1, beta_2, epsilon = np.random.default_rng(0), 0.01, 0.9, 0.999, 1e-3
    optimizer = tfvae.optimizers.Adam(rate, beta_1, beta_2, epsilon)
    variable = keras.Variable(rng.normal(size=5), dtype="float32")
    w, m, v = np.asarray(variable.value, np.float64), 0.0, 0.0
    optimizer.build([variable])
    for step in range(1, 31):
        gradient = rng.normal(size=5).astype(np.float32) * 0.01
        optimizer.apply([tf.constant(gradient)], [variable])
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient.astype(np.float64) ** 2
        w -= rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step) * m / (np.sqrt(v) + epsilon)
        np.testing.assert_allclose(variable.value, w, atol=1e-6, rtol=0)


def test_half_precision_variables_take_keras_own_update():
    ours, theirs = (
        trajectory(tfvae.optimizers.Adam(), "float16"),
        trajectory(keras.optimizers.Adam(), "float16"),
    )
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_one_operation_for_each_variable():
    optimizer, variable = tfvae.optimizers.Adam(), keras.Variable(np.ones(3, np.float32))
    optimizer.build([variable])
    graph = tf.function(lambda: optimizer.apply([tf.ones(3)], [variable])).get_concrete_function().graph
    operations = [operation.type for operation in graph.get_operations()]
    assert operations.count("ResourceApplyAdam") == 1
    assert "Sqrt" not in operations


def test_saved_and_loaded():
    optimizer = tfvae.optimizers.Adam(0.5, epsilon=1e-3)
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(loaded) is tfvae.optimizers.Adam
    assert loaded.get_config() == optimizer.get_config()
