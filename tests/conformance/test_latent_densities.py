"""What a model says of latents that come from anywhere is what it says of its own particles.

Kills: layers in the other order, a condition that the prior or the likelihood ignores, the posterior of a wrong layer.
"""

import numpy as np
import pytest
import tensorflow as tf
from conformance import models

from tfvae import random

CONTINUOUS = [name for name in models.INFERENTIAL if not name.startswith("discrete")]


def noise(rows):
    return random.PhiloxNoise(random.fold(5, "test"), rows)


def batch(model):
    x = models.examples(model, 4)
    return model.check_examples(x, **models.given(model, x))


def from_bottom_up(model, particles, x):
    if hasattr(model, "step_head"):  # DRAW keeps latents for a training step alone
        return model.posterior_latents(x, model.encoding(x), 3, noise(4))
    order = reversed if type(model).__name__ == "LadderVAE" else tuple
    return tuple(order(particles.latents))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_log_densities_at_given_latents(name):
    model = models.create(name)
    x = batch(model)
    encoding = model.encoding(x)
    particles = model.score(x, encoding, 3, noise(4))
    latents = model.posterior_latents(x, encoding, 3, noise(4))
    for mine, theirs in zip(latents, from_bottom_up(model, particles, x), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    log_prior, log_likelihood = model.log_joint(x, model.generator(x), latents)
    np.testing.assert_allclose(log_prior, particles.log_prior, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_likelihood, particles.log_likelihood, rtol=1e-5, atol=1e-5)
    log_posterior = model.log_posterior(x, encoding, latents)
    np.testing.assert_allclose(log_posterior, particles.log_posterior, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_prior_latents_are_those_of_samples(name):
    model = models.create(name)
    x = batch(model)
    generator = model.generator(x)
    several = model.prior_latents(generator, noise(4), 3)
    assert [z.shape for z in several] == [(3, 4, *head.event_shape) for head in model.posterior_heads]
    given = {"condition": x.condition} if isinstance(model, models.Conditional) else {}
    drawn = model.sample_latents(noise(4), **given)
    one = model.prior_latents(generator, noise(4), 1)
    np.testing.assert_array_equal(drawn, one[0][0])
    assert np.isfinite(tf.concat([tf.reshape(z, [-1]) for z in several], axis=0)).all()
