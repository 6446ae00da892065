"""A mean over a batch is one by the examples' weights, whatever these add up to.

Mutations, each seen to break a test here: the sum of weight / B in place of the weighted mean in the baseline, in the
threshold of free bits and in the optimal scale; weights left out of each; a batch of no weight moving the baseline.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import discrete_models

import tfvae
from tfvae.distributions import DiagonalNormal, Normal, kl_divergence
from tfvae.models.baseline import LearnedBaseline
from tfvae.models.step import freed

RNG = np.random.default_rng(3)
LOG_WEIGHTS = (-544.0 + RNG.standard_normal((5, 4))).astype(np.float32)
WEIGHT = np.array([1.0, 3.0, 0.0, 2.0], np.float32)


def statistics(log_weights, weight, steps=1):
    """Running mean and variance of a baseline whose network gives 0, after equal steps."""
    baseline = LearnedBaseline(decay=0.9)
    baseline.build((None, 3))
    for step in range(steps):
        baseline.observe(
            tf.constant(log_weights), tf.zeros(len(weight)), tf.constant(weight, tf.float32), step
        )
    return float(baseline.running_mean), float(baseline.running_variance)


@pytest.mark.parametrize("scale", [1.0, 0.1, 30.0])
def test_baseline(scale):
    mean, variance = statistics(LOG_WEIGHTS, scale * WEIGHT, steps=2)
    repeated = np.repeat(LOG_WEIGHTS.astype(np.float64), WEIGHT.astype(int), axis=1)
    assert mean == pytest.approx(repeated.mean(), rel=1e-6)
    assert variance == pytest.approx(repeated.var(), rel=1e-3)


def test_a_batch_of_no_weight_leaves_the_baseline_as_it_was():
    baseline = LearnedBaseline(decay=0.9)
    baseline.build((None, 3))
    for step, weight in enumerate((np.ones(4), np.zeros(4))):
        baseline.observe(tf.constant(LOG_WEIGHTS), tf.zeros(4), tf.constant(weight, tf.float32), step)
        found = float(baseline.running_mean), float(baseline.running_variance)
        assert found == pytest.approx(statistics(LOG_WEIGHTS, np.ones(4)))


def test_nvil_trains_with_small_weights_as_with_weights_of_one():
    found = []
    for scale in (1.0, 0.1):
        model = discrete_models.build(estimator="nvil", num_samples=2)
        model.compile(keras.optimizers.SGD(0.1 / scale), run_eagerly=True)
        weight = np.full(len(discrete_models.X), scale, np.float32)
        for _ in range(2):
            model.train_on_batch(discrete_models.X, np.zeros(2), sample_weight=weight)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


X = RNG.standard_normal((4, 3)).astype(np.float32)


def gaussian(scale=1.0, **options):
    keras.utils.set_random_seed(2)
    model = tfvae.VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=DiagonalNormal(2),
        likelihood=Normal(3, scale=scale),
        **options,
    )
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    return model


def test_free_bits_compare_the_weighted_mean():
    model = gaussian(estimator="elbo-analytic")
    q = model.posterior_parameters(tf.constant(X))
    kl = kl_divergence(model.posterior_head, q, model.prior_head, model.prior_head.parameters()).numpy()
    mean = np.average(kl, axis=0, weights=WEIGHT)
    assert abs(mean[0] - mean[1]) > 0.01  # so that a threshold between them holds one unit alone
    held = int(np.argmin(mean))
    for scale in (1.0, 0.1, 30.0):
        model.free_bits = float(mean.mean())
        expected = kl.copy()
        expected[:, held] = model.free_bits
        found = freed(tf.constant(kl), tf.constant(scale * WEIGHT), model.free_bits)
        np.testing.assert_allclose(found, expected.sum(axis=1), rtol=1e-5)
    shares = {
        scale: gaussian(estimator="elbo-analytic", free_bits=float(mean.mean())) for scale in (1.0, 0.1)
    }
    losses = [
        model.train_on_batch(X, np.zeros(4), sample_weight=scale * WEIGHT, return_dict=True)["loss"] / scale
        for scale, model in shares.items()
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("jit", [False, True])
def test_optimal_scale(jit):
    weight, repeats = WEIGHT, WEIGHT.astype(int)
    variances = []
    for scale in (1.0, 0.1):
        model = gaussian("optimal", num_samples=2)
        if jit:
            model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
        model.posterior_head.scale_layer.linear.kernel.assign(tf.zeros([3, 2]))
        model.posterior_head.scale_layer.linear.bias.assign([-14.0, -14.0])  # so that noise does not count
        loc = model(X).numpy()
        model.train_on_batch(X, np.zeros(4), sample_weight=scale * weight)
        variances.append(float(model.likelihood_head.variance))
    expected = np.repeat(np.square(X - loc), repeats, axis=0).mean()
    assert variances == pytest.approx([expected, expected], rel=1e-4)


def test_optimal_scale_with_no_weight_counts_all_alike():
    model = gaussian("optimal")
    model.train_on_batch(X, np.zeros(4), sample_weight=np.zeros(4))
    assert 0.1 < float(model.likelihood_head.variance) < 10.0
