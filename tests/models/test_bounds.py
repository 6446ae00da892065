"""Log-weights and bounds against the linear-Gaussian model's exact values.

Mutations that these tests were seen to kill are written out, and run, in test_mutations.py.
"""

import numpy as np
import pytest
from kit import linear_gaussian_model
from kit.bound_checks import (
    COVARIANCE,
    EXACT_A,
    ORACLE,
    REPLICATES,
    A,
    C,
    K,
    S,
    X,
    check_iwelbo_is_its_exact_mean,
)
from kit.stats import assert_mean_close, assert_paired_less
from scipy import linalg, special


def replicated_log_weights(num_samples):
    """Log-weights [K, replicates, N] of the mismatched q."""
    model = linear_gaussian_model.build(ORACLE, A, C, S)
    x = np.tile(X, (REPLICATES, 1)).astype(np.float32)
    return model.log_weights(x, num_samples, seed=5).numpy().reshape(num_samples, REPLICATES, len(X))


def test_with_the_exact_posterior_every_log_weight_is_the_log_likelihood():
    model = linear_gaussian_model.build(
        ORACLE, EXACT_A, -EXACT_A @ ORACLE.b, linalg.cholesky(COVARIANCE, lower=True)
    )
    log_weights = model.log_weights(X.astype(np.float32), 7, seed=1).numpy()
    assert log_weights.shape == (7, 3)
    np.testing.assert_allclose(log_weights, np.tile(ORACLE.log_marginal(X), (7, 1)), atol=2e-4, rtol=0)


def test_log_weights_are_the_oracles_at_the_same_particles():
    model = linear_gaussian_model.build(ORACLE, A, C, S)
    log_weights = replicated_log_weights(1)[0]
    assert_mean_close(log_weights, ORACLE.elbo(X, A, C, S), name="log-weights", smallest_bug=0.2)
    assert model.elbo(X.astype(np.float32), 3, seed=1).shape == (3,)


def test_bounds_are_ordered_and_below_the_log_likelihood():
    log_weights = replicated_log_weights(2 * K)
    elbo = log_weights.mean(axis=0)
    first = special.logsumexp(log_weights[:K], axis=0) - np.log(K)
    both = special.logsumexp(log_weights, axis=0) - np.log(2 * K)
    assert_paired_less(elbo, first, name="ELBO < IWELBO_K")
    assert_paired_less(first, both, name="IWELBO_K < IWELBO_2K")
    assert_paired_less(both, np.broadcast_to(ORACLE.log_marginal(X), both.shape), name="IWELBO_2K < log p(x)")


def test_iwelbo_is_its_exact_mean():
    check_iwelbo_is_its_exact_mean()


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "stl", "iwae", "iwae-stl", "dreg"])
def test_evaluate_reports_the_bound_of_the_estimator(estimator):
    model = linear_gaussian_model.build(ORACLE, A, C, S, estimator=estimator, num_samples=K)
    model.compile()
    x = np.tile(X, (REPLICATES, 1)).astype(np.float32)
    result = model.evaluate(x, batch_size=3000, verbose=0, return_dict=True)
    if "iwae" in estimator or estimator == "dreg":
        exact = ORACLE.expected_iwelbo(X, A, C, S, K, num_replicates=100_000, seed=0)[0].mean()
    else:
        exact = ORACLE.elbo(X, A, C, S).mean()
    assert abs(result["bound"] - exact) < 0.05
    assert result["loss"] == pytest.approx(-result["bound"], rel=1e-5)
    plain = ORACLE.elbo(X, A, C, S).mean()
    assert abs(-result["rate"] - result["distortion"] - plain) < 0.05
    assert 1 < result["effective_sample_size"] < K
