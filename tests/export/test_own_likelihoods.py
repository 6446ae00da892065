"""Likelihoods of TensorFlow Probability's classes in exports: the same draws, or a refusal in one line."""

import keras
import pytest
import tensorflow_probability as tfp

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, FromTFP
from tfvae.export import save_serving, save_tflite
from tfvae.networks import MLP

tfd = tfp.distributions


def create(distribution, arguments=None):
    keras.utils.set_random_seed(1)
    likelihood = FromTFP(distribution, 3, arguments)
    model = VAE(MLP([4], "tanh"), MLP([4], "tanh"), posterior=DiagonalNormal(2), likelihood=likelihood)
    model.build()
    return model


@pytest.mark.slow
def test_a_saved_model_of_counts_equals_the_model(tmp_path):
    """`save_serving` compares every signature with the model before it keeps the file."""
    save_serving(create(tfd.Poisson), tmp_path)
    assert (tmp_path / "1/saved_model.pb").is_file()


@pytest.mark.slow
def test_a_tflite_file_is_written_or_refused_in_one_line(tmp_path):
    assert save_tflite(create(tfd.StudentT, {"df": 4.0}), tmp_path / "t.tflite").difference < 1e-4
    with pytest.raises(UserError, match=r"LiteRT does not run the converted model.*Lgamma") as told:
        save_tflite(create(tfd.Poisson), tmp_path / "p.tflite")
    assert "\n" not in str(told.value) and not (tmp_path / "p.tflite").exists()
