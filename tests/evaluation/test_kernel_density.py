"""Kernel density estimates against closed forms, where they are right and where they are far too low.

Mutations, each seen to break a test here: log K left out, weights not rescaled when a larger one comes, blocks of
samples that repeat the first one's noise.
"""

import importlib
import math

import keras
import numpy as np
import pytest
from kit import linear_generator
from kit.stats import assert_mean_close

from tfvae import evaluation
from tfvae.checks import UserError
from tfvae.distributions import StandardNormal
from tfvae.models.gan import GAN


def test_with_wide_kernels_it_is_the_likelihood(monkeypatch):
    module = importlib.import_module("tfvae.evaluation.kernel_density")
    monkeypatch.setattr(module, "NUMBERS_PER_BLOCK", 2000)
    model, x = linear_generator.build(1.0), linear_generator.examples(40)
    exact = linear_generator.oracle(1.0).log_marginal(x)
    replicates = [evaluation.kernel_density(model, x, 600, seed) for seed in range(20)]
    ratios = np.exp([found.log_prob - exact for found in replicates]).mean(axis=1)
    assert_mean_close(ratios, 1.0, smallest_bug=0.25)
    scatter = np.std([found.log_prob for found in replicates], axis=0).mean()
    assert 0.7 < np.mean([found.standard_error.mean() for found in replicates]) / scatter < 1.4


def test_it_is_the_log_mean_of_the_kernels():
    model, x = linear_generator.build(0.3), linear_generator.examples(3)
    one = evaluation.kernel_density(model, x, 1, seed=5)
    assert np.isnan(one.standard_error).all()
    assert (one.log_prob < model.ceiling()).all()
    many = evaluation.kernel_density(model, x, 300, seed=5)
    assert (many.log_prob > one.log_prob - math.log(300) - 1e-6).all()
    np.testing.assert_array_equal(many.log_prob, evaluation.kernel_density(model, x, 300, seed=5).log_prob)


def test_it_is_far_too_low_where_annealing_is_right():
    """A sharp generator of 8 latents: no sample falls near an example, and its standard error does not tell."""
    keras.utils.set_random_seed(0)
    weights = np.random.default_rng(0).normal(size=(8, 20))
    model = GAN(
        keras.layers.Dense(20), keras.layers.Dense(1), prior=StandardNormal(8), observation_scale=0.05
    )
    model.generator_network.set_weights([weights, np.zeros(20)])
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(20, 8)) @ weights + 0.05 * rng.normal(size=(20, 20))).astype(np.float32)
    root = np.linalg.cholesky(weights.T @ weights + 0.05**2 * np.eye(20))
    white = np.linalg.solve(root, x.T)
    exact = -0.5 * (20 * math.log(2 * math.pi) + (white**2).sum(axis=0)) - np.log(np.diag(root)).sum()
    annealed, kernels = evaluation.ais(model, x, 300, 8), evaluation.kernel_density(model, x, 5000)
    assert abs((annealed.log_prob - exact).mean()) < 3
    assert (kernels.log_prob - exact).mean() < -100
    assert np.median(kernels.effective_sample_size) < 1.5


def test_hundreds_of_numbers_keep_their_precision():
    """log N of 784 numbers at s^2 = 0.025 is a thousand nats: float32 must not lose tenths of them."""
    model = GAN(
        keras.layers.Dense(784), keras.layers.Dense(1), prior=StandardNormal(1), observation_scale=0.025**0.5
    )
    model.generator_network.set_weights([np.zeros((1, 784)), np.linspace(0, 1, 784)])
    x = np.random.default_rng(0).random((4, 784)).astype(np.float32)
    exact = -0.5 * ((x.astype(float) - np.linspace(0, 1, 784)) ** 2 / 0.025 + np.log(2 * np.pi * 0.025)).sum(
        axis=1
    )
    assert np.abs(evaluation.kernel_density(model, x, 3).log_prob - exact).max() < 2e-3
    assert np.abs(evaluation.ais(model, x, 1, 2).log_prob - exact).max() < 2e-3


def test_a_model_that_cannot_sample_is_refused():
    with pytest.raises(UserError, match="needs samples; expected a generative model"):
        evaluation.kernel_density(keras.layers.Dense(1), np.zeros((2, 1), np.float32))
