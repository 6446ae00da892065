"""Mixture priors against TFP, their samples, and the posteriors that a VampPrior mixes.

Mutations, each seen to break a test here: the weights' logarithm left out, logits for log-weights, pseudo-inputs not
clipped, log C left out, pseudo-inputs encoded as in training.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.stats import assert_chi_square_uniform, assert_mean_close

from tfvae import VAE, HierarchicalVAE, random
from tfvae.checks import UserError
from tfvae.distributions import (
    Bernoulli,
    DiagonalNormal,
    FullCovarianceNormal,
    HouseholderNormal,
    InverseAutoregressiveFlow,
    MixturePrior,
    Normal,
    RealNVP,
    VampPrior,
)

tfd = tfp.distributions
C, SIZE, EVENT = 4, 2, (3, 2)


def mixture():
    head = MixturePrior(SIZE, components=C)
    head.build()
    rng = np.random.default_rng(1)
    for variable in head.trainable_variables:
        variable.assign(0.7 * rng.standard_normal(variable.shape))
    return head


def model_of(prior, posterior=None, encoder=None):
    keras.utils.set_random_seed(2)
    posterior = posterior or DiagonalNormal(SIZE)
    encoder = encoder or keras.layers.Flatten()
    model = VAE(
        encoder, keras.layers.Identity(), posterior=posterior, likelihood=Bernoulli(EVENT), prior=prior
    )
    model.build()
    return model


def draws(head, count):
    noise = head.noise_from(random.ThreefryNoise(random.row_seeds(5, count)), "prior")
    assert noise.shape == (1, count, head.noise_size)
    return head.sample(head.parameters(), noise[0]).numpy().astype(np.float64)


def test_a_mixture_is_that_of_tfp():
    head = mixture()
    logits, locs, log_scales = (tf.convert_to_tensor(v) for v in head.trainable_variables)
    expected = tfd.MixtureSameFamily(
        tfd.Categorical(logits), tfd.MultivariateNormalDiag(locs, tf.exp(log_scales))
    )
    z = tf.constant(np.random.default_rng(3).standard_normal((5, 7, SIZE)), tf.float32)
    p = head.parameters()
    np.testing.assert_allclose(head.log_prob(p, z), expected.log_prob(z), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(head.distribution(p).log_prob(z), expected.log_prob(z), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(head.mean(p), expected.mean(), rtol=1e-5)
    x = draws(head, 40_000)
    mean, covariance = expected.mean().numpy().astype(float), expected.covariance().numpy().astype(float)
    assert_mean_close(x, mean, smallest_bug=0.1)
    centred = x - mean
    assert_mean_close(centred[:, :, np.newaxis] * centred[:, np.newaxis], covariance, smallest_bug=0.2)


def test_components_are_drawn_by_their_weights_and_independently_of_what_is_drawn_from_them():
    head = MixturePrior(1, components=5)
    head.build()
    head.locs.assign(100.0 * np.arange(5.0)[:, np.newaxis])
    x = draws(head, 20_000)[:, 0]
    index = np.round(x / 100).astype(int)
    assert_chi_square_uniform(np.bincount(index, minlength=5))
    rest = x - 100 * index
    for component in range(5):
        assert_mean_close(rest[index == component], 0.0, smallest_bug=0.2)
        assert_mean_close(rest[index == component] ** 2, 1.0, smallest_bug=0.3)
    head.logits.assign([-40.0, 0.0, -40.0, -40.0, -40.0])
    assert set(np.round(draws(head, 1000)[:, 0] / 100)) == {1}


def test_a_mixture_starts_with_equal_weights_and_scales_of_one():
    head = MixturePrior(3, components=50, spread=2.0)
    head.build()
    log_weights, locs, scales = head.parameters()
    np.testing.assert_allclose(log_weights, -np.log(50), rtol=1e-6)
    np.testing.assert_array_equal(scales, np.ones((50, 3)))
    assert 1.5 < np.std(locs) < 2.5


@pytest.mark.parametrize(
    "posterior",
    [
        lambda: DiagonalNormal(SIZE),
        lambda: FullCovarianceNormal(SIZE),
        lambda: HouseholderNormal(SIZE),
        lambda: RealNVP(SIZE, couplings=2, hidden_size=5, context_size=2),
    ],
    ids=["diagonal", "full", "householder", "realnvp"],
)
def test_a_vamp_prior_is_the_mean_of_the_posteriors_at_its_pseudo_inputs(posterior):
    prior = VampPrior(SIZE, EVENT, components=C)
    model = model_of(prior, posterior())
    rng = np.random.default_rng(4)
    for variable in model.trainable_variables:
        variable.assign(0.6 * rng.standard_normal(variable.shape))
    pseudo = prior.pseudo_inputs().numpy()
    assert pseudo.min() == 0.0 and pseudo.max() <= 1.0 and prior.raw.numpy().min() < 0
    z = tf.constant(rng.standard_normal((5, 7, SIZE)), tf.float32)
    each = np.stack([model.posterior(pseudo[c : c + 1]).log_prob(z[..., tf.newaxis, :]) for c in range(C)])
    expected = np.log(np.mean(np.exp(each[..., 0].astype(float)), axis=0))
    p = prior.parameters()
    np.testing.assert_allclose(prior.log_prob(p, z), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(model.prior().log_prob(z), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(prior.mean(p), np.mean(model.encode(pseudo), axis=0), rtol=1e-4, atol=1e-5)
    x = draws(prior, 20_000)
    from_tfp = model.posterior(np.repeat(pseudo, 5000, axis=0)).sample(seed=(1, 2)).numpy().astype(float)
    gap = x.mean(axis=0) - from_tfp.mean(axis=0)
    assert np.abs(gap / np.sqrt((x.var(axis=0) + from_tfp.var(axis=0)) / 20_000)).max() < 5


def test_gradients_reach_the_encoder_and_the_pseudo_inputs_inside_the_range():
    prior = VampPrior(SIZE, EVENT, components=C, initial=np.full((C, *EVENT), 0.5))
    model = model_of(prior)
    raw = np.full((C, *EVENT), 0.5, np.float32)
    raw[0, 0, 0], raw[1, 0, 0] = -0.1, 1.1
    prior.raw.assign(raw)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(prior.log_prob(prior.parameters(), tf.ones((1, SIZE))))
    kernel = model.posterior_head.loc_layer.linear.kernel
    to_raw, to_kernel = tape.gradient(total, [prior.raw.value, kernel.value])
    dead = np.argwhere(to_raw.numpy() == 0).tolist()
    assert dead == [[0, 0, 0], [1, 0, 0]]
    assert np.abs(to_kernel).max() > 0


def test_in_training_pseudo_inputs_are_encoded_as_in_evaluation():
    """Without dropout, by the moving averages, which move with the examples alone."""
    prior = VampPrior(SIZE, EVENT, components=C, initial=np.random.default_rng(7).random((C, *EVENT)))
    normalization = keras.layers.BatchNormalization(momentum=0.5)
    encoder = keras.Sequential([keras.layers.Flatten(), normalization, keras.layers.Dropout(0.5)])
    model = model_of(prior, encoder=encoder)
    x = tf.constant(np.random.default_rng(8).random((8, *EVENT)) > 0.3, tf.float32)
    noise = random.ThreefryNoise(random.row_seeds(3, 8))
    given = model.particles(x, 5, noise, training=True)
    (z,) = given.fixed
    np.testing.assert_allclose(given.log_prior, model.prior().log_prob(z), rtol=1e-5, atol=1e-5)
    flat = np.reshape(x, (8, -1))
    np.testing.assert_allclose(normalization.moving_mean, 0.5 * flat.mean(axis=0), rtol=1e-5)


def test_the_weights_of_the_encoder_stay_the_models_alone():
    prior = VampPrior(SIZE, EVENT, components=C)
    model = model_of(prior, encoder=keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]))
    assert [tuple(v.shape) for v in prior.weights] == [(C, *EVENT)]
    assert len({id(v) for v in model.weights}) == len(model.weights)


def bad(match, make):
    return pytest.param(match, make, id=match)


def two_layers():
    return HierarchicalVAE(
        [keras.layers.Flatten(), keras.layers.Identity()],
        [keras.layers.Identity(), keras.layers.Identity()],
        posteriors=[DiagonalNormal(SIZE), DiagonalNormal(SIZE)],
        conditionals=[DiagonalNormal(SIZE)],
        likelihood=Bernoulli(EVENT),
        prior=VampPrior(SIZE, EVENT),
    )


def twice():
    prior = VampPrior(SIZE, EVENT)
    return model_of(prior), model_of(prior)


@pytest.mark.parametrize(
    ("match", "make"),
    [
        bad("components is not a positive integer", lambda: MixturePrior(2, components=0)),
        bad("components is not", lambda: VampPrior(2, EVENT, components=-1)),
        bad("spread is out of range", lambda: MixturePrior(2, spread=-1.0)),
        bad("latent_size is not", lambda: MixturePrior(0)),
        bad("event_shape is not a shape", lambda: VampPrior(2, (0, 3))),
        bad("outside the range of the data", lambda: VampPrior(2, 3, 1, initial=[[0.0, 0.5, 1.2]])),
        bad(
            "outside the range of the data; expected values in .0, 1.; received minimum nan",
            lambda: VampPrior(2, 3, 1, initial=[[0.0, 0.5, np.nan]]),
        ),
        bad("no array of numbers", lambda: VampPrior(2, 3, 2, initial=[[0.0], [0.0, 0.5]])),
        bad(
            "may leave the range of the data; expected value_range within .0, 1.",
            lambda: model_of(VampPrior(SIZE, EVENT, value_range=(0.0, 255.0))),
        ),
        bad("wrong shape", lambda: VampPrior(2, 3, 2, initial=[[0.0, 0.5, 1.0]])),
        bad("no interval", lambda: VampPrior(2, 3, value_range=(1.0, 0.0))),
        bad("no interval", lambda: VampPrior(2, 3, value_range="wide")),
        bad("not part of a model", lambda: VampPrior(2, 3).parameters()),
        bad("do not fit the model's examples", lambda: model_of(VampPrior(SIZE, 6))),
        bad("any value", lambda: model_of(VampPrior(SIZE, EVENT), InverseAutoregressiveFlow(SIZE))),
        bad("one layer of latents", two_layers),
        bad("part of another model", twice),
    ],
)
def test_bad_arguments_are_refused_in_one_line(match, make):
    with pytest.raises(UserError, match=match) as error:
        make()
    assert "\n" not in str(error.value)


def test_another_range_and_initial_values_are_taken_as_they_are():
    initial = np.array([[-2.0, 0.0], [1.0, 3.0]])
    prior = VampPrior(SIZE, 2, components=2, value_range=(-2, 3), initial=initial)
    model = VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=DiagonalNormal(SIZE),
        likelihood=Normal(2),
        prior=prior,
    )
    model.build()
    np.testing.assert_array_equal(prior.pseudo_inputs(), initial)
    start = VampPrior(SIZE, 2, value_range=(-2, 3))
    start.build()
    assert abs(np.mean(start.pseudo_inputs()) - (-2 + 0.05 * 5)) < 0.05
