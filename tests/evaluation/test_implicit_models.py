"""Generators without a likelihood, judged by annealing in the noise of their prior.

Written against these mutations: the prior's density counted beside that of its noise; the noise taken for z.
"""

import keras
import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

from tfvae import GAN, evaluation
from tfvae.distributions import Uniform

SLOPE, OFFSET, SCALE = np.array([1.5, -0.5]), np.array([0.2, 0.4]), 0.3
LOW, HIGH = -1.0, 2.0


def exact(x):
    """log p(x) of x = slope z + offset + scale e with z uniform, by quadrature."""
    z = np.linspace(LOW, HIGH, 4001)
    z = 0.5 * (z[1:] + z[:-1])
    loc = z[:, np.newaxis, np.newaxis] * SLOPE + OFFSET
    log_likelihood = -0.5 * (((x - loc) / SCALE) ** 2 + np.log(2 * np.pi * SCALE**2)).sum(axis=-1)
    return logsumexp(log_likelihood, axis=0) - np.log(len(z))


def test_a_linear_generator_with_a_uniform_prior():
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    generator.set_weights([SLOPE[np.newaxis], OFFSET])
    model = GAN(generator, keras.layers.Dense(1), prior=Uniform(1, LOW, HIGH), observation_scale=SCALE)
    z = np.random.default_rng(0).uniform(LOW, HIGH, size=(20, 1))
    x = (z * SLOPE + OFFSET + SCALE * np.random.default_rng(1).normal(size=(20, 2))).astype(np.float32)
    result = evaluation.ais(model, x, 40, 40, seed=1)
    z_scores = (result.log_prob - exact(x)) / result.standard_error
    assert np.abs(z_scores).max() < 5 and result.standard_error.max() < 0.3
    assert abs(result.nll + exact(x).mean()) < 5 * result.monte_carlo_standard_error
    assert result.monte_carlo_standard_error < 0.05  # noise taken for z would be off by more than 0.3
    np.testing.assert_allclose(
        model.sample(50, seed=1),
        model.decode(tf.reshape((model.sample(50, seed=1)[:, 0] - 0.2) / 1.5, [-1, 1])),
        atol=1e-5,
    )
