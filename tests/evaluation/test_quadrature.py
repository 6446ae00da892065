"""log p(x) by importance sampling against numerical integration over a 2-D latent, for every posterior and prior.

Mutation, seen to break a test here: the log-determinant of a posterior's map with the other sign.
"""

import keras
import numpy as np
import pytest
from kit import flexible_models
from kit.marks import tiers

import tfvae
from tfvae import distributions, evaluation, networks

PAIRS = [
    *((posterior, "standard") for posterior in flexible_models.POSTERIORS),
    *(("diagonal", prior) for prior in flexible_models.PRIORS if prior != "standard"),
    ("iaf", "realnvp"),
    ("realnvp", "vamp"),
]


FAST = {("iaf", "standard"), ("diagonal", "vamp")}


@pytest.mark.parametrize(("posterior", "prior"), tiers(PAIRS, fast=FAST))
def test_log_marginal_is_the_integral(posterior, prior):
    model = flexible_models.widen(flexible_models.build(posterior, prior))
    x = 0.5 * flexible_models.X
    exact = flexible_models.log_marginal(model, x)
    result = evaluation.log_marginal(model, x, num_samples=30_000, seed=1)
    z = (result.log_prob - exact) / result.standard_error
    assert np.abs(z).max() < 5
    assert result.standard_error.max() < 0.03
    assert (result.effective_sample_size > 500).all()


@pytest.mark.parametrize("init", tiers(["prior", "posterior"], fast=["prior"]))
def test_annealing_gives_the_integral_of_a_bent_decoder(init):
    model = tfvae.VAE(
        keras.layers.Identity(),
        networks.MLP([5], "tanh"),
        posterior=distributions.DiagonalNormal(2),
        likelihood=distributions.Normal(3, scale=0.7),
    )
    model.build()
    rng = np.random.default_rng(6)
    for variable in [*model.decoder.trainable_variables, *model.likelihood_head.trainable_variables]:
        variable.assign(rng.standard_normal(variable.shape))
    flexible_models.widen(model)
    x = 0.5 * flexible_models.X
    result = evaluation.ais(model, x, 60, 300, init=init, num_leapfrog=4)
    z = (result.log_prob - flexible_models.log_marginal(model, x)) / result.standard_error
    assert np.abs(z).max() < 5
    assert result.standard_error.max() < 0.15
