"""What Keras offers of any model, it offers of these: files of weights before a model is built, `export`, and symbolic
tensors.

Written against these mutations: a model left unbuilt by `load_weights` or by `export`; checks left in the
exported graph; the layers of one model each with a model of their own in a file.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from conformance.cover import rows
from kit.marks import tiers

WITH_LATENTS = ["vae-mlp", "cvae-label", "ladder-mlp", "draw-whole", "discrete-linear"]
ROWS = [*WITH_LATENTS, "regressor-label", "gan-mlp", "gmmn-codes"]


@pytest.mark.parametrize("name", rows())
def test_weights_enter_a_model_that_is_not_built(name, tmp_path):
    model = models.create(name)
    model.save_weights(tmp_path / "model.weights.h5")
    loaded, given = models.TABLE[name](), models.TABLE[name]()
    loaded.load_weights(tmp_path / "model.weights.h5")
    given.set_weights(model.get_weights())
    assert loaded.count_params() == models.TABLE[name]().count_params() == model.count_params()
    x = models.inputs(model, models.examples(model, 2))
    for other in (loaded, given):
        np.testing.assert_array_equal(other(x), model(x))
    assert model.compute_output_shape((None, *x.shape[1:])) == (None, *models.output_shape(model))


def test_weights_of_a_model_that_is_not_built_are_saved(tmp_path):
    models.TABLE["vae-mlp"]().save_weights(tmp_path / "model.weights.h5")
    models.create("vae-mlp").load_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("name", tiers(ROWS, fast=["vae-mlp", "regressor-label"]))
def test_export(name, tmp_path):
    """The graph checks no values: a server's batch holds the rows of several clients."""
    for model in (models.create(name), models.TABLE[name]()):
        model.export(tmp_path / "exported", verbose=False)
        served = tf.saved_model.load(tmp_path / "exported")
        x = models.inputs(model, models.examples(model, 3))
        np.testing.assert_allclose(served.serve(tf.constant(x)), model(x), rtol=1e-5, atol=1e-6)
        spoilt = np.concatenate([x, np.full_like(x[:1], np.nan)])
        np.testing.assert_allclose(served.serve(tf.constant(spoilt))[:3], model(x), rtol=1e-5, atol=1e-6)


def same(functional, inputs, expected):
    found = functional.predict(inputs, verbose=0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", tiers(WITH_LATENTS, fast=["cvae-label", "discrete-linear"]))
def test_symbolic_tensors(name, tmp_path):
    model = models.create(name)
    x = models.examples(model, 3)
    given = models.given(model, x)
    image = keras.Input(model.event_shape)
    conditions = {key: keras.Input(value.shape[1:]) for key, value in given.items()}
    codes = model.encode(image, **conditions)
    called = model(conditions.get("condition", image))
    assert codes.dtype == called.dtype == "float32" and called.shape == (None, *model.event_shape)
    outputs = [codes, model.decode(codes, **conditions), model.reconstruct(image, **conditions), called]
    functional = keras.Model([image, *conditions.values()], outputs)
    inputs = [x, *given.values()] if given else x
    expected = [
        model.encode(x, **given),
        *[model.reconstruct(x, **given)] * 2,
        model(models.inputs(model, x)),
    ]
    same(functional, inputs, expected)
    functional.save(tmp_path / "functional.keras")
    copy = keras.saving.load_model(tmp_path / "functional.keras")
    same(copy, inputs, expected)
    assert len(copy.weights) == len(functional.weights) == len(model.weights)
    clone = keras.models.clone_model(functional)
    assert not {id(weight) for weight in clone.weights} & {id(weight) for weight in model.weights}
