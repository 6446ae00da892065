"""Every gradient that an estimator promises, against closed forms, encoder and decoder separately.

Mutations that these tests were seen to kill are written out, and run, in test_mutations.py.
"""

import numpy as np
import pytest
from kit.gradient_checks import (
    MODEL,
    ORACLE,
    POSTERIOR,
    STEPS,
    A,
    C,
    K,
    S,
    X,
    check_elbo,
    check_iwelbo,
    iwelbo_gradients,
    sample_gradients,
)
from kit.linear_gaussian import LinearGaussian


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "stl"])
def test_elbo_gradients_are_the_closed_form(estimator):
    check_elbo(estimator)


NIGHTLY = [pytest.param(name, marks=pytest.mark.nightly) for name in ("elbo", "elbo-analytic", "stl")]


@pytest.mark.parametrize("estimator", ["iwae", "iwae-stl", "dreg", *NIGHTLY])
def test_with_one_particle_every_estimator_climbs_the_elbo(estimator):
    check_elbo(estimator, num_samples=1)


@pytest.mark.parametrize("estimator", ["iwae", "dreg"])
def test_importance_weighted_gradients_are_those_of_the_bound(estimator):
    check_iwelbo(estimator)


def test_iwae_stl_model_gradients_are_those_of_the_bound():
    check_iwelbo("iwae-stl", MODEL)


@pytest.mark.slow
def test_iwae_stl_posterior_gradients_are_biased_as_theory_has_it():
    rng = np.random.default_rng(0)
    own = sample_gradients("iwae-stl")
    blocks = [
        ORACLE.estimator_gradients("iwae-stl", X, A, C, S, rng.standard_normal((20_000, K, 2, 2)))
        for _ in range(10)
    ]
    exact = iwelbo_gradients()
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
