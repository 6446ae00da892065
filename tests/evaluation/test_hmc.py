"""Hamiltonian transitions leave their density alone.

Mutations, each seen to break a test here: every end accepted, no half step of the momentum at the end, the momentum's
sign turned after the first half step, the kinetic energy left out of the ratio, a non-finite end accepted, a leapfrog
step more or less.
"""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.stats import assert_mean_close

from tfvae import random
from tfvae.evaluation import hmc

PRECISION = np.array([[1.5, 0.6], [0.6, 2.5]], np.float32)
LOC = np.array([0.7, -0.4], np.float32)
CHAINS = 60_000


def densities(z):
    """N(0, I), and a correlated Normal, both up to a constant."""
    away = z - LOC
    return -0.5 * tf.reduce_sum(z**2, axis=-1), -0.5 * tf.reduce_sum(away * (away @ PRECISION), axis=-1)


MIX = hmc.Mix(tf.constant(0.4), tf.constant(0.6))
MIXED = 0.4 * np.eye(2) + 0.6 * PRECISION  # precision of the mixture
MEAN = np.linalg.solve(MIXED, 0.6 * PRECISION @ LOC)


def move(z, step_size, num_leapfrog=3, seed=0, densities=densities):
    noise = random.PhiloxNoise(random.fold(seed, "hmc"), z.shape[1])
    uniform = noise.uniform("uniform", z.shape[0], 1)[..., 0]
    momentum = noise.normal("momentum", z.shape[0], 2)
    step_size = tf.constant([[step_size]])
    return hmc.transition(densities, MIX, hmc.visit(densities, z), momentum, uniform, step_size, num_leapfrog)


def exact_draws():
    white = np.random.default_rng(3).standard_normal((CHAINS, 2))
    return tf.constant((MEAN + white @ np.linalg.cholesky(np.linalg.inv(MIXED)).T)[:, np.newaxis], tf.float32)


def test_the_density_is_invariant():
    z = exact_draws()
    for seed in range(3):
        point, acceptance = move(z, 0.95, seed=seed)
        z = point.z
        assert 0.4 < np.mean(acceptance) < 0.9
    values = z.numpy()[:, 0].astype(np.float64)
    assert_mean_close(values, MEAN, smallest_bug=0.02)
    away = values - MEAN
    squares = np.stack([away[:, 0] ** 2, away[:, 1] ** 2, away[:, 0] * away[:, 1]], axis=1)
    covariance = np.linalg.inv(MIXED)
    assert_mean_close(squares, [covariance[0, 0], covariance[1, 1], covariance[0, 1]], smallest_bug=0.03)


def test_small_steps_keep_the_energy_and_move_with_the_momentum():
    z = exact_draws()[:1000]
    point, acceptance = move(z, 0.01, num_leapfrog=10)
    assert np.min(acceptance) > 0.999
    speeds, turn = np.linalg.eigh(MIXED)  # of the exact path, a harmonic one
    speeds = np.sqrt(speeds)
    away, momentum = (z.numpy()[:, 0] - MEAN) @ turn, momenta(1000) @ turn
    there = away * np.cos(0.1 * speeds) + momentum / speeds * np.sin(0.1 * speeds)
    np.testing.assert_allclose(point.z[:, 0], MEAN + there @ turn.T, atol=1e-4)
    fresh = hmc.visit(densities, point.z)
    for kept, there in zip(tf.nest.flatten(point), tf.nest.flatten(fresh), strict=True):
        np.testing.assert_allclose(kept, there, atol=1e-5)


@pytest.mark.parametrize("num_leapfrog", [1, 4])
def test_a_transition_is_that_of_tensorflow_probability(num_leapfrog):
    z, step_size = exact_draws()[:1000], 0.6
    kernel = tfp.mcmc.HamiltonianMonteCarlo(lambda z: MIX.of(densities(z)), step_size, num_leapfrog)
    _, theirs = kernel.one_step(z, kernel.bootstrap_results(z), seed=(1, 2))
    (momentum,) = theirs.proposed_results.initial_momentum
    always = tf.zeros(z.shape[:2])
    start = hmc.visit(densities, z)
    end, acceptance = hmc.transition(densities, MIX, start, momentum, always, step_size, num_leapfrog)
    np.testing.assert_allclose(end.z, theirs.proposed_state, atol=1e-5)
    np.testing.assert_allclose(acceptance, np.exp(np.minimum(theirs.log_accept_ratio, 0.0)), atol=1e-5)
    assert np.std(acceptance) > 0.01


def momenta(count):
    """Returns what `move` draws, [count, 2]."""
    return random.PhiloxNoise(random.fold(0, "hmc"), 1).normal("momentum", count, 2).numpy()[:, 0]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_there_are_as_many_leapfrog_steps_as_asked_for(count):
    calls, step = [], 0.3

    def counted(z):
        calls.append(z)
        return densities(z)

    start = exact_draws()[:1000]
    point, acceptance = move(start, step, num_leapfrog=count, densities=counted)
    assert len(calls) == 1 + count, "one gradient at the start, and one after each step"
    z, p = start.numpy()[:, 0].astype(np.float64), momenta(1000).astype(np.float64)
    energy = 0.5 * np.sum(p**2 + (z - MEAN) * ((z - MEAN) @ MIXED), axis=-1)
    for _ in range(count):
        p = p - 0.5 * step * (z - MEAN) @ MIXED
        z = z + step * p
        p = p - 0.5 * step * (z - MEAN) @ MIXED
    end = 0.5 * np.sum(p**2 + (z - MEAN) * ((z - MEAN) @ MIXED), axis=-1)
    np.testing.assert_allclose(acceptance[:, 0], np.minimum(np.exp(energy - end), 1.0), atol=1e-4)
    moved = np.any(point.z != start, axis=-1)[:, 0]
    assert np.mean(moved) > 0.8
    np.testing.assert_allclose(point.z[:, 0][moved], z[moved], atol=1e-4)


def test_ends_without_a_finite_density_are_rejected():
    def bounded(z):
        first, second = densities(z)
        bad = tf.where(z[..., 0] > 0.5, np.float32(np.nan), np.float32(np.inf))
        return tf.where(tf.abs(z[..., 0]) < 0.5, first, bad), second

    z = tf.zeros([2000, 1, 2])
    for seed in range(3):
        point, acceptance = move(z, 0.5, seed=seed, densities=bounded)
        z = point.z
    assert np.all(np.abs(z[..., 0]) < 0.5) and np.all(np.isfinite(tf.concat(point.slopes, axis=0)))
    assert np.mean(np.abs(z[..., 1]) > 0) > 0.5 and np.mean(acceptance == 0.0) > 0.05
