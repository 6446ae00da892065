"""KL warm-up changes the objective, so gradients without a score term have to change with it.

At KL weight beta, w = p(x|z) (p(z) / q(z|x))^beta and the score term is -beta w~: its doubly reparameterised form
weighs beta times what it does at beta = 1. The wake phase has no score term of the bound: its encoder climbs
sum_k w~_k log q(z_k|x) with the w~ of these weights. Killed mutations: `_tempered` left out; `kl_weight` squared in it;
the path weights of `rws-dreg` tempered; log q left at full weight in what it weighs.
"""

import numpy as np
import pytest
from kit import linear_gaussian_model, step_gradients
from kit.gradient_checks import ORACLE, A, C, S, X
from kit.stats import assert_mean_close
from scipy import special

K, COPIES, STEPS, WARM_UP = 4, 500, 60, 1_000_000
PAIRS = [
    ("dreg", "iwae"),
    ({"name": "vr-iwae-dreg", "alpha": 0.4}, {"name": "vr-iwae", "alpha": 0.4}),
    ("stl", "elbo"),
]


def sample(estimator, first, steps, **options):
    """Gradients at steps first, first + 1, ..., whose KL weights are first / WARM_UP within 1e-4."""
    model = linear_gaussian_model.build(
        ORACLE, A, C, S, estimator=estimator, num_samples=K, kl_warmup_steps=WARM_UP, seed=3, **options
    )
    variables = linear_gaussian_model.parameters(model)
    return step_gradients.sample(model, np.tile(X, (COPIES, 1)), variables, steps, first=first)[0]


def wake(beta, count=20_000):
    """E sum_k w~_k d log q(z_k|x), w~ = softmax_k(log w), by brute force in NumPy: pairs of mean and standard error."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((count, K, *(X @ A.T).shape))
    z = X @ A.T + C + S * noise
    log_q = np.sum(-0.5 * noise**2 - np.log(S), axis=-1)
    log_prior = -0.5 * np.sum(z**2, axis=-1)
    error = (X - z @ ORACLE.W.T - ORACLE.b) / ORACLE.s
    log_weights = -0.5 * np.sum(error**2, axis=-1) + beta * (log_prior - log_q)
    weight = special.softmax(log_weights, axis=1)[..., np.newaxis]
    by_loc, by_log_scale = np.sum(weight * noise / S, axis=1), np.sum(weight * (noise**2 - 1), axis=1)
    draws = {
        "A": np.swapaxes(by_loc, 1, 2) @ X / len(X),
        "c": by_loc.mean(axis=1),
        "log_diag_S": by_log_scale.mean(axis=1),
    }
    return {name: (v.mean(axis=0), v.std(axis=0) / np.sqrt(count)) for name, v in draws.items()}


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_wake_phase_has_the_weights_of_the_tempered_objective(share):
    samples, expected = sample("rws-dreg", int(share * WARM_UP), STEPS), wake(share)
    untempered = wake(1.0)
    told = 0.0
    for name, (mean, error) in expected.items():
        values = samples[name].swapaxes(1, 2) if name == "A" else samples[name]
        spread = np.hypot(values.std(axis=0, ddof=1) / np.sqrt(STEPS), error)
        assert np.abs((values.mean(axis=0) - mean) / spread).max() < 5, name
        told = max(told, np.abs((untempered[name][0] - mean) / spread).max())
    assert told > 10, "or the weights could not be told from those of beta = 1"


@pytest.mark.parametrize(("estimator", "plain"), PAIRS)
def test_without_kl_the_score_term_is_nil_and_the_gradients_equal(estimator, plain):
    expected = sample(plain, 0, 1)
    for name, values in sample(estimator, 0, 1).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


FEW = {"backward_particles": 3}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "plain", "options"),
    [
        *((*pair, {}) for pair in PAIRS),
        (*PAIRS[0], FEW),
        *(pytest.param(*pair, FEW, marks=pytest.mark.nightly) for pair in PAIRS[1:]),
    ],
)
def test_halfway_the_gradients_have_the_same_mean(estimator, plain, options):
    expected = sample(plain, WARM_UP // 2, STEPS)
    for name, values in sample(estimator, WARM_UP // 2, STEPS, **options).items():
        gap, size = values - expected[name], np.abs(expected[name]).mean()
        assert_mean_close(gap, np.zeros(gap.shape[1:]), name=name, smallest_bug=max(0.2, 0.2 * size))
