"""A density without a condition in every format: the same log p(x), and nothing else.

Written against these mutations: log Z left out of `log_prob`; an export without any signature.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import Autoencoder, NoiseContrastive
from tfvae.checks import UserError
from tfvae.distributions import StandardNormal
from tfvae.export import OnDevice, save_serving, save_tflite
from tfvae.export.signatures import signatures
from tfvae.networks import MLP, LaplaceSources

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = NoiseContrastive(LaplaceSources(), StandardNormal(3))
    model.build()
    model.log_normalizer = 1.5
    return model


def test_a_device_and_a_server_score_alike(model, tmp_path):
    assert set(signatures(model)) == {"serving_default", "log_prob"}
    expected = model.log_prob(X)
    save_tflite(model, tmp_path / "model.tflite")
    save_tflite(model, tmp_path / "model.tflite", overwrite=True)
    device = OnDevice(tmp_path / "model.tflite")
    assert device.event_shape == (3,)
    np.testing.assert_allclose(device.log_prob(X), expected, atol=1e-5)
    with pytest.raises(UserError, match="no such signature"):
        device.sample(2, seed=1)
    loaded = tf.saved_model.load(save_serving(model, tmp_path / "served", warmup_batch_sizes=(1,)))
    served = loaded.signatures["log_prob"](x=tf.constant(X))
    np.testing.assert_allclose(served["log_prob"], expected, atol=1e-5)


def test_what_has_nothing_to_serve_is_refused(tmp_path):
    model = Autoencoder(MLP([2]), MLP([3]), event_shape=3)
    model.build()
    for save in (save_serving, save_tflite):
        with pytest.raises(UserError, match=r"no function to serve; .* received Autoencoder"):
            save(model, tmp_path / "out")
    assert not list(tmp_path.iterdir())
