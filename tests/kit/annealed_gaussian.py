"""A small linear-Gaussian model, q(z|x) somewhat off its posterior, examples of it, and chains that anneal it."""

import numpy as np
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian

from tfvae import random
from tfvae.evaluation import annealing


def draw(count):
    """Returns W [4, 2], b [4], latents [count, 2] and noise [count, 4]; the first two are the same for any count."""
    rng = np.random.default_rng(5)
    return [rng.normal(size=size) for size in ((4, 2), 4, (count, 2), (count, 4))]


def examples(count):
    """Returns examples of `ORACLE`, [count, 4]."""
    _, _, z, noise = draw(count)
    return (z @ ORACLE.W.T + ORACLE.b + ORACLE.s * noise).astype(np.float32)


W, B, *_ = draw(0)
ORACLE = LinearGaussian(W=W, b=B, s=0.8)
COVARIANCE = ORACLE.posterior(np.zeros((1, 4)))[1]
A = COVARIANCE @ ORACLE.W.T / ORACLE.s**2
C, S = -A @ ORACLE.b + 0.05, 1.3 * np.sqrt(np.diag(COVARIANCE))
X = examples(20)
EXACT = ORACLE.log_marginal(X)


def build(narrow=1.0):
    return linear_gaussian_model.build(ORACLE, A, C, narrow * S)


def chains(model, x, seed=0, init="prior", num_chains=4, num_leapfrog=3):
    """Returns annealing and checked examples."""
    return (
        annealing.Annealing(model, init, num_chains, num_leapfrog, random.fold(seed, "test")),
        model.check_examples(x),
    )
