"""The closed-form divergence against its formula and against Monte Carlo.

Mutations, each seen to break a test here: KL(p || q) for KL(q || p); the units averaged in place of kept apart; a
full posterior treated as diagonal.
"""

import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close

from tfvae.distributions import Bernoulli, DiagonalNormal, FullCovarianceNormal, StandardNormal, kl_divergence

RNG = np.random.default_rng(1)
B, SIZE = 3, 2
PRIOR = StandardNormal(SIZE)


def diagonal():
    return DiagonalNormal(SIZE), (RNG.standard_normal((B, SIZE)), RNG.uniform(0.3, 2.0, (B, SIZE)))


def full():
    tril = np.tril(RNG.standard_normal((B, SIZE, SIZE)))
    tril[:, range(SIZE), range(SIZE)] = RNG.uniform(0.3, 2.0, (B, SIZE))
    return FullCovarianceNormal(SIZE), (RNG.standard_normal((B, SIZE)), tril)


def as_tensors(parameters):
    return tuple(tf.constant(p, tf.float32) for p in parameters)


def test_diagonal_posterior_by_unit():
    head, (loc, scale) = diagonal()
    found = kl_divergence(head, as_tensors((loc, scale)), PRIOR, PRIOR.parameters())
    expected = 0.5 * (scale**2 + loc**2 - 1) - np.log(scale)
    assert found.shape == (B, SIZE)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_full_posterior_as_one_unit():
    head, (loc, tril) = full()
    found = kl_divergence(head, as_tensors((loc, tril)), PRIOR, PRIOR.parameters())
    trace = np.sum(tril**2, axis=(1, 2))
    log_det = np.log(np.diagonal(tril, axis1=1, axis2=2)).sum(axis=1)
    expected = 0.5 * (trace + np.sum(loc**2, axis=1) - SIZE) - log_det
    assert found.shape == (B, 1)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [diagonal, full])
def test_monte_carlo(make):
    head, parameters = make()
    q, p = as_tensors(parameters), PRIOR.parameters()
    z = head.sample(q, tf.constant(RNG.standard_normal((40_000, B, SIZE)), tf.float32))
    ratios = (head.log_prob(q, z) - PRIOR.log_prob(p, z)).numpy()
    exact = tf.reduce_sum(kl_divergence(head, q, PRIOR, p), axis=-1).numpy().astype(np.float64)
    assert_mean_close(ratios, exact, name="KL", smallest_bug=0.3)


def test_a_pair_without_a_closed_form_is_refused():
    head = Bernoulli(SIZE)
    with pytest.raises(NotImplementedError):
        kl_divergence(head, (tf.zeros((B, SIZE)),), PRIOR, PRIOR.parameters())
