"""The uniform prior: its map from normal noise, its density, and where it cannot serve.

Written against these mutations: the noise itself for Phi of it; (high - low) left out of the density;
a density that does not end; the tail of the wrong sign.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfvae import VAE, distributions, random
from tfvae.checks import UserError
from tfvae.distributions.uniform import normal_cdf


def test_values_are_those_of_the_distribution_function():
    noise = np.concatenate([np.linspace(-9, 9, 20_001), [-40.0, 0.0, 40.0]]).astype(np.float32)
    np.testing.assert_allclose(normal_cdf(noise), stats.norm.cdf(noise.astype(np.float64)), rtol=0, atol=3e-7)


def test_slopes_are_the_normal_density():
    noise = tf.linspace(-4.0, 4.0, 401)
    with tf.GradientTape() as tape:
        tape.watch(noise)
        values = tf.reduce_sum(normal_cdf(noise))
    slope = tape.gradient(values, noise)
    np.testing.assert_allclose(slope, stats.norm.pdf(noise.numpy()), rtol=0, atol=5e-6)


def test_samples_are_uniform_and_fill_the_interval():
    head = distributions.Uniform(3, -2.0, 5.0)
    noise = head.noise_from(random.ThreefryNoise(random.row_seeds(3, 5000)), "prior")[0]
    z = head.sample(head.parameters(), noise).numpy()
    assert z.shape == (5000, 3) and z.min() >= -2 and z.max() <= 5
    for unit in z.T:
        assert stats.kstest(unit, stats.uniform(-2, 7).cdf).pvalue > 1e-6
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 5 / np.sqrt(5000)


def test_the_density_is_that_of_tensorflow_probability():
    head = distributions.Uniform(2, -1.0, 3.0)
    q = head.parameters()
    z = np.float32([[0.0, 2.9], [-1.0, 3.0], [0.0, 3.1], [-1.01, 0.0]])
    np.testing.assert_allclose(head.log_prob(q, z), head.distribution(q).log_prob(z), rtol=1e-6)
    np.testing.assert_allclose(head.log_prob(q, z)[:2], -2 * np.log(4.0), rtol=1e-6)
    np.testing.assert_allclose(head.factors(q).entropy(), np.log(4.0), rtol=1e-6)
    np.testing.assert_array_equal(head.mean(q), [1.0, 1.0])


def test_an_empty_interval_is_refused():
    with pytest.raises(UserError, match=r"interval .* is empty; expected low < high; received low=1, high=1"):
        distributions.Uniform(2, 1.0, 1.0)


def test_a_posterior_with_mass_outside_is_refused():
    with pytest.raises(UserError, match=r"in \[-1, 1\]") as caught:
        VAE(
            keras.layers.Identity(),
            keras.layers.Identity(),
            posterior=distributions.DiagonalNormal(2),
            likelihood=distributions.Normal(3),
            prior=distributions.Uniform(2),
        )
    assert "\n" not in str(caught.value)
