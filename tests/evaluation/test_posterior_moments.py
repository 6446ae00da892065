"""Mean and scale of q(z|x), exact and of draws.

Mutations, each seen to break a test here: scale and mean exchanged; the variance in place of the scale; draws that all
blocks share; n in place of n - 1 in the variance of draws.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close

import tfvae
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal, FullCovarianceNormal, Normal
from tfvae.evaluation import posterior_moments

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def identity():
    return keras.layers.Identity()


def vae(posterior):
    model = tfvae.VAE(identity(), identity(), posterior=posterior, likelihood=Normal(3))
    model.build()
    return model


def test_the_moments_of_a_normal_posterior_are_its_parameters():
    model = vae(DiagonalNormal(2))
    loc, scale = model.posterior_head(tf.constant(X))
    calls = []
    found = posterior_moments(model, X, progress=lambda *done: calls.append(done))
    np.testing.assert_allclose(found.means[0], loc, rtol=1e-6)
    np.testing.assert_allclose(found.scales[0], scale, rtol=1e-6)
    assert found.draws is None and calls == [(0, 40), (40, 40)]


def test_the_scale_of_a_full_covariance_is_the_root_of_its_diagonal():
    model = vae(FullCovarianceNormal(2))
    q = model.posterior(X)
    found = posterior_moments(model, X)
    np.testing.assert_allclose(found.scales[0] ** 2, tf.linalg.diag_part(q.covariance()), rtol=1e-5)


def layers():
    """z_1 ~ N(x_1, 2^2), z_2 ~ N(z_1, 1): given x, z_2 has the mean x_1 and the variance 5."""
    model = tfvae.HierarchicalVAE(
        [identity(), identity()],
        [identity(), identity()],
        posteriors=[DiagonalNormal(1), DiagonalNormal(1)],
        conditionals=[DiagonalNormal(1)],
        likelihood=Normal(3),
    )
    model.build()
    for head, kernel, scale in zip(
        model.posterior_heads, ([[1.0], [0.0], [0.0]], [[1.0]]), (2.0, 1.0), strict=True
    ):
        head.loc_layer.linear.kernel.assign(kernel)
        head.scale_layer.linear.kernel.assign(tf.zeros_like(head.scale_layer.linear.kernel))
        head.scale_layer.linear.bias.assign([np.log(scale)])
    return model


def test_layers_are_drawn_from_one_after_another():
    x = np.repeat(X[:1], 2000, axis=0)
    found = posterior_moments(layers(), x, draws=20)
    assert found.draws == 20
    for mean, scale, variance in zip(found.means, found.scales, (4.0, 5.0), strict=True):
        assert mean.shape == scale.shape == (2000, 1) and len(np.unique(mean)) > 1900
        assert_mean_close(mean[:, 0], x[0, 0], smallest_bug=0.5)
        assert_mean_close(scale[:, 0] ** 2, variance, smallest_bug=variance / 20)
        assert_mean_close((mean[:, 0] - x[0, 0]) ** 2, variance / 20, smallest_bug=variance / 20)


def test_probabilities_of_binary_latents():
    model = tfvae.DiscreteVAE(
        [identity()],
        [identity()],
        posteriors=[Bernoulli(2)],
        likelihood=Normal(3),
        estimator="vimco",
        num_samples=2,
    )
    model.build()
    found = posterior_moments(model, X)
    np.testing.assert_allclose(found.scales[0] ** 2, found.means[0] * (1 - found.means[0]), rtol=1e-5)


def test_too_few_draws():
    with pytest.raises(UserError, match="draws is not a fitting integer; expected an integer >= 2"):
        posterior_moments(vae(DiagonalNormal(2)), X, draws=1)


def test_a_model_without_an_encoder():
    with pytest.raises(UserError, match="has no encoder"):
        posterior_moments(tfvae.presets.create("gan"), X)
