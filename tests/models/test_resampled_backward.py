"""A backward pass through m of K particles: the same mean, the same metrics.

Mutations that these tests were seen to kill are run in test_estimator_mutations.py.
"""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.resampling_checks import K, check, check_draw, spec

import tfvae
from tfvae import estimators
from tfvae.checks import UserError
from tfvae.estimators.base import Baseline, Terms
from tfvae.models import resampling

RESAMPLED = [row for row in estimators.TABLE if row.can_resample]
CONTINUOUS = [row.name for row in RESAMPLED if row.latents != "discrete"]
DISCRETE = [row.name for row in RESAMPLED if row.latents != "continuous"]
FEW = [("iwae", 3), ("dreg", 1)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "backward"), FEW)
def test_gradients_have_the_same_mean_and_metrics_are_the_same(name, backward):
    check(name, backward)


@pytest.mark.nightly
@pytest.mark.parametrize(("backward", "name"), list(zip(itertools.cycle([1, 3]), CONTINUOUS, strict=False)))
def test_every_continuous_row(name, backward):
    check(name, backward)


def test_a_learned_baseline_learns_the_same():
    check("nvil", 3, "discrete")


@pytest.mark.nightly
@pytest.mark.parametrize(("backward", "name"), list(zip(itertools.cycle([1, 3]), DISCRETE, strict=False)))
def test_every_discrete_row(name, backward):
    check(name, backward, "discrete")


def terms_of(row, log_weights):
    estimator = estimators.get(spec(row.name))
    return estimator(log_weights, *[Baseline(0.3, 2.0)] * estimator.baseline)


LOG_WEIGHTS = tf.constant(np.random.default_rng(4).normal(size=(K, 3)), tf.float32)


@pytest.mark.parametrize("row", RESAMPLED, ids=lambda row: row.name)
def test_picked_weights_have_the_mean_of_all_weights(row):
    """Exactly, m = 1: sum_k model[k] (what picking k gives) is what all K particles would have given."""
    terms = terms_of(row, LOG_WEIGHTS)
    np.testing.assert_allclose(tf.reduce_sum(terms.model, axis=0), 1.0, rtol=1e-5)
    alone = [resampling.pick(terms, tf.fill([1, 3], k)) for k in range(K)]
    for part in ("model", "path", "score"):
        expected = getattr(terms, part)
        if expected is None:
            assert getattr(alone[0], part) is None
            continue
        picked = tf.concat([getattr(one, part) for one in alone], axis=0)
        np.testing.assert_allclose(terms.model * picked, expected, rtol=1e-5, atol=1e-7)
    for one in alone:
        np.testing.assert_array_equal(one.bound, terms.bound)


@pytest.mark.parametrize("row", estimators.TABLE, ids=lambda row: row.name)
def test_a_row_says_whether_particles_can_be_drawn_by_their_model_weights(row):
    found = True
    for hopeless in (1, K // 2):  # one particle; one group of two
        terms = terms_of(row, LOG_WEIGHTS - 300.0 * np.float32(np.arange(K) < hopeless)[:, np.newaxis])
        others = [weight for weight in (terms.path, terms.score) if weight is not None]
        left = max(float(tf.reduce_max(tf.abs(weight[0]))) for weight in others)
        found = found and bool(tf.reduce_min(terms.model) >= 0)
        found = found and (float(tf.reduce_max(terms.model[0])) > 0 or left < 1e-12)
    assert found == row.can_resample


def test_pick_divides_by_m_and_by_the_model_weight():
    weights = tf.constant([[0.5, 0.2], [0.3, 0.8], [0.2, 0.0]])
    terms = Terms(tf.constant([1.0, 2.0]), model=weights, path=weights**2, score=-3.0 * weights)
    picked = resampling.pick(terms, tf.constant([[0, 1], [2, 1]]))
    np.testing.assert_allclose(picked.model, np.full((2, 2), 0.5))
    np.testing.assert_allclose(picked.path, [[0.25, 0.4], [0.1, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(picked.score, np.full((2, 2), -1.5), rtol=1e-6)
    shared = resampling.pick(terms._replace(path=weights, score=None), tf.constant([[0, 1], [2, 1]]))
    assert shared.path is shared.model and shared.score is None


def test_draw_follows_the_weights():
    check_draw()


def test_draw_takes_all_particles_when_m_is_k_and_weights_are_uniform():
    uniforms = np.random.default_rng(1).uniform(0.01, 0.99, (K, 50)).astype(np.float32)
    index = resampling.draw(tf.fill([K, 50], 1.0 / K), uniforms).numpy()
    np.testing.assert_array_equal(np.sort(index, axis=0), np.tile(np.arange(K)[:, None], 50))


def test_draw_never_leaves_the_particles():
    """Uniforms that round up to 1, and weights that do not quite sum to 1."""
    weights = tf.constant([[0.3, 0.0], [0.699, 1.0]])
    index = resampling.draw(weights, tf.constant([[1.0, 1.0], [0.0, 0.0]])).numpy()
    assert index.min() >= 0 and index.max() <= 1


def test_layers_that_mix_particles_or_draw_noise_are_refused():
    """Kills: batch moments of K particles forward and of m backward, two masks of one dropout layer."""
    for layer in (keras.layers.BatchNormalization(), keras.layers.Dropout(0.1)):
        decoder = keras.Sequential([keras.layers.Dense(4), layer])
        model = tfvae.IWAE(
            keras.layers.Identity(),
            decoder,
            posterior=tfvae.distributions.DiagonalNormal(2),
            likelihood=tfvae.distributions.Normal(3),
            num_samples=4,
            backward_particles=2,
        )
        with pytest.raises(UserError, match="treat each particle alone"):
            model.compile()
