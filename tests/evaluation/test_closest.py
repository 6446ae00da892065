"""Samples of p(z|x) by chains, where that is normal with known moments.

Mutations, each seen to break a test here: a chain drawn whatever its weight, latents of another example.
"""

import keras
import numpy as np
import pytest
from kit import linear_generator
from kit.stats import assert_mean_close

from tfvae import evaluation
from tfvae.checks import UserError


def test_samples_have_the_moments_of_the_posterior():
    oracle = linear_generator.oracle(1.0)
    x = np.repeat(linear_generator.examples(2), 300, axis=0)
    found = evaluation.closest_samples(linear_generator.build(1.0), x, 4, 8)
    mean, covariance = oracle.posterior(x[::300])
    for example in range(2):
        rows = slice(300 * example, 300 * example + 300)
        expected = oracle.W @ mean[example] + oracle.b
        assert_mean_close(found.samples[rows], expected, smallest_bug=0.5)
        spread = np.cov(found.samples[rows], rowvar=False)
        np.testing.assert_allclose(np.trace(spread), np.trace(oracle.W @ covariance @ oracle.W.T), rtol=0.3)
    np.testing.assert_allclose(found.log_prob[::300], oracle.log_marginal(x[::300]), atol=0.8)


def test_an_example_that_the_generator_cannot_make_stands_out():
    x = linear_generator.examples(8)
    null = np.linalg.svd(linear_generator.W)[0][:, -1]
    x[3] += 3.0 * null.astype(np.float32)
    found = evaluation.closest_samples(linear_generator.build(0.3), x, 60, 4)
    assert np.argmin(found.log_prob) == 3
    distances = np.linalg.norm(found.samples - x, axis=1)
    assert np.argmax(distances) == 3 and found.samples.shape == x.shape


def test_other_models_are_refused():
    with pytest.raises(UserError, match=r"without a likelihood; .*received a Dense.*reconstruct"):
        evaluation.closest_samples(keras.layers.Dense(1), np.zeros((2, 1), np.float32))
