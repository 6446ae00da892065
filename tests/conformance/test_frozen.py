"""A part that was frozen stays frozen: in a copy, in a file, and where it was frozen before it had weights.

Mutations, each seen to break a test here: no `trainable_parts` in the configuration; flags set without the weights that
follow them; a linear layer that starts trainable in a frozen head; an optimiser that is loaded for the weights that
are trainable now rather than for those that it was compiled for.
"""

import json

import keras
import numpy as np
import pytest
from conformance import models
from kit.marks import tiers

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal
from tfvae.layers.composite import walk
from tfvae.networks import MLP

QUICK = ("vae-conv", "vae-functional", "iwae-coupling", "ladder-mlp", "draw-attention", "discrete-linear")


def flags(model):
    return {path: part.trainable for path, part, _ in walk(model)}


def with_weights(model):
    """Paths of the parts that hold weights to train."""
    return [path for path, part, _ in walk(model) if part.trainable_weights]


def part_of(model, path):
    return {name: part for name, part, _ in walk(model)}[path]


def freeze_some(model):
    """Freezes every other part beside the model's own, and trains again a part of one that is frozen."""
    outer = [path for path in with_weights(model) if "/" not in path]
    for path in outer[::2]:
        part_of(model, path).trainable = False
    inner = [path for path, part, _ in walk(model) if path.startswith(f"{outer[0]}/") and part.weights]
    if len(inner) > 1:
        part_of(model, inner[-1]).trainable = True
    return outer[::2]


@pytest.mark.parametrize("name", models.TABLE)
def test_copies(name):
    model = models.create(name)
    assert "trainable_parts" not in json.dumps(model.get_config()) or models.codec(model)
    freeze_some(model)
    clone = type(model).from_config(json.loads(json.dumps(model.get_config())))
    assert clone.get_config()["trainable_parts"] == model.get_config()["trainable_parts"]
    clone.build()
    assert flags(clone) == flags(model) and not all(flags(model).values())
    trained = [[w.trainable for w in either.weights] for either in (clone, model)]
    assert trained[0] == trained[1]
    assert len(clone.trainable_weights) == len(model.trainable_weights)


def check_file(model, folder):
    """Saves a compiled and trained model, loads it, trains both on, and holds the copy to the model."""
    x = models.examples(model, 4)
    model.fit(*models.data(model, x), verbose=0)
    model.save(folder / "model.keras")
    copy = keras.saving.load_model(folder / "model.keras")
    assert flags(copy) == flags(model)
    for now, before in zip(models.optimizer_variables(copy), models.optimizer_variables(model), strict=True):
        np.testing.assert_array_equal(now, before)
    statistics = ("running", "moving", "variance", "batches", "average")  # which follow, trainable or not
    fixed = [not (w.trainable or w.name.startswith(statistics)) for w in model.weights]
    start = model.get_weights()
    for either in (model, copy):
        either.train_on_batch(*models.data(either, x))
    for weight, before, is_fixed in zip(copy.weights, start, fixed, strict=True):
        if is_fixed:
            np.testing.assert_array_equal(weight, before)
    assert any(not np.array_equal(a, b) for a, b in zip(copy.get_weights(), start, strict=True))
    for now, then in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("name", tiers(models.TABLE, kept=QUICK))
def test_files(name, tmp_path):
    model = models.create(name)
    freeze_some(model)
    models.compiled(model, keras.optimizers.Adam(0.01), run_eagerly=True)
    check_file(model, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("name", models.TABLE)
def test_each_part(name, tmp_path):
    for place in range(len(with_weights(models.create(name)))):
        model = models.create(name)
        part_of(model, with_weights(model)[place]).trainable = False  # Keras names layers anew in each model
        if model.trainable_variables:
            models.compiled(model, keras.optimizers.Adam(0.01), run_eagerly=True)
            check_file(model, tmp_path)


def test_a_part_frozen_after_compile_keeps_the_state_of_the_optimiser(tmp_path):
    model = models.create("vae-mlp")
    models.compiled(model, keras.optimizers.Adam(0.01), run_eagerly=True)
    model.train_on_batch(models.examples(model, 4))
    model.encoder.trainable = False
    check_file(model, tmp_path)


def test_parts_frozen_before_they_have_weights():
    posterior = DiagonalNormal(2)
    posterior.loc_layer.trainable = False
    encoder = MLP([5])
    encoder.trainable = False
    decoder = keras.layers.Dense(4, trainable=False)
    model = VAE(encoder, decoder, posterior=posterior, likelihood=Bernoulli(3, trainable=False))
    model.build()
    trained = {id(weight) for weight in model.trainable_variables}
    assert trained == {id(weight) for weight in posterior.scale_layer.weights}


def test_a_part_alone():
    part = MLP([5, 4], activity_regularizer="l2")
    part.build((None, 3))
    part.dense[1].trainable = False
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))
    clone = keras.saving.deserialize_keras_object(saved)
    assert [layer.trainable for layer in clone.dense] == [True, False]
    assert len(clone.trainable_weights) == 2
    assert isinstance(clone.activity_regularizer, keras.regularizers.L2)


def test_a_configuration_from_before_freezes_all_of_a_part():
    part = MLP([5, 4])
    config = part.get_config() | {"trainable": False}
    clone = MLP.from_config(config)
    clone.build((None, 3))
    assert not clone.trainable_weights and not any(weight.trainable for weight in clone.weights)


def test_a_part_that_is_not_there():
    model = models.create("vae-mlp")
    clone = type(model).from_config(model.get_config() | {"trainable_parts": {"encoder/dense.7": False}})
    with pytest.raises(UserError, match=r"has no part encoder/dense\.7 to freeze"):
        clone.build()
