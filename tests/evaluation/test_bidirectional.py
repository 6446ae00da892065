"""The exact value lies between the bounds, and the bounds close in.

Mutations, each seen to break a test here: the upper bound without its minus sign, backward chains from a draw from the
prior, densities of another temperature on the way back, the same simulated examples in every block, a store that is not
heeded.
"""

import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from kit.annealed_gaussian import EXACT, ORACLE, X, build, chains
from kit.marks import tiers
from kit.stats import assert_mean_close, assert_paired_less, assert_paired_not_greater

from tfvae import evaluation
from tfvae.checks import UserError
from tfvae.evaluation import bidirectional, path


@pytest.fixture
def simulated(monkeypatch):
    """Collects the simulated examples."""
    seen, real = [], bidirectional._simulate

    def spy(*arguments):
        z, x = real(*arguments)
        seen.append((z.numpy(), tf.nest.map_structure(np.asarray, x)))
        return z, x

    monkeypatch.setattr(bidirectional, "_simulate", spy)
    return seen


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.mark.slow
def test_the_exact_value_lies_between(model, simulated):
    few, many = (evaluation.bdmc(model, 200, steps, 8, num_leapfrog=4, seed=1) for steps in (2, 30))
    x = np.concatenate([x for _, x in simulated])
    np.testing.assert_array_equal(x[:200], x[200:])
    assert len(simulated) == 2 * 4 and len(np.unique(x[:200], axis=0)) == 200, (
        "each block has examples of its own"
    )
    exact = ORACLE.log_marginal(x[:200])
    for bounds in (few, many):
        assert_paired_not_greater(bounds.lower, exact)
        assert_paired_not_greater(exact, bounds.upper)
    assert few.gap > 5 * few.gap_standard_error
    assert_paired_less(many.upper - many.lower, few.upper - few.lower)
    assert many.gap < 0.3
    assert np.all(few.lower_standard_error > 0) and np.all(few.upper_standard_error > 0)
    z = np.concatenate([z for z, _ in simulated])[:200]
    assert_mean_close(x[:200] - (z @ ORACLE.W.T + ORACLE.b), 0.0)
    assert np.abs(x[:200].std(axis=0) / np.sqrt(np.diag(ORACLE.W @ ORACLE.W.T) + ORACLE.s**2) - 1).max() < 0.3


class Stop(Exception):
    pass


@pytest.mark.slow
def test_blocks_do_not_matter_and_are_not_done_twice(model, simulated, monkeypatch):
    def run(**options):
        return evaluation.bdmc(model, 20, 8, 6, num_leapfrog=3, seed=4, **options)

    whole = run()
    monkeypatch.setattr(bidirectional, "examples_at_once", lambda *_: 7)
    calls, store = [], {}

    def stop(done, count):
        calls.append((done, count))
        if done == 14:
            raise Stop

    with pytest.raises(Stop):
        run(store=store, progress=stop)
    assert calls == [(0, 20), (7, 20), (14, 20)] and sorted(store) == [0, 7]
    store[0] = store[0] + 1.0
    simulated.clear()
    again = run(store=store)
    assert [len(z) for z, _ in simulated] == [6], "the last block alone is left to do"
    blocks = run()
    for name in ("lower", "upper"):
        values, others, before = (getattr(result, name) for result in (again, blocks, whole))
        np.testing.assert_array_equal(values, others + (np.arange(20) < 7))
        np.testing.assert_allclose(others, before, rtol=2e-3)
        assert len(np.unique(before)) == 20


def test_weights_of_the_way_back_are_unbiased(model):
    """E[w'] = 1 / p(x) from exact draws of the posterior."""
    count = 6000
    mean, covariance = ORACLE.posterior(X[:1])
    white = np.random.default_rng(2).standard_normal((count, 2))
    z = tf.constant(mean + white @ np.linalg.cholesky(covariance).T, tf.float32)
    running, x = chains(model, np.repeat(X[:1], count, axis=0), num_chains=3)
    temperatures = path.schedule_of("linear", 24)
    steps = tf.tile(tf.linspace([1.2], [0.5], 23), [1, count])
    up, _ = running.run(x, 0, temperatures, steps)
    assert_mean_close(np.exp(up - EXACT[0]).mean(axis=0), 1.0, smallest_bug=0.1)
    down, acceptance = running.run(x, 0, temperatures[::-1], steps[::-1], z)
    assert 0.3 < acceptance.mean() < 0.95
    ratios = np.exp(down + EXACT[0]).mean(axis=0)
    assert_mean_close(ratios, 1.0, smallest_bug=0.15)


ROWS = ["cvae-column", "ladder-mlp", "cvae-image", "draw-whole"]


@pytest.mark.parametrize("name", tiers(ROWS, fast=(), kept=ROWS[:2]))
def test_bounds_of_models_with_conditions_and_layers(name, simulated):
    model = models.create(name)
    x = models.examples(model, 40)
    condition = models.given(model, x).get("condition")
    bounds = evaluation.bdmc(model, 40, 20, 6, condition=condition, num_leapfrog=3)
    assert abs(bounds.gap) < 5 * bounds.gap_standard_error + 0.1
    data = np.concatenate([np.asarray(batch.x if condition is not None else batch) for _, batch in simulated])
    if condition is not None:
        assert np.all(np.isfinite(data))
        if model.visible is not None:
            np.testing.assert_array_equal(data[:, model.visible], condition[:, model.visible])
    lower = evaluation.log_marginal(model, data if condition is None else (condition, data), 4000)
    assert_paired_not_greater(lower.log_prob, bounds.upper)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"num_examples": 0}, "num_examples is not a positive integer"),
        ({"num_temperatures": 0}, "num_temperatures is not a positive integer"),
        ({"num_chains": -1}, "num_chains is not a positive integer"),
    ],
)
def test_bad_input_is_one_line(model, options, says):
    with pytest.raises(UserError, match=says):
        evaluation.bdmc(model, **options)


def test_each_example_needs_its_condition():
    model = models.create("cvae-label")
    with pytest.raises(UserError, match="num_examples = 100 conditions; received 3"):
        evaluation.bdmc(model, condition=np.eye(3, dtype=np.float32))
    with pytest.raises(UserError, match="condition is missing"):
        evaluation.bdmc(model)
