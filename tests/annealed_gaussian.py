"""A linear-Gaussian model with 20 examples and their exact log p(x), and chains that anneal it."""

import linear_gaussian_model
import numpy as np
from linear_gaussian import LinearGaussian

from tfvae import random
from tfvae.evaluation import annealing

RNG = np.random.default_rng(5)
ORACLE = LinearGaussian(W=RNG.normal(size=(4, 2)), b=RNG.normal(size=4), s=0.8)
COVARIANCE = ORACLE.posterior(np.zeros((1, 4)))[1]
A = COVARIANCE @ ORACLE.W.T / ORACLE.s**2
C, S = -A @ ORACLE.b + 0.05, 1.3 * np.sqrt(np.diag(COVARIANCE))
X = (RNG.normal(size=(20, 2)) @ ORACLE.W.T + ORACLE.b + ORACLE.s * RNG.normal(size=(20, 4))).astype(
    np.float32
)
EXACT = ORACLE.log_marginal(X)


def build(narrow=1.0):
    return linear_gaussian_model.build(ORACLE, A, C, narrow * S)


def chains(model, x, seed=0, init="prior", num_chains=4, num_leapfrog=3):
    """Returns annealing and checked examples."""
    return (
        annealing.Annealing(model, init, num_chains, num_leapfrog, random.fold(seed, "test")),
        model.check_examples(x),
    )
