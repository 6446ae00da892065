"""Under a mixed policy the matrix products are half precision; log-densities and their sums stay float32."""

import keras
import numpy as np
import pytest
from conformance import models
from conformance.cover import FAST, cover, rows, turn
from kit.marks import tiers

CASES = [(name, half) for name in models.TABLE for half in ("float16", "bfloat16")]
KEPT = {(name, "float16") for name in cover()} | {(name, "bfloat16") for name in turn("half precision")}
QUICK = {(name, "float16") for name in FAST}


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(("name", "half_precision"), tiers(CASES, fast=QUICK, kept=KEPT))
def test_log_densities(name, half_precision, mixed_precision):
    keras.config.set_dtype_policy(f"mixed_{half_precision}")
    half = models.create(name)
    keras.config.set_dtype_policy("float32")
    full = models.create(name)
    full.set_weights(half.get_weights())
    x = models.examples(full, 5)
    expected, found = models.outputs(full, x), models.outputs(half, x)
    assert {v.dtype for v in half.variables} <= {"float32"}
    assert {layer.compute_dtype for layer in models.computing(half)} == {half_precision}
    assert not np.array_equal(found["call"], expected["call"])
    for method, values in found.items():
        assert values.dtype == np.float32 and np.isfinite(values).all(), method
    expected.pop("draw", None), found.pop("draw", None)
    scale = {"float16": 1, "bfloat16": 8}[half_precision]  # has three bits fewer
    models.assert_same(found, expected, rtol=scale * 0.03, atol=scale * 0.08)


def test_the_learned_baseline_sees_the_examples_in_float32(mixed_precision):
    model = models.create("discrete-linear")
    x = np.full((1, 5), 1.0 + 2.0**-12, np.float32)
    assert model.baseline.compute_dtype == "float32"
    model.baseline.output_layer.kernel.assign(np.ones((100, 1)))
    assert model.baseline(x).dtype == "float32"
    assert not np.array_equal(model.baseline(x), model.baseline(np.ones_like(x)))


@pytest.mark.parametrize("name", rows())
def test_training(name, mixed_precision):
    model = models.create(name)
    sgd = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05), 16.0)
    models.compiled(model, sgd, run_eagerly=True)
    x = models.examples(model, 8)
    before = model.get_weights()
    history = model.fit(*models.data(model, x), batch_size=4, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    codec = [weight for network in models.codec(model) for weight in network.weights]
    frozen = {id(weight) for weight in codec if not weight.trainable}
    for weight, then in zip(model.weights, before, strict=True):
        assert np.array_equal(weight, then) == (id(weight) in frozen)
    assert int(model.steps_taken()) == 2


def test_compile_scales_the_loss(mixed_precision):
    model = models.create("vae-mlp")
    model.compile("sgd")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    model.fit(models.examples(model, 8), batch_size=4, epochs=8, verbose=0)
    assert 4 <= int(model.optimizer.iterations) <= 16  # steps are skipped until the loss scale fits


def test_one_step_is_that_of_float32(mixed_precision):
    half = models.create("iwae-mlp")
    keras.config.set_dtype_policy("float32")
    full = models.create("iwae-mlp")
    start = full.get_weights()
    x = models.examples(full, 8)
    for model in (half, full):
        optimizer = keras.optimizers.SGD(0.1)
        model.compile(optimizer if model is full else keras.optimizers.LossScaleOptimizer(optimizer, 1024.0))
        model.fit(x, batch_size=8, epochs=1, verbose=0)
    for now, before, expected in zip(half.get_weights(), start, full.get_weights(), strict=True):
        step = expected - before
        np.testing.assert_allclose(now - before, step, rtol=0, atol=0.03 * np.abs(step).max() + 1e-4)
