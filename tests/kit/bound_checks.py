"""A linear-Gaussian model's bound against its exact mean: a check that tests and mutations share."""

import numpy as np
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian

RNG = np.random.default_rng(11)
ORACLE = LinearGaussian(W=RNG.normal(size=(4, 3)), b=RNG.normal(size=4), s=0.6)
X = RNG.normal(size=(3, 4))
COVARIANCE = ORACLE.posterior(X)[1]
EXACT_A = COVARIANCE @ ORACLE.W.T / ORACLE.s**2
A, C, S = 0.9 * EXACT_A, 0.1 - EXACT_A @ ORACLE.b, 0.9 * np.sqrt(np.diag(COVARIANCE))
REPLICATES, K = 20_000, 5


def check_iwelbo_is_its_exact_mean():
    """The bound of `iwelbo`, through the model, has the oracle's expectation."""
    model = linear_gaussian_model.build(ORACLE, A, C, S)
    x = np.tile(X, (REPLICATES, 1)).astype(np.float32)
    bounds = model.iwelbo(x, K, seed=2).numpy().reshape(REPLICATES, len(X))
    exact, error = ORACLE.expected_iwelbo(X, A, C, S, K, num_replicates=200_000, seed=0)
    spread = bounds.std(axis=0, ddof=1) / np.sqrt(REPLICATES)
    z = (bounds.mean(axis=0) - exact) / np.hypot(spread, error)
    assert np.abs(z).max() < 5, z
    assert 5 * spread.max() < 0.1, "no power against a missing log K = 1.6 nats or a bound off by 0.1"
