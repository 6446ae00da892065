"""The total correlation of codes, where q(z) is a finite mixture and where it is Normal: then it is -1/2 log det R.

Written against these mutations: sums over units before the logarithm's sum; weights of pairs along the wrong axis; the
own pair counted 1/M with N given; others that share 1 in place of 1 - 1/N; examples without weight that count.
"""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close
from scipy.special import logsumexp

from tfvae import comparisons
from tfvae.checks import UserError

RNG = np.random.default_rng(0)
LOC, SCALE = RNG.normal(size=(6, 2)), RNG.uniform(0.4, 0.9, size=(6, 2))


def log_normal(z, loc, scale):
    return -0.5 * ((z - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)


@functools.cache
def graph_of(size):
    return tf.function(comparisons.get({"name": "total-correlation", "dataset_size": size}))


def estimate(z, loc, scale, weight=None, size=None):
    weight = np.ones(len(z)) if weight is None else np.asarray(weight, float)
    log_densities = log_normal(z[:, None], loc, scale)
    return float(graph_of(size)(tf.constant(log_densities), tf.constant(weight)))


def by_hand(z, loc, scale, pairs, share):
    joint = logsumexp(log_normal(z[:, None], loc, scale).sum(-1), b=pairs, axis=1)
    units = logsumexp(log_normal(z[:, None], loc, scale), b=pairs[..., None], axis=1)
    return share @ (joint - units.sum(-1))


@pytest.mark.parametrize("weight", [None, [2.0, 1.0, 0.0, 3.0, 1.0, 1.0]])
@pytest.mark.parametrize("size", [None, 40])
def test_the_estimate_by_hand(weight, size):
    z = LOC + SCALE * RNG.normal(size=LOC.shape)
    share = np.ones(6) / 6 if weight is None else np.array(weight) / sum(weight)
    pairs = np.tile(share, (6, 1))
    if size is not None:
        for b in range(6):
            pairs[b] = (1 - 1 / size) * share / (1 - share[b])
            pairs[b, b] = 1 / size
    np.testing.assert_allclose(pairs.sum(axis=1), 1)
    expected = by_hand(z, LOC, SCALE, pairs, share)
    np.testing.assert_allclose(estimate(z, LOC, SCALE, weight, size), expected, rtol=1e-10)


@pytest.mark.slow
def test_a_batch_of_all_data_gives_the_mixtures_own():
    """TC of a mixture of six Normals by quadrature in the plane, the estimate by its mean over codes."""
    axis = np.linspace(-5, 5, 401)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    log_units = log_normal(grid, LOC, SCALE)
    log_q = logsumexp(log_units.sum(-1), b=1 / 6, axis=1)
    log_marginals = logsumexp(log_units, b=1 / 6, axis=1).sum(-1)
    expected = np.sum(np.exp(log_q) * (log_q - log_marginals)) * (axis[1] - axis[0]) ** 2
    draws = [LOC + SCALE * np.random.default_rng(i).normal(size=LOC.shape) for i in range(800)]
    assert_mean_close(np.array([estimate(z, LOC, SCALE, size=6) for z in draws]), expected, smallest_bug=0.08)
    assert expected > 0.1


def test_stratified_densities_are_unbiased():
    """The mean over all batches of three with a given example of the estimated q(z) is the mixture's."""
    comparison = comparisons.get({"name": "total-correlation", "dataset_size": 6})
    z, own = np.array([0.3, -0.2]), 2
    density = np.exp(log_normal(z, LOC, SCALE).sum(-1))
    found = []
    for others in itertools.combinations([i for i in range(6) if i != own], 2):
        pairs = comparison._pairs(tf.fill([3], tf.constant(1 / 3, tf.float64)))[0]
        found.append(pairs.numpy() @ density[[own, *others]])
    np.testing.assert_allclose(np.mean(found), density.mean(), rtol=1e-12)


R = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.3], [0.0, 0.3, 1.0]])
NOISE = 0.5  # of q(z|x)
TRUTH = -0.5 * np.log(np.linalg.det(R))


def normal_batch(count, seed):
    """Codes of new x, with q(z) = N(0, R): z, and loc and scale of q(z|x)."""
    rng = np.random.default_rng([seed, count])
    loc = rng.normal(size=(count, 3)) @ np.linalg.cholesky(R - NOISE**2 * np.eye(3)).T
    return loc + NOISE * rng.normal(size=loc.shape), loc, np.full_like(loc, NOISE)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "sign"), [(None, 1), (10**9, -1)])
def test_large_batches_find_the_correlation_of_a_normal(size, sign):
    """Of data without end. The bias is some 4 / M: the own pair makes it positive, the logarithm alone negative."""
    for count, replicates in ((50, 150), (500, 60)):
        values = np.array([estimate(*normal_batch(count, i), size=size) for i in range(replicates)])
        error = values.std(ddof=1) / replicates**0.5
        bias = sign * (values.mean() - TRUTH) * count
        assert 5 * error < 0.1 and bias < 6 + 5 * error * count
        assert count > 50 or bias > 5 * error * count


@pytest.mark.parametrize("size", [0, -3, 2.5, "all"])
def test_a_bad_size_of_the_data_is_one_line(size):
    with pytest.raises(UserError, match="dataset_size") as caught:
        comparisons.get_latent({"name": "total-correlation", "dataset_size": size})
    assert "\n" not in str(caught.value)
