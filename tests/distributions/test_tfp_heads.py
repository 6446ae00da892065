"""Likelihoods made of TensorFlow Probability's classes, against SciPy.

Written against these mutations: a constraint left out; the parameters in the order of their names; a count
one too low, or found to 23 bits; draws of float noise at 0; a support without its ends' being tried; whole numbers not
asked of counts; a shared parameter made from features; a bias that moves the first parameter; arguments left out of
the configuration.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special, stats

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import (
    DiagonalNormal,
    FromTFP,
    Gamma,
    Laplace,
    LogNormal,
    NegativeBinomial,
    Poisson,
    StudentT,
    ZeroInflatedPoisson,
)
from tfvae.distributions.least_count import least_count
from tfvae.networks import MLP
from tfvae.random import ThreefryNoise, row_seeds

tfd = tfp.distributions
EVENT, FEATURES, B, K = (2, 3), 5, 4, 3
RNG = np.random.default_rng(5)


class ZeroInflated:
    """SciPy has none: 0 with a probability, otherwise a Poisson count."""

    def __init__(self, logits, log_rate):
        self.zero, self.counts = special.expit(2 * logits), stats.poisson(np.exp(log_rate))

    def logpmf(self, x):
        return np.log(self.zero * (x == 0) + (1 - self.zero) * self.counts.pmf(x))

    def mean(self):
        return (1 - self.zero) * self.counts.mean()

    def rvs(self, size=None, random_state=None):
        drawn = self.counts.rvs(size=size, random_state=random_state)
        return drawn * (random_state.uniform(size=drawn.shape) > self.zero)

    def ppf(self, u):
        return self.counts.ppf(np.clip((u - self.zero) / (1 - self.zero), 1e-12, 1))

    def sf(self, x):
        return np.where(x < 0, 1.0, (1 - self.zero) * self.counts.sf(x))


CASES = {  # name: the head; SciPy's distribution from its parameters, in float64
    "Poisson": (lambda: Poisson(EVENT), lambda log_rate: stats.poisson(np.exp(log_rate))),
    "NegativeBinomial": (
        lambda: NegativeBinomial(EVENT),
        lambda total_count, logits: stats.nbinom(total_count, special.expit(-logits)),
    ),
    "ZeroInflatedPoisson": (lambda: ZeroInflatedPoisson(EVENT), ZeroInflated),
    "Binomial": (
        lambda: FromTFP(tfd.Binomial, EVENT, {"total_count": 7}),
        lambda logits: stats.binom(7, special.expit(logits)),
    ),
    "Gamma": (
        lambda: Gamma(EVENT),
        lambda concentration, log_rate: stats.gamma(concentration, scale=np.exp(-log_rate)),
    ),
    "LogNormal": (lambda: LogNormal(EVENT), lambda loc, scale: stats.lognorm(scale, scale=np.exp(loc))),
    "Weibull": (
        lambda: FromTFP(tfd.Weibull, EVENT, shared=["concentration"]),
        lambda concentration, scale: stats.weibull_min(concentration, scale=scale),
    ),
    "Gumbel": (lambda: FromTFP(tfd.Gumbel, EVENT), stats.gumbel_r),
    "Laplace": (lambda: Laplace(EVENT), stats.laplace),
    "StudentT": (lambda: StudentT(EVENT), stats.t),
    "StudentT-fixed": (
        lambda: FromTFP(tfd.StudentT, EVENT, {"df": np.array([3.0, 4.0, 5.0])}),
        lambda loc, scale: stats.t(np.array([3.0, 4.0, 5.0]), loc, scale),
    ),
}
COUNTS = ("Poisson", "NegativeBinomial", "ZeroInflatedPoisson", "Binomial")


def create(name, size=0.3):
    """A head whose weights are random, its parameters for a batch of features, and SciPy's distribution."""
    head = CASES[name][0]()
    head.build((None, FEATURES))
    for variable in head.trainable_variables:
        variable.assign_add(size * RNG.standard_normal(variable.shape))
    parameters = head(tf.constant(RNG.standard_normal((B, FEATURES)), tf.float32))
    return head, parameters, CASES[name][1](*(np.float64(item) for item in parameters))


def logs(oracle, name, x):
    return (oracle.logpmf if name in COUNTS else oracle.logpdf)(np.float64(x))


@pytest.mark.parametrize("name", CASES)
def test_the_density_is_scipys(name):
    head, parameters, oracle = create(name)
    assert all(item.shape == (B, *EVENT) for item in parameters)
    x = oracle.rvs(size=(K, B, *EVENT), random_state=RNG).astype(np.float32)
    expected = logs(oracle, name, x).sum((-2, -1))
    np.testing.assert_allclose(head.log_prob(parameters, x), expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(head.distribution(parameters).log_prob(x), expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(head.mean(parameters), oracle.mean(), rtol=1e-5, atol=1e-5)
    lifted = tuple(tf.stack([item] * K) for item in parameters)
    np.testing.assert_allclose(head.log_prob(lifted, x), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_draws_are_scipys_quantiles_at_the_noise(name):
    head, parameters, oracle = create(name)
    noise = RNG.uniform(size=(200, B, head.noise_size)).astype(np.float32)
    noise[0], noise[1] = 0.0, 1.0 - 2.0**-24
    drawn = np.asarray(head.sample(parameters, tf.constant(noise)))
    assert drawn.shape == (200, B, *EVENT) and head.fits(drawn)
    expected = oracle.ppf(
        np.clip(np.float64(noise), np.float32(1e-7), np.float32(1 - 1e-7)).reshape(drawn.shape)
    )
    if name in COUNTS:
        assert np.mean(drawn[2:] != expected[2:]) < 1e-3  # noise within rounding of a step
        assert (oracle.sf(drawn[:2] - 1.0) > 1e-9).all()
    else:
        np.testing.assert_allclose(drawn[2:], expected[2:], rtol=2e-4, atol=1e-5)


def test_a_draw_depends_on_its_seed_alone():
    head, parameters, _ = create("NegativeBinomial")
    seeds = row_seeds(3, B)
    drawn = head.sample(parameters, head.noise_from(ThreefryNoise(seeds), "x")[0])
    alone = tuple(item[2:3] for item in parameters)
    again = head.sample(alone, head.noise_from(ThreefryNoise(seeds[2:3]), "x")[0])
    np.testing.assert_array_equal(drawn[2:3], again)


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 2**23, 2**24 - 2])
@pytest.mark.parametrize("lowest", [0.0, 1.0])
def test_every_count_that_a_float_holds_is_found(count, lowest):
    def step(k):
        return tf.where(k < count + lowest, 0.2, tf.where(k < 2.0**24, 0.9, np.nan))

    found = least_count(step, tf.constant([[0.2, 0.5]]), lowest)
    np.testing.assert_array_equal(found, [[count + lowest] * 2])


def test_the_gradient_of_counts_is_the_closed_form():
    """d log p / d log rate = x - rate."""
    head, x = FromTFP(tfd.Poisson, 4), tf.constant([[0.0, 1.0, 5.0, 40.0]])
    log_rate = tf.constant([[-3.0, 0.5, 2.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(log_rate)
        found = head.log_prob((log_rate,), x)
    np.testing.assert_allclose(tape.gradient(found, log_rate), x - tf.exp(log_rate), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_every_weight_has_a_gradient(name):
    head, _, oracle = create(name)
    x = oracle.rvs(random_state=RNG).astype(np.float32)
    features = tf.constant(RNG.standard_normal((B, FEATURES)), tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(head.log_prob(head(features), x))
    for gradient in tape.gradient(loss, head.trainable_variables):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_a_shared_parameter_is_one_number_for_each_entry():
    head = FromTFP(tfd.NegativeBinomial, EVENT, shared=["total_count"])
    total_count, logits = head(tf.constant(RNG.standard_normal((B, FEATURES)), tf.float32))
    assert [tuple(weight.shape) for weight in head.shared_weights] == [EVENT]
    np.testing.assert_allclose(total_count, np.full((B, *EVENT), np.log(2.0)), rtol=1e-5)
    assert np.ptp(logits, axis=0).min() > 0


@pytest.mark.parametrize(
    ("make", "words", "good", "bad"),
    [
        (lambda: FromTFP(tfd.Poisson, 1), "whole numbers >= 0", (0, 3), (-1, 0.5)),
        (lambda: FromTFP(tfd.Zipf, 1), "whole numbers >= 1", (1, 3), (0,)),
        (lambda: FromTFP(tfd.Skellam, 1), "whole numbers", (-4, 3), (0.5,)),
        (lambda: FromTFP(tfd.Binomial, 1, {"total_count": 3}), "whole numbers in [0, 3]", (0, 3), (4, -1)),
        (lambda: FromTFP(tfd.Bernoulli, 1, {"dtype": tf.float32}), "whole numbers in [0, 1]", (0, 1), (2,)),
        (lambda: FromTFP(tfd.Exponential, 1), "numbers >= 0", (0, 0.5), (-0.1,)),
        (lambda: FromTFP(tfd.LogNormal, 1), "numbers > 0", (0.1, 9), (0, -1)),
        (lambda: FromTFP(tfd.InverseGamma, 1), "numbers > 0", (0.1, 9), (0, -1)),
        (lambda: FromTFP(tfd.Beta, 1), "numbers in (0, 1)", (0.1, 0.999), (0, 1)),
        (lambda: FromTFP(tfd.Laplace, 1), "numbers", (-9, 9), ()),
        (lambda: FromTFP(tfd.Pareto, 1, {"scale": 2.0}), "numbers >= 2", (2, 9), (1.9,)),
        (
            lambda: FromTFP(tfd.TruncatedNormal, 1, {"low": -1.0, "high": 2.0}),
            "numbers in [-1, 2]",
            (-1, 2),
            (-1.1, 2.1),
        ),
        (lambda: FromTFP(tfd.Normal, 1, support=(0.0, 5.0)), "numbers in [0, 5]", (0, 5), (-0.1, 5.1)),
    ],
)
def test_the_support_is_that_of_the_class(make, words, good, bad):
    head = make()
    assert head.scores == words
    x = np.float32(good)[:, np.newaxis]
    assert head.fits(x) and not np.any(head.unfit(tf.constant(x)))
    for value in (*bad, np.nan):
        x = tf.constant([[good[0]], [value]], tf.float32)
        assert not head.fits(x) and np.array_equal(head.unfit(x), [[False], [True]])


@pytest.mark.parametrize(
    ("distribution", "bad", "expected"),
    [
        (tfd.Poisson, -1.0, "FromTFP likelihood; expected whole numbers >= 0; received minimum -1"),
        (tfd.Poisson, 0.5, "FromTFP likelihood; expected whole numbers >= 0"),
        (tfd.Gamma, 0.0, "FromTFP likelihood; expected numbers > 0; received minimum 0"),
    ],
)
def test_values_outside_the_support_are_refused_in_one_line(distribution, bad, expected):
    model = VAE(MLP([2]), MLP([2]), posterior=DiagonalNormal(1), likelihood=FromTFP(distribution, 2))
    model.compile("adam")
    with pytest.raises(UserError, match=expected) as told:
        model.fit(np.float32([[1.0, bad]]), verbose=0)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("make", "mean"),
    [
        *(
            (lambda kind=kind: kind(3), (0.01, 2.0, 400.0))
            for kind in (Poisson, NegativeBinomial, ZeroInflatedPoisson)
        ),
        *((lambda kind=kind: kind(3), (0.01, 2.0, 400.0)) for kind in (Gamma, LogNormal)),
        *((lambda kind=kind: kind(3), (-1000.0, 0.0, 30.0)) for kind in (Laplace, StudentT)),
        (lambda: FromTFP(tfd.Beta, 3), (0.05, 0.5, 0.9)),
        (lambda: FromTFP(tfd.Gumbel, 3, shared=["loc"]), (-5.0, 0.0, 5.0)),
    ],
)
def test_the_bias_starts_at_the_datas_mean(make, mean):
    head = make()
    head.build((None, FEATURES))
    head.initialize_bias(np.float32(mean))
    np.testing.assert_allclose(head.mean(head(tf.zeros((1, FEATURES))))[0], mean, rtol=1e-4, atol=1e-4)


def test_the_degrees_of_freedom_start_near_4_and_stay_above_1():
    head = StudentT(1)
    head.build((None, FEATURES))
    assert float(head(tf.zeros((1, FEATURES)))[0][0, 0]) == pytest.approx(4.0, abs=0.1)
    head.shared_weights[0].assign([-1000.0])
    assert float(head(tf.zeros((1, FEATURES)))[0][0, 0]) == 1.0


@pytest.mark.parametrize("kind", [NegativeBinomial, StudentT, Laplace, LogNormal, Gamma])
def test_a_ready_head_shares_what_it_says_and_nothing_where_told(kind):
    head, free = kind(EVENT), kind(EVENT, shared=())
    assert head.shared == kind.SHARED and free.shared == ()
    features = tf.constant(RNG.standard_normal((B, FEATURES)), tf.float32)
    assert all(np.ptp(item, axis=0).min() > 0 for item in free(features))
    assert kind.from_config(free.get_config()).shared == ()


def test_counts_that_never_occur_keep_a_finite_start():
    head = FromTFP(tfd.Poisson, 2)
    head.build((None, FEATURES))
    head.initialize_bias(np.float32([0.0, 1.0]))
    np.testing.assert_allclose(head.mean(head(tf.zeros((1, FEATURES))))[0], [0.001, 1.0], rtol=1e-4)


def test_a_class_whose_mean_does_not_exist_starts_where_it_is():
    head = FromTFP(tfd.Cauchy, 2)
    head.build((None, FEATURES))
    before = head.get_weights()
    head.initialize_bias(np.float32([3.0, 4.0]))
    for old, new in zip(before, head.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_scale_starts_at_the_datas_spread():
    for options in ({}, {"shared": ["scale"]}):
        head = FromTFP(tfd.Laplace, 2, **options)
        head.build((None, FEATURES))
        head.initialize_scale(0.3)
        np.testing.assert_allclose(head(tf.zeros((1, FEATURES)))[1], [[0.3, 0.3]], rtol=1e-5)


def test_the_arguments_survive_a_file(tmp_path):
    likelihood = FromTFP(
        tfd.StudentT, 3, {"df": np.array([3.0, 4.0, 5.0])}, shared=["scale"], support=(-50.0, 50.0)
    )
    model = VAE(MLP([4]), MLP([4]), posterior=DiagonalNormal(2), likelihood=likelihood)
    model.build()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras").likelihood_head
    assert again.support == (-50.0, 50.0) and again.shared == ("scale",)
    np.testing.assert_array_equal(again.arguments["df"], [3.0, 4.0, 5.0])
    assert FromTFP.from_config(again.get_config()).get_config() == again.get_config()
    assert FromTFP(tfd.Bernoulli, 1, {"dtype": tf.float32}).get_config()["arguments"] == {
        "dtype": {"dtype": "float32"}
    }


def test_a_class_that_cannot_be_sampled_says_so_when_asked():
    head = FromTFP(tfd.Skellam, 2)
    with pytest.raises(UserError, match=r"Skellam cannot be sampled.*mean=True"):
        head.sample(head(tf.ones((1, 3))), tf.fill((1, 2), 0.5))


class Own(tfd.Normal):
    pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FromTFP(Own, 2), "none of TensorFlow Probability's"),
        (lambda: FromTFP("Poisson", 2), "none of TensorFlow Probability's"),
        (lambda: FromTFP(tfd.Poisson(1.0), 2), "none of TensorFlow Probability's"),
        (lambda: FromTFP(tfp.bijectors.Exp, 2), "none of TensorFlow Probability's"),
        (lambda: FromTFP(tfd.Poisson, 0), "event_shape"),
        (lambda: FromTFP(tfd.Binomial, 2), "parameter total_count of Binomial cannot be learned"),
        (lambda: FromTFP(tfd.Dirichlet, 2), "parameter concentration of Dirichlet cannot be learned"),
        (lambda: FromTFP(tfd.Categorical, 2), "parameter logits of Categorical cannot be learned"),
        (
            lambda: FromTFP(tfd.OneHotCategorical, 2, {"probs": [0.4, 0.6], "logits": None}),
            "no single numbers",
        ),
        (lambda: FromTFP(tfd.Gamma, 2, {"rate": 1.0}), "Gamma cannot be made of these arguments"),
        (lambda: FromTFP(tfd.Poisson, 2, {"df": 1.0}), "Poisson cannot be made of these arguments"),
        (
            lambda: FromTFP(tfd.Pareto, 2, {"scale": [1.0, 2.0]}),
            "support of Pareto depends on its parameters",
        ),
        (lambda: FromTFP(tfd.Pareto, 2), "support of Pareto depends on its parameters"),
        (lambda: FromTFP(tfd.SinhArcsinh, 2), "SinhArcsinh has no formula for its mean"),
        (lambda: FromTFP(tfd.Laplace, 2, shared=["df"]), "unknown shared parameter"),
        (lambda: FromTFP(tfd.Normal, 2, support=(5.0, 0.0)), "the support is no interval"),
        (lambda: FromTFP(tfd.Normal, 2, support=(0.0, 1.0, 2.0)), "the support is no interval"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(make, message):
    with pytest.raises(UserError, match=message) as told:
        make()
    assert "\n" not in str(told.value)
