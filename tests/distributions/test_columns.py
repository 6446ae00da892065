"""Mixed columns: each group is what its head makes of it, in the order of the columns.

Written against these mutations: the permutation for its inverse; one stream for all heads; heads in the
wrong order of noise; the whole mean given to each head; the optimal scale over all columns; rows of a one-hot head
transposed.
"""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.stats import assert_mean_close

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, Columns, DiagonalNormal, Normal, OneHotCategorical, Poisson
from tfvae.networks import MLP
from tfvae.random import ThreefryNoise, row_seeds

FEATURES, B, K = 5, 4, 3
RNG = np.random.default_rng(2)
ORDER = [[5, 0], [3], [1, 2, 4, 6, 7, 8]]


def create(columns=ORDER, scale=0.5):
    head = Columns([Normal(2, scale=scale), Poisson(1), OneHotCategorical((2, 3))], columns)
    head.build((None, FEATURES))
    for variable in head.trainable_variables:
        variable.assign_add(0.4 * RNG.standard_normal(variable.shape))
    return head, head(tf.constant(RNG.standard_normal((B, FEATURES)), tf.float32))


def values(*lead):
    x = np.zeros((*lead, 9), np.float32)
    x[..., [5, 0]] = RNG.standard_normal((*lead, 2))
    x[..., 3] = RNG.poisson(2.0, lead)
    one_hot = np.eye(3)[RNG.integers(3, size=(*lead, 2))].reshape(*lead, 6)
    x[..., [1, 2, 4, 6, 7, 8]] = one_hot
    return x


def test_log_prob_is_the_sum_of_the_groups():
    head, parameters = create()
    assert head.event_shape == (9,) and len(parameters) == 4
    x = values(K, B)
    normal, poisson, one_hot = head.heads
    expected = normal.log_prob(parameters[:2], x[..., [5, 0]]) + poisson.log_prob(
        parameters[2:3], x[..., [3]]
    )
    expected += one_hot.log_prob(parameters[3:], x[..., [1, 2, 4, 6, 7, 8]].reshape(K, B, 2, 3))
    np.testing.assert_allclose(head.log_prob(parameters, x), expected, rtol=1e-5)
    distribution = head.distribution(parameters)
    assert distribution.event_shape == (9,) and distribution.batch_shape == (B,)
    np.testing.assert_allclose(distribution.log_prob(x), expected, rtol=1e-5)


def test_means_and_draws_stand_in_their_columns():
    head, parameters = create()
    normal, poisson, one_hot = head.heads
    mean = np.asarray(head.mean(parameters))
    np.testing.assert_array_equal(mean[:, [5, 0]], normal.mean(parameters[:2]))
    np.testing.assert_array_equal(mean[:, [3]], poisson.mean(parameters[2:3]))
    np.testing.assert_array_equal(mean[:, [1, 2, 4, 6, 7, 8]].reshape(B, 2, 3), one_hot.mean(parameters[3:]))
    noise = head.noise_from(ThreefryNoise(row_seeds(1, B)), "x", 2000)
    assert noise.shape == (2000, B, head.noise_size) and head.noise_size == 9
    drawn = np.asarray(head.sample(parameters, noise))
    assert drawn.shape == (2000, B, 9) and head.fits(drawn)
    assert_mean_close(np.float64(drawn), np.float64(mean), name="mean", smallest_bug=0.5)
    np.testing.assert_array_equal(drawn[0][:, [5, 0]], normal.sample(parameters[:2], noise[0, :, :2]))


def test_two_groups_have_noise_of_their_own():
    head = Columns([Normal(1), Normal(1)])
    noise = np.asarray(head.noise_from(ThreefryNoise(row_seeds(1, 3)), "x")[0])
    assert np.abs(noise[:, 0] - noise[:, 1]).min() > 0.0


def test_columns_follow_one_another_unless_told():
    head, parameters = create(columns=None)
    assert head.columns == ((0, 1), (2,), (3, 4, 5, 6, 7, 8))
    np.testing.assert_array_equal(head.mean(parameters)[:, :2], parameters[0])


def test_each_head_starts_from_its_columns():
    head = Columns([Normal(2), Poisson(1)], [[2, 0], [1]])
    head.build((None, FEATURES))
    head.initialize_bias(np.float32([3.0, 5.0, -2.0]))
    np.testing.assert_allclose(head.mean(head(tf.zeros((1, FEATURES))))[0], [3.0, 5.0, -2.0], rtol=1e-4)


def test_an_optimal_scale_is_that_of_its_columns():
    head, parameters = create(scale="optimal")
    x = values(1, B)
    adapted = head.adapt(tuple(item[tf.newaxis] for item in parameters), x, tf.reduce_mean)
    expected = np.sqrt(np.mean(np.square(x[..., [5, 0]] - parameters[0])))
    np.testing.assert_allclose(adapted[1], np.full(adapted[1].shape, expected), rtol=1e-5)
    assert head.adapts and head.own_metrics()["scale_0"] == pytest.approx(expected, rel=1e-5)


def test_what_does_not_fit_is_named_with_its_columns():
    model = VAE(
        MLP([4]), MLP([4]), posterior=DiagonalNormal(1), likelihood=Columns([Bernoulli(2), Poisson(1)])
    )
    model.compile("adam")
    good, bad = np.float32([[0, 1, 3], [1, 1, 0]]), np.float32([[0, 1, 3], [1, 1, 0.5]])
    assert model.likelihood_head.fits(good) and not model.likelihood_head.fits(bad)
    np.testing.assert_array_equal(model.likelihood_head.unfit(tf.constant(bad)), [[0, 0, 0], [0, 0, 1]])
    with pytest.raises(UserError, match=r"column 2: whole numbers >= 0.*0.5 in example 1") as told:
        model.fit(bad, verbose=0)
    assert "\n" not in str(told.value)
    assert model.likelihood_head.measure == "probabilities of 2 levels and probabilities of counts"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Columns([]),
        lambda: Columns(3),
        lambda: Columns([DiagonalNormal(2)]),
        lambda: Columns([tfp.distributions.Normal(0.0, 1.0)]),
        lambda: Columns([Normal(2), Poisson(1)], [[0, 1]]),
        lambda: Columns([Normal(2), Poisson(1)], [[0, 1], [1]]),
        lambda: Columns([Normal(2), Poisson(1)], [[0, 1], [3]]),
        lambda: Columns([Normal(2), Poisson(1)], [[0], [1, 2]]),
        lambda: Columns([Normal(2), Poisson(1)], 3),
        lambda: Columns([Normal(2), Poisson(1)], [["a", "b"], ["c"]]),
        lambda: Columns([Normal(2), Poisson(1)], [[0.0, 1.5], [2.0]]),
    ],
)
def test_bad_arguments_are_refused_in_one_line(make):
    with pytest.raises(UserError) as told:
        make()
    assert "\n" not in str(told.value)
