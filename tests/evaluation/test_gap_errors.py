"""How log-weights become gaps and standard errors: of q far from q*, where the two have errors of different size.

Mutations, each seen to break a test here: the approximation gap's error from q in place of q*; the inference gap's
from q*; a given log p(x) whose error meets that of the other bound; log p(x) of q in place of q*.
"""

import numpy as np
import pytest
from kit.stats import assert_variance_near_one

from tfvae.evaluation import gap_result
from tfvae.evaluation.per_example import PerExample

K, N = 400, 3000
MEANS, SPREADS = (-3.0, -0.4, 0.2), (2.0, 0.8, 0.3)  # of log-weights of q, of q halfway and of q*
LOG_PROB = MEANS[2] + SPREADS[2] ** 2 / 2  # log E[w] of a log-normal weight
TRUTH = {
    "elbo": MEANS[0],
    "best_elbo": MEANS[2],
    "log_prob": LOG_PROB,
    "inference": LOG_PROB - MEANS[0],
    "approximation": LOG_PROB - MEANS[2],
    "amortization": MEANS[2] - MEANS[0],
    "late_gain": MEANS[2] - MEANS[1],
}


@pytest.fixture(scope="module")
def columns():
    """Log-weights that share part of their noise, as those at the same noise of q do: N independent examples."""
    rng = np.random.default_rng(8)
    shared = rng.standard_normal((K, N))
    own = rng.standard_normal((3, K, N))
    log_weights = [m + s * (0.6 * shared + 0.8 * e) for m, s, e in zip(MEANS, SPREADS, own, strict=True)]
    return dict(zip(gap_result.COLUMNS, gap_result.figures(np.array(log_weights), 0), strict=True))


@pytest.mark.parametrize("name", gap_result.QUANTITIES)
def test_each_error_is_that_of_its_own_quantity(columns, name):
    scores = (columns[name] - TRUTH[name]) / columns[f"{name} error"]
    assert_variance_near_one(scores, mean=0.0, p_value=1e-9, smallest_bug=1.3, name=name)


def test_a_given_value_meets_the_error_of_the_bound_that_it_is_compared_with(columns):
    rng = np.random.default_rng(9)
    error = 0.01 + 0.02 * rng.random(N)
    given = PerExample(LOG_PROB + error * rng.standard_normal(N), error)
    result = gap_result.result_of(columns, given, K, 10)
    assert result.log_prob is given and result.effective_sample_size.tolist() == [K] * N
    for name in ("inference", "approximation"):
        part = getattr(result, name)
        scores = (part.values - TRUTH[name]) / part.standard_error
        assert_variance_near_one(scores, mean=0.0, p_value=1e-9, smallest_bug=1.3, name=name)
    np.testing.assert_array_equal(result.amortization.values, columns["amortization"])
