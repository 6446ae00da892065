"""log p(x) by annealed importance sampling against exact values, whatever q is.

Mutations, each seen to break a test here: weights taken after the transition, the transition of one temperature with
the density of the next, the last weight left out, transitions or examples that share noise, log C left out, a store
that is not heeded, a pilot with the chains' noise, log(2 pi) / 2 left out for one unit of a layer, the acceptance of
T - 1 transitions divided by T.
"""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from kit.annealed_gaussian import EXACT, ORACLE, A, C, S, X, build, chains
from kit.marks import tiers
from kit.stats import assert_mean_close, assert_paired_less

from tfvae import evaluation, random
from tfvae.checks import UserError
from tfvae.evaluation import annealing, path
from tfvae.evaluation.estimate import of_log_weights

module = importlib.import_module("tfvae.evaluation.ais")  # the package's name of it is the function


@pytest.fixture(scope="module")
def model():
    return build()


def assert_exact(result, exact=EXACT):
    z = (result.log_prob - exact) / result.standard_error
    assert np.abs(z).max() < 5
    assert abs(result.nll + exact.mean()) < 5 * result.monte_carlo_standard_error
    assert result.monte_carlo_standard_error < 0.05


@pytest.mark.parametrize("init", tiers(["prior", "posterior"], fast=["prior"]))
def test_it_is_the_exact_value(model, init):
    result = evaluation.ais(model, X, 30, 50, init=init, num_leapfrog=4)
    assert_exact(result)
    assert result.effective_sample_size.min() > 10
    assert np.all((result.acceptance > 0.4) & (result.acceptance < 0.9))
    assert np.all(result.mean_log_weight < result.log_prob)
    assert (result.num_temperatures, result.num_chains) == (30, 50)


def test_a_far_too_narrow_q_misleads_importance_sampling_alone(model):
    narrow = build(0.02)
    importance = evaluation.log_marginal(narrow, X, num_samples=1000)
    assert np.mean(importance.log_prob - EXACT) < -2
    assert np.median(importance.effective_sample_size) < 30
    from_prior = evaluation.ais(narrow, X, 30, 50, num_leapfrog=4)
    assert_exact(from_prior)
    np.testing.assert_array_equal(
        from_prior.log_prob, evaluation.ais(model, X, 30, 50, num_leapfrog=4).log_prob
    )


@pytest.mark.slow
def test_from_a_far_too_narrow_q_chains_come_part_of_the_way():
    narrow = build(0.02)
    at_once, slowly = (
        evaluation.ais(narrow, X, steps, 50, init="posterior", num_leapfrog=4) for steps in (1, 60)
    )
    assert_paired_less(at_once.log_prob, slowly.log_prob)
    assert np.mean(slowly.log_prob - EXACT) > 0.5 * np.mean(at_once.log_prob - EXACT)
    assert np.median(slowly.effective_sample_size) < 25  # of 50, which says that they have not arrived


@pytest.mark.parametrize("init", tiers(["prior", "posterior"], fast=["prior"]))
def test_weights_are_unbiased(model, init):
    """E[w] = p(x) whatever the steps are: here long ones, and few temperatures."""
    running, x = chains(model, X[:2], init=init, num_chains=60_000)
    scale = 0.9 if init == "prior" else 0.6
    temperatures = np.array([0.0, 0.1, 0.35, 1.0])
    log_weights, acceptance = running.run(x, 0, temperatures, tf.fill([2, 2], scale))
    assert np.all((acceptance > 0.3) & (acceptance < 0.95))
    assert_mean_close(np.exp(log_weights - EXACT[:2]), 1.0, smallest_bug=0.05)


def test_weights_with_the_pilots_steps_are_unbiased(model):
    running, x = chains(model, np.repeat(X[:1], 4000, axis=0), num_chains=4)
    temperatures = path.schedule_of("linear", 5)
    log_weights, _ = running.run(x, 0, temperatures, running.step_sizes(x, 0, temperatures))
    assert_mean_close(np.exp(log_weights - EXACT[0]).mean(axis=0), 1.0, smallest_bug=0.1)


def test_the_pilot_has_noise_of_its_own(model):
    running, x = chains(model, X, num_chains=annealing.PILOT_CHAINS)
    starts, seeds = [], []

    def spied(function, seen):
        def spy(*arguments):
            result = function(*arguments)
            seen(arguments, result)
            return result

        return spy

    running._beginning = spied(running._beginning, lambda _, point: starts.append(point.z.numpy()))
    for name in ("_tuning", "_moving"):
        seen = lambda arguments, _: seeds.append(arguments[1][1].numpy().tolist())  # noqa: E731
        setattr(running, name, spied(getattr(running, name), seen))
    temperatures = path.schedule_of("linear", 4)
    running.run(x, 0, temperatures, running.step_sizes(x, 0, temperatures))
    pilot, own = starts
    assert pilot.shape == own.shape and not np.isin(pilot, own).any()
    assert seeds[0] != seeds[-1] and len({tuple(seed) for seed in seeds}) == 2


def test_one_temperature_is_importance_sampling(model):
    result = evaluation.ais(model, X, 1, 2000, init="posterior")
    assert_exact(result)
    assert np.isnan(result.acceptance).all()
    np.testing.assert_allclose(result.mean_log_weight, ORACLE.elbo(X, A, C, S), atol=0.2)


def test_the_acceptance_is_a_mean_over_the_transitions(model):
    """Of tiny steps all are accepted: the mean is 1, though T temperatures have T - 1 transitions."""
    running, x = chains(model, X[:3], num_chains=2)
    for count in (2, 5):
        temperatures = path.schedule_of("linear", count)
        _, acceptance = running.run(x, 0, temperatures, tf.fill([count - 1, 3], 1e-3))
        np.testing.assert_allclose(acceptance, 1.0, atol=1e-3)


class Stop(Exception):
    pass


@pytest.mark.slow
def test_blocks_do_not_matter_and_are_not_done_twice(model, monkeypatch):
    run = {"num_temperatures": 8, "num_chains": 6, "num_leapfrog": 3, "seed": 4}
    whole = evaluation.ais(model, X, **run)
    monkeypatch.setattr(module, "NUMBERS_PER_BLOCK", 7 * 6 * 4)
    calls, store = [], {}

    def stop(done, count):
        calls.append((done, count))
        if done == 14:
            raise Stop

    with pytest.raises(Stop):
        evaluation.ais(model, X, **run, store=store, progress=stop)
    assert calls == [(0, 20), (7, 20), (14, 20)] and sorted(store) == [0, 7]
    store[0] = store[0] + 0.0
    store[0][0] += 1.0
    again = evaluation.ais(model, X, **run, store=store)
    blocks = evaluation.ais(model, X, **run)
    np.testing.assert_array_equal(again.log_prob[:7], blocks.log_prob[:7] + 1.0)
    np.testing.assert_array_equal(again.log_prob[7:], blocks.log_prob[7:])
    np.testing.assert_allclose(blocks.log_prob, whole.log_prob, rtol=1e-4)
    np.testing.assert_allclose(blocks.acceptance, whole.acceptance, atol=1e-3)
    assert len(np.unique(whole.log_prob)) == 20


def test_a_nan_is_reported_with_its_example(model):
    broken = X.copy()
    broken[13, 1] = np.nan
    with pytest.raises(UserError, match="example 13"):
        evaluation.ais(model, broken, 3, 6, num_leapfrog=3)


def test_schedules():
    np.testing.assert_allclose(path.schedule_of("linear", 4), [0, 0.25, 0.5, 0.75, 1])
    sigmoid = path.schedule_of("sigmoid", 10)
    assert sigmoid[0] == 0 and sigmoid[-1] == 1 and np.all(np.diff(sigmoid) > 0)
    np.testing.assert_allclose(sigmoid + sigmoid[::-1], 1.0, atol=1e-6)
    ends = 1 / (1 + np.exp(4.0)), 1 / (1 + np.exp(-4.0))
    np.testing.assert_allclose(sigmoid[3], (1 / (1 + np.exp(1.6)) - ends[0]) / (ends[1] - ends[0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"num_temperatures": 0}, "num_temperatures is not a positive integer"),
        ({"num_temperatures": -3}, "num_temperatures is not a positive integer"),
        ({"num_chains": 0}, "num_chains is not a positive integer"),
        ({"num_leapfrog": 0}, "num_leapfrog is not a positive integer"),
        ({"init": "nowhere"}, "unknown init"),
        ({"schedule": "nothing"}, "unknown schedule"),
        ({"seed": 2**31}, "seed is not a 32-bit integer"),
        ({"data": X[:0]}, "there are no examples"),
        ({"data": X[:, :3]}, "wrong shape"),
    ],
)
def test_bad_input_is_one_line(model, options, says):
    with pytest.raises(UserError, match=says) as caught:
        evaluation.ais(model, **{"data": X} | options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "init", "says"),
    [
        ("discrete-linear", "prior", "DiscreteVAE with discrete latents; .*--method importance"),
        ("regressor-label", "prior", "Regressor with no latents; .*exact"),
        ("iwae-autoregressive-mixture", "posterior", 'init="prior"'),
    ],
)
def test_models_that_cannot_be_annealed_are_told_what_can_be_done(name, init, says):
    unfit = models.create(name)
    for run in (lambda: evaluation.ais(unfit, X, init=init), lambda: evaluation.bdmc(unfit, init=init)):
        with pytest.raises(UserError, match=says) as caught:
            run()
        assert "\n" not in str(caught.value)


def from_prior(model, x, given, count=10_000):
    """Returns log mean_k p(x|z_k), z_k drawn from p(z), and its standard error, [N] each."""
    columns = []
    for row in range(len(x)):
        repeated = {name: np.repeat(values[row : row + 1], count, axis=0) for name, values in given.items()}
        z = model.sample_latents(random.PhiloxNoise(random.fold(9, row), count), **repeated)
        seen = model.unseen(x[row : row + 1]) if given else x[row : row + 1]
        log_weights = model.likelihood(z, **repeated).log_prob(seen).numpy().astype(np.float64)
        columns.append(of_log_weights(log_weights[:, np.newaxis], row)[:2, 0])
    return np.transpose(columns)


ROWS = [
    ("hierarchical-mlp", "prior"),
    ("hierarchical-mlp", "posterior"),
    ("ladder-mlp", "prior"),
    ("ladder-mlp", "posterior"),
    ("draw-whole", "prior"),
    ("draw-whole", "posterior"),
    ("cvae-column", "prior"),
    ("cvae-column", "posterior"),
    ("cvae-image", "prior"),
    ("iwae-autoregressive-mixture", "prior"),
    ("vae-householder-vamp", "prior"),
    ("iwae-coupling", "posterior"),
    ("vae-conv", "prior"),
]
FAST = [("cvae-column", "prior")]
KEPT = [  # each class of model, each way to begin, and the flexible heads
    ("hierarchical-mlp", "posterior"),
    ("ladder-mlp", "prior"),
    ("draw-whole", "prior"),
    ("cvae-column", "posterior"),
    ("iwae-autoregressive-mixture", "prior"),
    ("iwae-coupling", "posterior"),
]


@pytest.mark.parametrize(("name", "init"), tiers(ROWS, fast=FAST, kept=KEPT))
def test_it_agrees_with_draws_from_the_prior_for_every_kind_of_model(name, init):
    row = models.create(name)
    x = models.examples(row, 4)
    given = models.given(row, x)
    exact, error = from_prior(row, x, given)
    result = evaluation.ais(row, (given["condition"], x) if given else x, 12, 60, init=init, num_leapfrog=3)
    error = np.hypot(result.standard_error, error)
    assert np.abs((result.log_prob - exact) / error).max() < 5
    off, of_mean = np.mean(result.log_prob - exact), np.sqrt(np.sum(error**2)) / len(error)
    assert abs(off) < 5 * of_mean < 0.5 * np.log(2 * np.pi), (off, of_mean)
