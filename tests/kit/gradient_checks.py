"""Gradients of a linear-Gaussian model's training step against closed forms: checks that tests and mutations share."""

import functools

import numpy as np
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian
from kit.stats import assert_mean_close

MODEL = ("W", "b", "log_s")
POSTERIOR = ("A", "c", "log_diag_S")
COPIES, STEPS, K = 500, 200, 4

RNG = np.random.default_rng(7)
ORACLE = LinearGaussian(W=RNG.normal(size=(3, 2)), b=RNG.normal(size=3), s=0.7)
X = RNG.normal(size=(2, 3))
A, C, S = 0.5 * RNG.normal(size=(2, 3)), 0.3 * RNG.normal(size=2), np.array([0.4, 0.8])


def sample_gradients(estimator, *, num_samples=K, steps=STEPS, oracle=ORACLE, a=A, c=C, s=S, copies=COPIES):
    model = linear_gaussian_model.build(oracle, a, c, s, estimator=estimator, num_samples=num_samples, seed=3)
    return linear_gaussian_model.gradients(model, np.tile(X, (copies, 1)), steps)


def check_elbo(estimator, num_samples=K):
    exact = ORACLE.elbo_gradients(X, A, C, S)
    samples = sample_gradients(estimator, num_samples=num_samples)
    for name in MODEL + POSTERIOR:
        assert_mean_close(samples[name], exact[name], name=f"{estimator} {name}", smallest_bug=0.1)


@functools.cache
def iwelbo_gradients():
    """Brute force: gradients by name, pairs of mean and standard error."""
    return ORACLE.iwelbo_gradients(X, A, C, S, K, num_replicates=400_000, seed=1)


def check_iwelbo(estimator, names=MODEL + POSTERIOR):
    exact = iwelbo_gradients()
    samples = sample_gradients(estimator)
    for name in names:
        mean, error = exact[name]
        spread = samples[name].std(axis=0, ddof=1) / np.sqrt(STEPS)
        z = (samples[name].mean(axis=0) - mean) / np.sqrt(spread**2 + error**2)
        assert np.abs(z).max() < 5, f"{estimator} {name}: {z}"
