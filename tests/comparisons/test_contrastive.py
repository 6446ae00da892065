"""Noise-contrastive estimation of a Gaussian with a free constant, by quadrature.

The model is log p(x) = -lambda x^2 / 2 + c, the data N(0, 1), the noise N(0, 2^2): the cost's minimum is at lambda = 1
and c = -1/2 log(2 pi).
"""

import numpy as np
import pytest
import tensorflow as tf

from tfvae import comparisons
from tfvae.checks import UserError

X = np.linspace(-40, 40, 80_001)
STEP = X[1] - X[0]
SPREAD = 2.0
TRUTH = np.array([1.0, -0.5 * np.log(2 * np.pi)])


def log_normal(x, scale):
    return -0.5 * (x / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)


DATA, NOISE = np.exp(log_normal(X, 1.0)), np.exp(log_normal(X, SPREAD))
FEATURES = np.stack([-0.5 * X**2, np.ones_like(X)])  # d log p / d (lambda, c)


def cost_and_gradient(cost, parameters, log_noise=None, noise=NOISE):
    """J and its gradient over (lambda, c), the expectations by quadrature."""
    log_noise = log_normal(X, SPREAD) if log_noise is None else log_noise
    ratio = tf.constant(parameters @ FEATURES - log_noise)
    real, fake = cost(ratio, ratio)
    value = (DATA @ real.value.numpy() + noise @ fake.value.numpy()) * STEP
    return value, (FEATURES * (DATA * real.weight + noise * fake.weight).numpy()).sum(axis=1) * STEP


@pytest.mark.parametrize("ratio", [1.0, 5.0])
def test_the_minimum_is_the_normalised_density(ratio):
    cost = comparisons.get({"name": "noise-contrastive", "ratio": ratio})
    best, gradient = cost_and_gradient(cost, TRUTH)
    np.testing.assert_allclose(gradient, 0, atol=1e-10)
    for move in ([0.05, 0], [-0.05, 0], [0, 0.05], [0, -0.05]):
        assert cost_and_gradient(cost, TRUTH + move)[0] > best + 1e-5


def test_the_gradient_is_the_costs():
    cost, at, step = comparisons.get("noise-contrastive"), TRUTH + [0.3, -0.2], 1e-5
    _, gradient = cost_and_gradient(cost, at)
    for which in range(2):
        move = step * np.eye(2)[which]
        ahead, behind = (cost_and_gradient(cost, at + sign * move)[0] for sign in (1, -1))
        np.testing.assert_allclose(gradient[which], (ahead - behind) / (2 * step), rtol=1e-7)


def test_against_itself_a_model_climbs_half_the_likelihood():
    """The noise is the model of before the step: h = 1/2 everywhere."""
    lam = 0.6
    at = np.array([lam, 0.5 * np.log(lam) - 0.5 * np.log(2 * np.pi)])
    _, gradient = cost_and_gradient(
        comparisons.get("noise-contrastive"), at, log_noise=at @ FEATURES, noise=np.exp(at @ FEATURES)
    )
    of_the_likelihood = -0.5 * (1 - 1 / lam)  # E_data d log p / d lambda, log p normalised
    np.testing.assert_allclose(gradient, [-0.5 * of_the_likelihood, 0], atol=1e-9)


def test_the_ratio_of_the_counts_shifts_the_classifier():
    real, _ = comparisons.get({"name": "noise-contrastive", "ratio": 3.0})(tf.zeros([1]), tf.zeros([1]))
    assert float(real.value[0]) == pytest.approx(np.log(4))


@pytest.mark.parametrize("ratio", [0, -1.0, float("inf"), float("nan")])
def test_a_bad_ratio_is_one_line(ratio):
    with pytest.raises(UserError, match="ratio is not a positive number"):
        comparisons.get({"name": "noise-contrastive", "ratio": ratio})
