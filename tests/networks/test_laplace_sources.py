"""The energy of Laplace sources against its closed form, and its integral.

Written against these mutations: the square root of 2 left out; B transposed; its bias.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate

from tfvae.checks import UserError
from tfvae.networks import LaplaceSources

UNMIXING = np.array([[1.0, 0.5], [-0.3, 2.0]], np.float32)


def made(*arguments):
    keras.utils.set_random_seed(0)
    layer = LaplaceSources(*arguments)
    layer.build((None, 2))
    return layer


def test_the_energy_and_its_integral():
    layer = made()
    layer.sources.kernel.assign(UNMIXING.T)
    np.testing.assert_array_equal(layer.unmixing, UNMIXING)
    x = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    expected = np.sqrt(2) * np.abs(x @ UNMIXING.T).sum(axis=1)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)
    np.testing.assert_allclose(layer(tf.reshape(x, (7, 1, 2))), expected, rtol=1e-5)
    sides = np.linspace(-15, 15, 1501)
    points = np.stack(np.meshgrid(sides, sides), axis=-1).reshape(-1, 2).astype(np.float32)
    values = np.exp(-layer(points).numpy().astype(float)).reshape(len(sides), len(sides))
    z = integrate.trapezoid(integrate.trapezoid(values, sides), sides)
    assert np.log(z) == pytest.approx(np.log(2) - np.linalg.slogdet(UNMIXING)[1], abs=2e-3)


def test_the_matrix_starts_orthogonal_and_may_have_other_rows():
    np.testing.assert_allclose(made().unmixing @ tf.transpose(made().unmixing), np.eye(2), atol=1e-5)
    assert made(3).unmixing.shape == (3, 2)
    copy = LaplaceSources.from_config(made(3).get_config())
    assert copy.num_sources == 3
    with pytest.raises(UserError, match="num_sources is not a positive integer"):
        LaplaceSources(0)
