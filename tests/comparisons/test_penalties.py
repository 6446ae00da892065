"""Penalties on a critic's slope against finite differences and a critic whose slope is known."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.comparisons.penalties import between, gradient_penalty, r1, squared_slopes

RNG = np.random.default_rng(0)
POINTS = tf.constant(RNG.normal(size=(5, 3, 2)))
A, B = tf.Variable(RNG.normal(size=(6, 4))), tf.Variable(RNG.normal(size=(4,)))


def critic(x):
    return tf.linalg.matvec(tf.tanh(tf.reshape(x, [-1, 6]) @ A), B)


def by_differences(function, x, step=1e-5):
    """The gradient of a scalar function by central differences."""
    slopes = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[place] += step
        behind[place] -= step
        slopes[place] = (function(ahead) - function(behind)) / (2 * step)
    return slopes


def test_slopes_are_those_of_differences():
    found = squared_slopes(critic, POINTS)
    for row, point in enumerate(POINTS.numpy()):
        slope = by_differences(lambda x: float(critic(tf.constant(x[None]))[0]), point)
        np.testing.assert_allclose(found[row], (slope**2).sum(), rtol=1e-7)


@pytest.mark.parametrize("penalty", [gradient_penalty, r1])
def test_penalties_are_differentiated_by_the_critics_parameters(penalty):
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(penalty(critic, POINTS))
    gradient = tape.gradient(value, A).numpy()
    kept = A.numpy()

    def at(weights):
        A.assign(weights)
        return float(tf.reduce_mean(penalty(critic, POINTS)))

    np.testing.assert_allclose(gradient, by_differences(at, kept), rtol=1e-6, atol=1e-9)
    A.assign(kept)


def test_a_linear_critic_has_one_slope():
    slope = np.array([3.0, 4.0])
    x = tf.constant(RNG.normal(size=(4, 2)))
    linear = lambda x: tf.linalg.matvec(x, slope)  # noqa: E731
    np.testing.assert_allclose(gradient_penalty(linear, x), np.full(4, 16.0))
    np.testing.assert_allclose(r1(linear, x), np.full(4, 12.5))


def test_a_critic_without_a_slope_has_a_finite_gradient():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = gradient_penalty(lambda x: weight * tf.reduce_sum(x, axis=1), tf.ones([3, 2]))
        mean = tf.reduce_mean(value)
    np.testing.assert_array_equal(value, np.ones(3))
    assert np.isfinite(tape.gradient(mean, weight))


def test_places_between_are_each_examples_own():
    real, fake = tf.ones([3, 2, 2]), tf.zeros([3, 2, 2])
    found = between(real, fake, tf.constant([0.0, 0.25, 1.0]))
    np.testing.assert_array_equal(found[:, 0, 0], [0.0, 0.25, 1.0])
    assert found.shape == real.shape
