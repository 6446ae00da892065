"""Score-function estimators against the enumeration of every state; encoder, decoder and prior separately.

Mutations that these tests were seen to kill are run in test_estimator_mutations.py.
"""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import step_gradients
from kit.discrete_checks import KINDS, check, check_nvil, check_rws
from kit.discrete_models import X, build, variables
from kit.enumeration import Enumeration
from kit.stats import assert_mean_close
from scipy import special

from tfvae import evaluation


@pytest.mark.parametrize("kind", [*KINDS, "one-hot-two-layers"])
def test_enumerated_probabilities_sum_to_one_and_agree_with_the_model(kind):
    model = build(kind)
    states = Enumeration(model, X)
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(states.log_posterior()), axis=0), 1.0, rtol=1e-5)
    every_x = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], np.float32)
    assert abs(np.exp(Enumeration(model, every_x).log_marginal()).sum() - 1.0) < 1e-5
    weights = np.unique(model.log_weights(X, 500, seed=1).numpy()[:, 0].round(3))
    exact = (states.log_joint() - states.log_posterior()).numpy()[:, 0]
    assert np.abs(weights[:, np.newaxis] - exact).min(axis=1).max() < 2e-3
    bounds = [states.elbo(), states.iwelbo(2), states.iwelbo(3), states.log_marginal()]
    assert all(np.all(np.asarray(a) < np.asarray(b)) for a, b in itertools.pairwise(bounds))


@pytest.mark.parametrize("kind", KINDS)
def test_reinforce_climbs_the_elbo(kind):
    check(kind, "reinforce", 1)


@pytest.mark.parametrize(("kind", "num_samples"), [("bernoulli", 3), ("two-layers", 2), ("one-hot", 2)])
def test_vimco_climbs_the_importance_weighted_bound(kind, num_samples):
    check(kind, "vimco", num_samples)


@pytest.mark.nightly
@pytest.mark.parametrize(("kind", "num_samples"), [("bernoulli", 2), ("two-layers", 3), ("one-hot", 3)])
def test_vimco_with_other_numbers_of_particles(kind, num_samples):
    check(kind, "vimco", num_samples)


def test_rws_is_wake_sleep_with_the_decoder_on_the_bound():
    check_rws()


def test_nvil_is_unbiased_where_its_scale_is_one():
    assert np.all(check_nvil("bernoulli", 0.2) == 1.0)


def test_nvil_is_unbiased_up_to_its_scale():
    assert np.all(check_nvil("two-layers", 1.5)[1:] > 1.2)


def test_the_first_step_of_nvil_takes_the_statistics_of_its_batch():
    model = build(scale=1.5, estimator="nvil", num_samples=2, seed=3)
    x = np.tile(X, (200, 1))
    state = {"mean": model.baseline.running_mean, "variance": model.baseline.running_variance}
    _, figures = step_gradients.sample(model, x, {}, 3, state=state)
    bounds, decay = figures["bound"], 0.8
    np.testing.assert_allclose(figures["mean"][1], bounds[0], rtol=1e-4)
    np.testing.assert_allclose(figures["mean"][2], decay * bounds[0] + (1 - decay) * bounds[1], rtol=1e-4)
    assert figures["variance"][0] == 1.0 and figures["variance"][1] > 1.2


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword"
)  # Keras on scalars
def test_the_baseline_learns_the_mean_log_weight_of_each_example(tmp_path):
    """All else is frozen."""
    model = build(scale=1.5, estimator="nvil", num_samples=4, seed=3)
    parts = [model.posterior_head, model.likelihood_head, model.prior_head]
    for part in parts:
        part.trainable = False
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 500)))
    frozen = [v.numpy() for v in variables(model).values()]
    model.fit(tf.data.Dataset.from_tensors(np.tile(X, (100, 1))).repeat(500), shuffle=False, verbose=0)
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(frozen, variables(model).values(), strict=True))
    elbo = Enumeration(model, X).elbo().numpy()
    assert abs(elbo[0] - elbo[1]) > 0.5
    learned = (model.baseline(X) + model.baseline.running_mean).numpy()
    np.testing.assert_allclose(learned, elbo, atol=0.3)

    for part in parts:
        part.trainable = True
    model.compile()
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name in ("running_mean", "running_variance"):
        saved = getattr(model.baseline, name).numpy()
        assert saved == getattr(loaded.baseline, name).numpy() and saved not in (0.0, 1.0)
    np.testing.assert_array_equal(loaded.baseline(X), model.baseline(X))


@pytest.mark.parametrize("kind", ["two-layers", "one-hot-two-layers"])
def test_log_marginal_is_the_enumerated_one(kind):
    model = build(kind)
    x = np.tile(X, (10, 1))
    result = evaluation.log_marginal(model, x, num_samples=2000, seed=2)
    exact = np.tile(Enumeration(model, X).log_marginal(), 10)
    assert np.abs((result.log_prob - exact) / result.standard_error).max() < 5
    assert_mean_close(result.log_prob - exact, 0.0, smallest_bug=0.2)


@pytest.mark.parametrize("kind", ["two-layers", "one-hot-two-layers"])
def test_samples_follow_the_enumerated_distribution(kind):
    model = build(kind)
    every_x = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], np.float32)
    exact = np.exp(Enumeration(model, every_x).log_marginal())
    draws = model.sample(40_000, seed=5, mean=False).numpy()
    counts = np.bincount((draws @ [4, 2, 1]).astype(int), minlength=8)
    statistic = np.sum((counts - 40_000 * exact) ** 2 / (40_000 * exact))
    assert statistic < special.chdtri(7, 1e-6)
