"""A model that can only generate, with no q(z|x) and no Keras, is judged on the same likelihood scale."""

import numpy as np
import pytest
import tensorflow as tf
from kit.linear_gaussian import LinearGaussian
from kit.stats import assert_mean_close, assert_paired_not_greater

from tfvae import evaluation, random
from tfvae.checks import UserError
from tfvae.models.contract import Density, Generative, Generator, Inferential
from tfvae.models.particles import PLAIN

RNG = np.random.default_rng(0)
ORACLE = LinearGaussian(W=RNG.normal(size=(3, 2)), b=np.array([0.5, -1.0, 0.0]), s=0.7)
X = (RNG.normal(size=(40, 2)) @ ORACLE.W.T + ORACLE.b + ORACLE.s * RNG.normal(size=(40, 3))).astype(
    np.float32
)


class LinearDecoder(Generative):
    """p(z) = N(0, I), p(x|z) = N(W z + b, s^2 I)."""

    event_shape, latent_shapes, latent_kinds = (3,), ((2,),), ("continuous",)

    def generator(self, x, training=False):
        W, b = (tf.constant(value, tf.float32) for value in (ORACLE.W, ORACLE.b))
        return Generator((), lambda z: (tf.linalg.matvec(W, z) + b,))

    def prior_latents(self, generator, noise, num_samples):
        return (noise.normal("prior", num_samples, 2),)

    def log_joint_terms(self, x, generator, latents, options=PLAIN):
        (z,), (loc,) = latents, generator.likelihood(latents[0])
        log_prior = -0.5 * tf.reduce_sum(z**2 + np.log(2 * np.pi), axis=-1)
        normal = ((x - loc) / ORACLE.s) ** 2 + np.log(2 * np.pi * ORACLE.s**2)
        return (log_prior,), -0.5 * tf.reduce_sum(normal, axis=-1)

    def simulate(self, x, generator, latents, noise):
        return generator.likelihood(latents[0])[0] + ORACLE.s * noise.normal("x", 1, 3)[0]

    def decode(self, z):
        return self.generator(None).likelihood(z)[0]

    def sample(self, n, seed=None, *, mean=True):
        noise = random.ThreefryNoise(random.row_seeds(seed, n))
        loc = self.decode(noise.normal("prior", 1, 2)[0])
        return loc if mean else loc + ORACLE.s * noise.normal("x", 1, 3)[0]


def test_it_has_one_group():
    model = LinearDecoder()
    assert isinstance(model, Generative) and not isinstance(model, Inferential | Density)


def test_annealing_from_the_prior_gives_its_likelihood():
    result = evaluation.ais(LinearDecoder(), X, 60, 64, seed=1)
    exact = ORACLE.log_marginal(X)
    assert_mean_close((result.log_prob - exact) / result.standard_error, 0.0, smallest_bug=5.0)
    np.testing.assert_allclose(result.log_prob, exact, atol=0.4)


def test_bounds_from_both_sides_hold_the_exact_value(monkeypatch):
    seen, real = [], LinearDecoder.simulate
    monkeypatch.setattr(LinearDecoder, "simulate", lambda *a: seen.append(real(*a)) or seen[-1])
    bounds = evaluation.bdmc(LinearDecoder(), 60, 30, 8, seed=2)
    exact = ORACLE.log_marginal(np.concatenate(seen))
    assert_paired_not_greater(bounds.lower, exact)
    assert_paired_not_greater(exact, bounds.upper)
    assert bounds.gap < 0.5


@pytest.mark.parametrize(
    ("evaluate", "line"),
    [
        (lambda model: evaluation.log_marginal(model, X, 5), r"needs a q\(z\|x\)"),
        (lambda model: evaluation.ais(model, X, 2, 2, init="posterior"), r"has no q\(z\|x\)"),
        (lambda model: evaluation.inference_gap(model, X), r"without q\(z\|x\)"),
    ],
)
def test_what_needs_q_says_so(evaluate, line):
    with pytest.raises(UserError, match=line):
        evaluate(LinearDecoder())
