"""Grouped, mixed, Renyi and wake-sleep estimators on the linear-Gaussian model, encoder and decoder separately.

M groups and K particles are different numbers throughout: M = 3, K = 5, so that an implementation with the two
swapped fails. Mutations that these tests were seen to kill are run in test_estimator_mutations.py.
"""

import numpy as np
import pytest
from kit import linear_gaussian_model
from kit.gradient_checks import MODEL, ORACLE, POSTERIOR, X
from kit.linear_gaussian import LinearGaussian
from kit.multi_sample_checks import (
    ALPHA,
    BETA,
    COPIES,
    GROUPS,
    STEPS,
    K,
    check,
    check_miwae,
    check_piwae,
    check_rws,
    check_vr_iwae,
    elbo,
    iwelbo,
    mixture,
    sample,
)
from kit.stats import assert_mean_close


@pytest.mark.slow
def test_jvi_climbs_its_difference_of_bounds():
    check(sample("jvi", K), mixture(K, iwelbo(K), iwelbo(K - 1)), ("bound", *MODEL, *POSTERIOR))


def test_miwae_climbs_the_bound_of_its_groups():
    check_miwae()


def test_piwae_climbs_one_bound_with_the_decoder_and_another_with_the_encoder():
    check_piwae()


def test_the_bounds_of_the_groups_can_be_told_apart():
    """The checks above have power: the bounds of K, M and M K particles differ by more than their errors."""
    for other in (GROUPS, GROUPS * K):
        for names in (MODEL, POSTERIOR):
            gaps = [np.abs(iwelbo(K)[name][0] - iwelbo(other)[name][0]).max() for name in names]
            errors = [np.max(iwelbo(K)[name][1]) for name in names]
            assert max(gaps) > 20 * max(errors), (other, names)


def test_ciwae_climbs_the_mixture():
    expected = mixture(BETA, elbo(), iwelbo(K))
    check(sample({"name": "ciwae", "beta": BETA}, K), expected, ("bound", *MODEL, *POSTERIOR))


def test_vr_iwae_climbs_the_renyi_bound():
    check_vr_iwae()


def test_vr_iwae_dreg_climbs_the_same_with_less_variance_in_the_encoder():
    plain = sample({"name": "vr-iwae", "alpha": ALPHA}, K)
    dreg = sample({"name": "vr-iwae-dreg", "alpha": ALPHA}, K)
    check(dreg, iwelbo(K, ALPHA), ("bound", *MODEL, *POSTERIOR))
    for name in MODEL:
        np.testing.assert_allclose(dreg[name], plain[name], rtol=1e-5, atol=1e-5)
    for name in POSTERIOR:
        assert_mean_close(dreg[name] - plain[name], 0.0, smallest_bug=0.1, name=name)
    variance = [sum(samples[name].var(axis=0).sum() for name in POSTERIOR) for samples in (dreg, plain)]
    print(
        f"encoder-gradient variance, vr-iwae-dreg / vr-iwae, alpha {ALPHA}: {variance[0] / variance[1]:.3f}"
    )
    assert variance[0] < variance[1]


@pytest.mark.slow
def test_alpha_runs_from_iwae_to_the_elbo():
    same, iwae = sample({"name": "vr-iwae", "alpha": 0.0}, K), sample("iwae", K)
    for name in iwae:
        np.testing.assert_allclose(same[name], iwae[name], rtol=1e-5, atol=1e-5)
    check(sample({"name": "vr-iwae", "alpha": 0.9999}, K), elbo(), ("bound", *MODEL, *POSTERIOR))


@pytest.mark.parametrize("name", ["rws", "rws-dreg"])
def test_wake_phase_gradients_are_the_brute_force(name):
    check_rws(name)


def near():
    """A model and a q near its posterior; the exact gradients of E_{p(z|x)} log q(z|x), as the bias is against them.

    With p(z|x) = N(m, V) and q = N(loc, diag S^2) it is sum_j -log S_j - ((m - loc)_j^2 + V_jj) / (2 S_j^2).
    """
    oracle = LinearGaussian(W=0.7 * ORACLE.W, b=ORACLE.b, s=1.0)
    m, covariance = oracle.posterior(X)
    a = covariance @ oracle.W.T / oracle.s**2
    c, s = 0.3 - a @ oracle.b, 1.3 * np.sqrt(np.diag(covariance))
    gap = m - (X @ a.T + c)
    exact = {
        "A": (gap / s**2).T @ X / len(X),
        "c": (gap / s**2).mean(axis=0),
        "log_diag_S": ((gap**2 + np.diag(covariance)) / s**2 - 1).mean(axis=0),
    }
    return oracle, a, c, s, exact


def test_the_exact_wake_gradient_is_the_derivative_of_its_expectation():
    oracle, a, c, s, exact = near()
    m, covariance = oracle.posterior(X)

    def expectation(a, c, log_s):
        gap = m - (X @ a.T + c)
        return np.mean(np.sum(-log_s - (gap**2 + np.diag(covariance)) * np.exp(-2 * log_s) / 2, axis=-1))

    point = {"A": a, "c": c, "log_diag_S": np.log(s)}
    for name, value in point.items():
        for index in np.ndindex(value.shape):
            ends = []
            for shift in (1e-5, -1e-5):
                moved = {key: np.array(item) for key, item in point.items()}
                moved[name][index] += shift
                ends.append(expectation(*moved.values()))
            assert abs((ends[0] - ends[1]) / 2e-5 - exact[name][index]) < 1e-7


@pytest.mark.slow
def test_rws_is_biased_at_finite_k_and_the_bias_shrinks_like_one_over_k():
    oracle, a, c, s, exact = near()
    bias, z = {}, {}
    for num_samples in (4, 32):
        model = linear_gaussian_model.build(oracle, a, c, s, estimator="rws", num_samples=num_samples, seed=3)
        samples = linear_gaussian_model.gradients(model, np.tile(X, (4 * COPIES, 1)), STEPS)
        mean = np.concatenate([(samples[name].mean(axis=0) - exact[name]).ravel() for name in POSTERIOR])
        error = np.concatenate([samples[name].std(axis=0, ddof=1).ravel() for name in POSTERIOR])
        bias[num_samples], z[num_samples] = np.linalg.norm(mean), np.abs(mean / error * np.sqrt(STEPS)).max()
    print(f"bias of rws: {bias[4]:.4f} at K = 4, {bias[32]:.4f} at K = 32; |z| {z[4]:.0f}, {z[32]:.0f}")
    assert z[4] > 10
    assert 4 < bias[4] / bias[32] < 16
