"""KL warm-up changes the objective, so gradients without a score term have to change with it.

At KL weight beta, w = p(x|z) (p(z) / q(z|x))^beta and the score term is -beta w~: its doubly reparameterised form
weighs beta times what it does at beta = 1. Killed mutations: `_tempered` left out; `kl_weight` squared in it.
"""

import linear_gaussian_model
import numpy as np
import pytest
import step_gradients
from stats import assert_mean_close
from test_gradients import ORACLE, A, C, S, X

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


@pytest.mark.parametrize(("estimator", "plain"), PAIRS)
def test_without_kl_the_score_term_is_nil_and_the_gradients_equal(estimator, plain):
    expected = sample(plain, 0, 1)
    for name, values in sample(estimator, 0, 1).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("options", [{}, {"backward_particles": 3}])
@pytest.mark.parametrize(("estimator", "plain"), PAIRS)
def test_halfway_the_gradients_have_the_same_mean(estimator, plain, options):
    expected = sample(plain, WARM_UP // 2, STEPS)
    for name, values in sample(estimator, WARM_UP // 2, STEPS, **options).items():
        gap, size = values - expected[name], np.abs(expected[name]).mean()
        assert_mean_close(gap, np.zeros(gap.shape[1:]), name=name, smallest_bug=max(0.2, 0.2 * size))
