"""The game of shuffled codes: at a discriminator that can be optimal its cost is the total correlation of a Normal.

Written against these mutations: one order for all units; shuffled codes that ignore weights; the sign of the cost;
codes taken for real.
"""

import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_chi_square_uniform
from scipy.optimize import minimize

from tfvae import comparisons, random
from tfvae.comparisons.codes import Codes
from tfvae.comparisons.factor import shuffled

RNG = np.random.default_rng(0)
GAME = comparisons.get("factor")


def codes(z, seed=0, weight=None):
    weight = np.ones(len(z)) if weight is None else weight
    noise = random.PhiloxNoise(tf.constant([seed, 1]), len(z))
    return Codes(tf.constant(z, tf.float32), tf.constant(weight, tf.float32), noise, None, None)


def test_units_are_permuted_each_on_its_own():
    z = RNG.normal(size=(30, 3)).astype(np.float32)
    found = GAME.reference(codes(z)).numpy()
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(z, axis=0))
    orders = [tuple(np.searchsorted(np.sort(z[:, d]), found[:, d])) for d in range(3)]
    ranks = [tuple(np.searchsorted(np.sort(z[:, d]), z[:, d])) for d in range(3)]
    moved = {tuple(np.argsort(ranks[d])[list(orders[d])]) for d in range(3)}
    assert len(moved) == 3 and tuple(range(30)) not in moved
    assert (found != GAME.reference(codes(z, seed=1)).numpy()).any()


def test_every_place_is_as_likely():
    z = np.arange(5.0)[:, None]
    first = [int(GAME.reference(codes(z, seed)).numpy()[0, 0]) for seed in range(400)]
    assert_chi_square_uniform(np.bincount(first, minlength=5))


def test_units_come_as_often_as_their_weights_ask():
    z, weight = np.arange(8.0)[:, None], np.array([0, 2, 1, 1, 0, 0, 4, 0.0])
    found = GAME.reference(codes(z, weight=weight)).numpy()[:, 0]
    np.testing.assert_array_equal(np.bincount(found.astype(int), minlength=8), weight)


@pytest.mark.slow
def test_the_best_discriminator_gives_the_total_correlation():
    """Of a Normal the logit is a quadratic form: fitted by the game's own cost, it gives -1/2 log det R."""
    correlation = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.3], [0.0, 0.3, 1.0]])
    truth, count = -0.5 * np.log(np.linalg.det(correlation)), 40_000
    z = RNG.normal(size=(count, 3)) @ np.linalg.cholesky(correlation).T
    real = shuffled(
        tf.constant(z), tf.ones(count, tf.float64), tf.constant(RNG.uniform(size=z.shape))
    ).numpy()
    pairs = np.triu_indices(3)

    def features(z):
        return np.column_stack([np.ones(len(z)), z, z[:, pairs[0]] * z[:, pairs[1]]])

    of_real, of_codes = features(real), features(z)

    def cost(parameters):
        costs = GAME.critic(tf.constant(of_real @ parameters), tf.constant(of_codes @ parameters))
        slope = costs[0].weight.numpy() @ of_real + costs[1].weight.numpy() @ of_codes
        return sum(float(tf.reduce_sum(one.value)) for one in costs) / count, slope / count

    best = minimize(cost, np.zeros(10), jac=True, method="BFGS").x
    each = GAME.generator(tf.constant(of_codes @ best)).value.numpy()
    error = each.std() / count**0.5
    assert abs(each.mean() - truth) < 5 * error + 10 / count and 5 * error < 0.1 * truth
