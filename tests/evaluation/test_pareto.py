"""The shape of the weights' tail: against ArviZ, against models whose tail is known, and as a judge of estimates.

A q with r times the scale of a two-dimensional Normal posterior has weights whose tail is exactly Pareto, k = 1 - r^2.

Kills: the tail without its threshold, a tail cut from each block instead of the whole, K / 5 for 3 sqrt(K), no
shrinking towards 1/2, the threshold applied to each example's fit alone (the
examples that pass at r = 0.5 are then up to ten standard errors off).
"""

import numpy as np
import pytest
from kit import linear_gaussian_model
from kit.annealed_gaussian import COVARIANCE, ORACLE, A, examples
from kit.stats import assert_mean_close, assert_variance_near_one
from scipy import linalg

from tfvae import evaluation
from tfvae.evaluation import importance, pareto
from tfvae.evaluation.traced import KEPT

X = examples(80)
EXACT = ORACLE.log_marginal(X)
K = 2000
DRAWN = np.random.default_rng(7)
LOG_WEIGHTS = {
    "normal": 2.0 * DRAWN.normal(size=1000),
    "heavy": 0.9 * DRAWN.exponential(size=5000),
    "bounded": np.log(DRAWN.uniform(size=400)),
    "few": DRAWN.standard_t(3, size=100),
    "very heavy": 3.0 * DRAWN.normal(size=2000),
}
ARVIZ = {  # arviz-stats 0.8.0, `array_stats._psislw(-log_weights, r_eff=1)`: k, log of the mean smoothed weight
    "normal": (0.48975238969120904, 1.5419477321884756),
    "heavy": (0.7514987411796359, 1.813240423981826),
    "bounded": (-0.8832817814947856, -0.6666411584423706),
    "few": (0.6862676118443104, 0.8008509748388661),
    "very heavy": (1.1604116566718163, 4.1892639809347525),
}


@pytest.fixture(scope="module")
def off_by():
    """Returns the model whose q has r times the posterior's scale."""
    root = linalg.cholesky(COVARIANCE, lower=True)
    return lambda r: linear_gaussian_model.build(ORACLE, A, -A @ ORACLE.b, r * root)


@pytest.fixture(scope="module")
def runs(off_by):
    """For each r, from good to hopeless, five estimates of the same examples."""
    scales = (0.95, 0.8, 0.65, 0.5, 0.35)
    return {
        r: [evaluation.log_marginal(model, X, K, seed=seed) for seed in range(5)]
        for r in scales
        for model in [off_by(r)]
    }


def joined(runs, what):
    return np.concatenate([what(run) for run in runs])


@pytest.mark.parametrize("name", ARVIZ)
def test_it_is_what_arviz_has(name):
    log_weights = LOG_WEIGHTS[name]
    count, top = len(log_weights), log_weights.max()
    tail = np.sort(log_weights)[::-1][: 1 + pareto.tail_size(count)]
    k, smoothed = pareto.smooth(tail, count)
    assert np.all(np.diff(smoothed) <= 0) and smoothed[0] <= top
    body = np.exp(log_weights - top).sum() - np.exp(tail[:-1] - top).sum()
    log_mean = top + np.log((body + np.exp(smoothed - top).sum()) / count)
    np.testing.assert_allclose((k, log_mean), ARVIZ[name], rtol=1e-9)


@pytest.mark.slow
def test_the_shape_is_that_of_the_weights(runs):
    tail = pareto.tail_size(K)
    for r in (0.8, 0.65, 0.5):
        expected = (tail * (1.0 - r**2) + 5.0) / (tail + 10.0)
        shapes = joined(runs[r], lambda run: run.pareto_k)
        assert_mean_close(shapes, expected, max_z=4.0, smallest_bug=0.05)
        assert abs(shapes.std() / ((2.0 - r**2) / np.sqrt(tail)) - 1.0) < 0.2


def test_examples_that_pass_have_honest_errors_and_those_that_fail_are_flagged(runs):
    flagged = {r: 1.0 - joined(run, lambda one: one.reliable).mean() for r, run in runs.items()}
    z = {
        r: joined(run, lambda one: ((one.log_prob - EXACT) / one.standard_error)[one.reliable])
        for r, run in runs.items()
    }
    assert_variance_near_one(z[0.95], mean=0.0)
    assert np.abs(z[0.8]).max() < 5 and z[0.8].std() < 1.15
    assert z[0.65].mean() > -1.0 and z[0.65].std() < 1.4
    assert flagged[0.95] == 0.0 and flagged[0.8] < 0.02 and 0.05 < flagged[0.65] < 0.4
    assert flagged[0.5] == flagged[0.35] == 1.0
    worst = joined(runs[0.35], lambda run: (run.log_prob - EXACT) / run.standard_error)
    assert worst.min() < -10  # what went by without a word where only the effective sample size was looked at


def test_smoothed_weights_scatter_less(off_by, runs):
    model = off_by(0.65)
    smoothed = [evaluation.log_marginal(model, X, K, seed=seed, smooth=True) for seed in range(5)]
    errors = [joined(each, lambda run: (run.log_prob - EXACT) ** 2) for each in (runs[0.65], smoothed)]
    assert errors[1].mean() < 0.5 * errors[0].mean()
    np.testing.assert_array_equal(smoothed[0].pareto_k, runs[0.65][0].pareto_k)


def test_blocks_keep_the_whole_tail(off_by, monkeypatch):
    model, seen = off_by(0.65), []
    monkeypatch.setattr(importance, "NUMBERS_PER_BLOCK", 16 * 77 * 4)
    real = pareto.smooth
    monkeypatch.setattr(importance, "smooth_tail", lambda tail, count: seen.append(tail) or real(tail, count))
    evaluation.log_marginal(model, X[:16], 700)
    blocks = []
    monkeypatch.setattr(pareto, "tail_size", lambda count: count - 1)
    monkeypatch.setattr(importance, "tail_size", lambda count: count - 1)
    monkeypatch.setattr(
        importance, "smooth_tail", lambda tail, count: blocks.append(tail) or (0.0, tail[:-1])
    )
    del vars(model)[KEPT]["log_marginal"]
    evaluation.log_marginal(model, X[:16], 700)
    assert all(len(np.unique(everything)) > 690 for everything in blocks)
    for tail, everything in zip(seen, blocks, strict=True):
        np.testing.assert_array_equal(tail, everything[: len(tail)])
        assert len(tail) == 1 + int(3 * np.sqrt(700))


def test_tails_that_tell_nothing():
    k, smoothed = pareto.smooth(np.zeros(13), 60)
    assert k == -np.inf and smoothed.shape == (12,)
    few = pareto.smooth(np.array([3.0, 2.0, 1.0]), 12)[0]
    tied = pareto.smooth(np.array([2.0, 1.0] + 12 * [0.0]), 65)[0]
    assert np.isnan(few) and np.isnan(tied)
    atom = pareto.smooth(np.array(40 * [1.0] + 6 * [0.0]), 225)
    assert atom[0] < 0 and atom[1].max() == 1.0
    lost = pareto.smooth(np.array(8 * [0.0] + 5 * [-np.inf]), 60)
    assert np.isfinite(lost[0]) and lost[1][-1] == -np.inf


def test_one_example_is_judged_by_its_own_tail_and_exact_ones_always_pass():
    np.testing.assert_array_equal(pareto.reliable(np.array([0.3]), K), [True])
    np.testing.assert_array_equal(pareto.reliable(np.array([np.nan, -np.inf]), 20), [False, True])
    np.testing.assert_array_equal(pareto.reliable(np.array([-np.inf]), 1), [True])
    assert pareto.threshold(100) == pytest.approx(0.5) and pareto.threshold(10**6) == 0.7
