"""A generator without a likelihood in every format: the same samples, and its discriminator's opinion.

Mutations, each seen to break a test here: a seed that is baked into `sample`; z taken for the prior's noise; running
statistics of batch normalisation left out of `decode`.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.serving_process import meta_graph

from tfvae import GAN, presets
from tfvae.checks import UserError
from tfvae.distributions import Uniform
from tfvae.export import OnDevice, parity, save_serving, save_tflite, save_web, web
from tfvae.export.signatures import signatures
from tfvae.layers import Dense
from tfvae.networks import MLP


@pytest.fixture(scope="module")
def model():
    """A game whose batch normalisation has seen some batches, with a prior that is not its own noise."""
    keras.utils.set_random_seed(1)
    shape = (4, 4, 1)
    generator = keras.Sequential(
        [MLP([6], batch_norm=True), Dense(16, "sigmoid"), keras.layers.Reshape(shape)], name="generator"
    )
    model = GAN(generator, keras.Sequential([MLP([5]), Dense(1)]), prior=Uniform(3, -1.0, 1.0))
    model.compile(keras.optimizers.Adam(0.05), discriminator_optimizer=keras.optimizers.Adam(0.05))
    x = np.random.default_rng(0).random((40, *shape)).astype(np.float32)
    model.fit(x, batch_size=20, epochs=3, verbose=0, shuffle=False)
    return model


@pytest.fixture(scope="module")
def device(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("device") / "model.tflite"
    save_tflite(model, path)
    return OnDevice(path)


def test_signatures_are_those_of_the_model(model):
    table = signatures(model)
    assert set(table) == {"serving_default", "sample", "decode", "discriminate"}
    found = table["sample"].function(seed=tf.constant([[7, 0], [7, 1]]))
    np.testing.assert_allclose(found["image"], model.sample(2, seed=7), atol=1e-6)
    np.testing.assert_allclose(model.decode(found["latent"]), found["image"], atol=1e-6)


def test_a_device_draws_the_same_samples_and_judges_alike(model, device):
    assert (device.event_shape, device.latent_shape, device.condition_shape) == ((4, 4, 1), (3,), None)
    images = device.sample(5, seed=7)
    np.testing.assert_allclose(images, model.sample(5, seed=7), atol=1e-5)
    np.testing.assert_allclose(device.discriminate(images), model.discriminate(images), atol=1e-5)
    z = np.random.default_rng(2).random((4, 3)).astype(np.float32)
    np.testing.assert_allclose(device.decode(z), model.decode(z), atol=1e-5)
    with pytest.raises(UserError, match="no such signature"):
        device.encode(images)


def test_a_server_has_the_same_answers(model, device, tmp_path):
    folder = save_serving(model, tmp_path / "served", warmup_batch_sizes=(1,))
    assert "sample" in meta_graph(folder).signature_def
    loaded = tf.saved_model.load(folder)
    seeds = np.array([[3, 0], [3, 1], [-5, 9]], np.int32)
    served = loaded.signatures["sample"](seed=tf.constant(seeds))
    for name, value in device.read("sample", {"seed": seeds}).items():
        np.testing.assert_allclose(served[name], value, atol=1e-5)
    described = json.loads((folder / "signatures.json").read_text())
    assert described["signatures"]["discriminate"]["outputs"]["output"]["shape"] == [None]


def test_quantised_files_are_compared_too(model, tmp_path):
    report = save_tflite(model, tmp_path / "model.tflite", "float16")
    assert report.elbo_change is None and report.difference < 0.01


def test_the_page_has_sliders_of_its_first_units(model, tmp_path):
    for name in web.VENDORED:
        file = tmp_path / "node_modules" / "@litertjs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    folder = save_web(model, tmp_path / "page", runtime=tmp_path / "node_modules")
    page = json.loads((folder / "page.json").read_text())
    assert page == {"image": [4, 4, 1], "latent_size": 3, "units": [0, 1, 2], "attributes": []}
    np.testing.assert_allclose(
        OnDevice(folder / "model.tflite").sample(2, seed=4), model.sample(2, seed=4), atol=1e-5
    )


@pytest.mark.parametrize("uses_average", [True, False])
@pytest.mark.parametrize(("preset", "widths"), [("dcgan", (2,)), ("gmmn", (8,))])
def test_every_format_draws_the_same_samples(preset, widths, uses_average, tmp_path):
    model = presets.create(preset, image_shape=(8, 8, 1), widths=widths, latent_size=3, ema=0.9)
    for weight in model.generator_network.weights:
        weight.assign(1.5 * weight + 0.01)
    averaged = model.sample(3, seed=7).numpy()
    model.uses_average = uses_average
    samples = model.sample(3, seed=7).numpy()
    assert (np.abs(samples - averaged).max() < 1e-6) == uses_average
    report = save_tflite(model, tmp_path / "model.tflite")
    assert report.difference < parity.TOLERANCE
    np.testing.assert_allclose(OnDevice(report.path).sample(3, seed=7), samples, atol=1e-5)
    served = tf.saved_model.load(save_serving(model, tmp_path / "served", warmup_batch_sizes=(1,)))
    seeds = tf.constant([[7, 0], [7, 1], [7, 2]])
    np.testing.assert_allclose(served.signatures["sample"](seed=seeds)["image"], samples, atol=1e-5)
