"""log p(x) by importance sampling against numerical integration over a 2-D latent, for every posterior and prior.

Mutation, seen to break a test here: the log-determinant of a posterior's map with the other sign.
"""

import flexible
import numpy as np
import pytest

from tfvae import evaluation

PAIRS = [
    *((posterior, "standard") for posterior in flexible.POSTERIORS),
    *(("diagonal", prior) for prior in flexible.PRIORS if prior != "standard"),
    ("iaf", "realnvp"),
    ("realnvp", "vamp"),
]


FAST = {("iaf", "standard"), ("diagonal", "vamp")}


@pytest.mark.parametrize(
    ("posterior", "prior"), [pytest.param(*p, marks=() if p in FAST else pytest.mark.slow) for p in PAIRS]
)
def test_log_marginal_is_the_integral(posterior, prior):
    model = flexible.widen(flexible.build(posterior, prior))
    x = 0.5 * flexible.X
    exact = flexible.log_marginal(model, x)
    result = evaluation.log_marginal(model, x, num_samples=30_000, seed=1)
    z = (result.log_prob - exact) / result.standard_error
    assert np.abs(z).max() < 5
    assert result.standard_error.max() < 0.03
    assert (result.effective_sample_size > 500).all()
