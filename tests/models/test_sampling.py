"""`sample`: a sample depends on its seed and its number alone, and follows prior and likelihood.

Mutations, each seen to break a test here: rows seeded from a stream over the whole batch; a draw from the likelihood
that reuses the prior's stream; the mean returned for a draw.
"""

import numpy as np
import pytest
from conformance import models
from kit.stats import assert_mean_close

import tfvae
from tfvae import distributions
from tfvae.networks import MLP


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("name", ["vae-mlp", "iwae-conv"])
def test_a_sample_does_not_depend_on_how_many_there_are(name, mean):
    model = models.create(name)
    eight = model.sample(8, seed=4, mean=mean).numpy()
    assert eight.shape == (8, *model.event_shape)
    np.testing.assert_allclose(model.sample(3, seed=4, mean=mean), eight[:3], rtol=1e-5, atol=1e-6)
    assert np.abs(model.sample(8, seed=5, mean=mean).numpy() - eight).max() > 0.01


def test_without_a_seed_samples_are_fresh():
    model = models.create("vae-mlp")
    assert not np.array_equal(model.sample(4), model.sample(4))


def test_samples_follow_prior_and_likelihood():
    """x = W z + b + s e has the covariance W W^T + s^2 I only if z and e are independent."""
    likelihood = distributions.Normal(2, scale=0.5)
    model = tfvae.VAE(MLP([]), MLP([]), posterior=distributions.DiagonalNormal(2), likelihood=likelihood)
    model.build()
    w = np.array([[1.0, 0.4], [-0.3, 0.8]])
    likelihood.loc_layer.linear.kernel.assign(w.T)
    likelihood.loc_layer.linear.bias.assign([0.5, -1.0])
    x = model.sample(20_000, seed=1, mean=False).numpy().astype(np.float64) - [0.5, -1.0]
    assert_mean_close(x, 0.0, name="mean", smallest_bug=0.1)
    covariance = w @ w.T + 0.25 * np.eye(2)
    assert_mean_close(x[:, :, None] * x[:, None, :], covariance, name="covariance", smallest_bug=0.1)
    means = model.sample(20_000, seed=1).numpy().astype(np.float64) - [0.5, -1.0]
    assert_mean_close(means[:, :, None] * means[:, None, :], w @ w.T, name="means", smallest_bug=0.1)
