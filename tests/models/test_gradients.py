"""Every gradient that an estimator promises, against closed forms, encoder and decoder separately.

Mutations that these tests were seen to kill are written out, and run, in test_mutations.py.
"""

import linear_gaussian_model
import numpy as np
import pytest
from linear_gaussian import LinearGaussian
from stats import assert_mean_close

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


def check_iwelbo(estimator, names=MODEL + POSTERIOR):
    exact = ORACLE.iwelbo_gradients(X, A, C, S, K, num_replicates=400_000, seed=1)
    samples = sample_gradients(estimator)
    for name in names:
        mean, error = exact[name]
        spread = samples[name].std(axis=0, ddof=1) / np.sqrt(STEPS)
        z = (samples[name].mean(axis=0) - mean) / np.sqrt(spread**2 + error**2)
        assert np.abs(z).max() < 5, f"{estimator} {name}: {z}"


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "stl"])
def test_elbo_gradients_are_the_closed_form(estimator):
    check_elbo(estimator)


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "stl", "iwae", "iwae-stl", "dreg"])
def test_with_one_particle_every_estimator_climbs_the_elbo(estimator):
    check_elbo(estimator, num_samples=1)


@pytest.mark.parametrize("estimator", ["iwae", "dreg"])
def test_importance_weighted_gradients_are_those_of_the_bound(estimator):
    check_iwelbo(estimator)


def test_iwae_stl_model_gradients_are_those_of_the_bound():
    check_iwelbo("iwae-stl", MODEL)


def test_iwae_stl_posterior_gradients_are_biased_as_theory_has_it():
    rng = np.random.default_rng(0)
    own = sample_gradients("iwae-stl")
    blocks = [
        ORACLE.estimator_gradients("iwae-stl", X, A, C, S, rng.standard_normal((20_000, K, 2, 2)))
        for _ in range(10)
    ]
    exact = ORACLE.iwelbo_gradients(X, A, C, S, K, num_replicates=400_000, seed=1)
    biases = []
    for name in POSTERIOR:
        theory = np.concatenate([block[name] for block in blocks])
        error = np.hypot(theory.std(axis=0) / np.sqrt(len(theory)), own[name].std(axis=0) / np.sqrt(STEPS))
        z = (own[name].mean(axis=0) - theory.mean(axis=0)) / error
        assert np.abs(z).max() < 5, f"{name}: {z}"
        biases.append(
            np.abs((own[name].mean(axis=0) - exact[name][0]) / np.hypot(error, exact[name][1])).max()
        )
    assert max(biases) > 10


@pytest.mark.parametrize("estimator", ["stl", "dreg"])
def test_posterior_gradients_vanish_at_the_exact_posterior(estimator):
    oracle = LinearGaussian(W=np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]), b=ORACLE.b, s=0.7)
    precision = 1 + np.sum(oracle.W**2, axis=0) / oracle.s**2
    a = oracle.W.T / (precision * oracle.s**2)[:, np.newaxis]
    exact = {"oracle": oracle, "a": a, "c": -a @ oracle.b, "s": precision**-0.5, "copies": 1, "steps": 50}
    samples, plain = sample_gradients(estimator, **exact), sample_gradients("iwae", **exact)
    for name in POSTERIOR:
        assert np.abs(samples[name]).max() < 1e-4
        assert plain[name].std(axis=0).max() > 0.05
