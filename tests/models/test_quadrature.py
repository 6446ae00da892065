"""log p(x) by importance sampling against numerical integration over two one-dimensional latents.

Mutations, each seen to break a test here: the prior of the lower layer left out, a layer's noise used twice, a
likelihood that reads the upper layer.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import evaluation
from tfvae.distributions import Bernoulli, DiagonalNormal
from tfvae.distributions.head import tfd
from tfvae.networks import MLP

GRID = np.linspace(-9, 9, 301, dtype=np.float32)  # of two standard normal variables
X = (np.random.default_rng(1).random((6, 5)) < 0.5).astype(np.float32)
IMAGES = (np.random.default_rng(2).random((4, 3, 2, 1)) < 0.5).astype(np.float32)


def integrate(log_likelihood):
    """Returns log of the integral of N(a) N(b) exp(log_likelihood(a, b)) for pairs [N] of each: [B] from [N, B]."""
    first, second = (axis.ravel() for axis in np.meshgrid(GRID, GRID))
    normal = tfd.Normal(0.0, 1.0)
    log_prior = tf.cast(normal.log_prob(first) + normal.log_prob(second), tf.float64)
    log_joint = tf.cast(log_likelihood(first[:, None], second[:, None]), tf.float64) + log_prior[:, None]
    return (tf.reduce_logsumexp(log_joint, axis=0) + 2 * np.log(GRID[1] - GRID[0])).numpy()


def check(model, exact, x, num_samples=4000):
    """Holds importance sampling to the exact values, and the exact values to bounds that a bug would leave."""
    result = evaluation.log_marginal(model, x, num_samples=num_samples, seed=1)
    z = (result.log_prob - exact) / result.standard_error
    assert np.abs(z).max() < 5, z
    assert result.standard_error.max() < 0.04 and np.all(result.elbo < exact)


@pytest.mark.parametrize("model_class", [tfvae.HierarchicalVAE, tfvae.LadderVAE])
def test_two_layers(model_class):
    keras.utils.set_random_seed(3)
    model = model_class(
        [MLP([6], "tanh"), MLP([5], "tanh")],
        [MLP([6], "tanh"), MLP([4], "tanh")],
        posteriors=[DiagonalNormal(1), DiagonalNormal(1)],
        conditionals=[DiagonalNormal(1)],
        likelihood=Bernoulli(5),
    )
    model.build()
    for variable in model.trainable_variables:
        variable.assign(
            variable + 0.3 * np.random.default_rng(len(variable.shape)).normal(size=variable.shape)
        )

    def log_likelihood(z2, noise):
        loc, scale = model.conditional_heads[0](model.decoders[1](z2))
        (logits,) = model.likelihood_head(model.decoders[0](loc + scale * noise))
        return tf.reduce_sum(tfd.Bernoulli(logits[:, None]).log_prob(X), axis=-1)

    check(model, integrate(log_likelihood), X)


@pytest.mark.parametrize("windows", [{}, {"read_window": 2, "write_window": 2}])
def test_draw(windows):
    keras.utils.set_random_seed(5)
    model = tfvae.DRAW(
        likelihood=Bernoulli((3, 2, 1), linear=False), steps=2, step_latent_size=1, units=4, **windows
    )
    model.build()
    for variable in model.trainable_variables:
        variable.assign(
            variable + 0.3 * np.random.default_rng(len(variable.shape)).normal(size=variable.shape)
        )

    def log_likelihood(first, second):
        state = tf.zeros((len(first), 4)), tf.zeros((len(first), 4))
        logits = model.likelihood_head.logits_layer.bias
        for z in (first, second):
            state = model.decoder(z, state)
            patch = model.patch(state[0])
            if windows:
                patch = model.writer.write(model.writer(state[0]), tf.reshape(patch, [-1, 2, 1, 2]))
            logits += tf.reshape(patch, [-1, 3, 2, 1])
        return tf.reduce_sum(tfd.Bernoulli(logits[:, None]).log_prob(IMAGES), axis=[2, 3, 4])

    check(model, integrate(log_likelihood), IMAGES)
