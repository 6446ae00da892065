"""Likelihoods of grey and stored pixels: proper distributions, finite at the edges, against independent formulas.

Mutations, each seen to break a test here: the continuous Bernoulli's normaliser left out or its series cut after one
term; an edge bin that ends half a level beyond 0 or 1; the width of a bin for half of it; a mixture's weights left
unnormalised; both uses of one uniform in a mixture; a mean that forgets the lowest level; the optimal scale as a
variance; the running mean of scales for that of variances.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.stats import assert_mean_close
from scipy import integrate, stats

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import (
    Bernoulli,
    CategoricalPixels,
    ContinuousBernoulli,
    DiagonalNormal,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    Normal,
)
from tfvae.networks import MLP

tfd = tfp.distributions
EVENT, FEATURES, B, K = (2, 3), 5, 4, 3
HEADS = {
    "continuous-bernoulli": lambda: ContinuousBernoulli(EVENT),
    "logistic": lambda: DiscretizedLogistic(EVENT, levels=9),
    "logistic-256": lambda: DiscretizedLogistic(EVENT),
    "mixture": lambda: DiscretizedLogisticMixture(EVENT, components=3, levels=9),
    "categorical": lambda: CategoricalPixels(EVENT, levels=7),
}
LEVELS = [name for name in HEADS if name != "continuous-bernoulli"]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def create(name, rng, size=0.4):
    """A head whose weights are random, and its parameters for a batch of features."""
    head = HEADS[name]()
    head.build((None, FEATURES))
    for variable in head.trainable_variables:
        variable.assign_add(size * rng.standard_normal(variable.shape))
    return head, head(tf.constant(2.5 * size * rng.standard_normal((B, FEATURES)), tf.float32))


def values(head, rng, *lead):
    shape = (*lead, *head.event_shape)
    if head.levels is None:
        return tf.constant(rng.uniform(size=shape), tf.float32)
    return tf.constant(rng.integers(head.levels, size=shape) / (head.levels - 1), tf.float32)


def logistic_masses(loc, scale, levels):
    """P(level) in float64 by differences of the distribution function, or of its complement above it: [..., levels]."""
    edges = (np.arange(levels - 1) + 0.5) / (levels - 1)
    loc, scale = np.asarray(loc, float)[..., None], np.asarray(scale, float)[..., None]
    below = np.diff(stats.logistic.cdf(edges, loc, scale), axis=-1, prepend=0.0, append=1.0)
    above = -np.diff(stats.logistic.sf(edges, loc, scale), axis=-1, prepend=1.0, append=0.0)
    return np.where(np.arange(levels) / (levels - 1) < loc, below, above)


def masses(name, parameters, levels):
    """P(level) of every variable in float64, [B, *event, levels], from the formula in the head's docstring."""
    if name == "categorical":
        return np.asarray(tf.nn.softmax(tf.cast(parameters[0], tf.float64)))
    if name == "mixture":
        weights = np.asarray(tf.nn.softmax(tf.cast(parameters[0], tf.float64)))
        return np.einsum("...k,...kl->...l", weights, logistic_masses(*parameters[1:], levels))
    return logistic_masses(*parameters, levels)


@pytest.mark.parametrize("name", LEVELS)
def test_probabilities_of_the_levels_are_those_of_the_formula_and_sum_to_1(name, rng):
    head, parameters = create(name, rng)
    expected = masses(name, parameters, head.levels)
    for level in range(head.levels):
        x = tf.fill((B, *EVENT), np.float32(level / (head.levels - 1)))
        found = np.asarray(head.log_prob(parameters, x))
        np.testing.assert_allclose(found, np.log(expected[..., level]).sum((1, 2)), rtol=2e-5, atol=2e-5)
    lifted = tuple(tf.expand_dims(item, head.level_axis) for item in parameters)
    table = parameters[0] if name == "categorical" else head.log_mass(lifted, head.grid())
    if name != "categorical":
        np.testing.assert_allclose(np.exp(np.float64(table)).sum(-1), 1.0, rtol=2e-6)


@pytest.mark.parametrize("name", HEADS)
def test_the_tfp_distribution_is_the_same(name, rng):
    head, parameters = create(name, rng)
    distribution = head.distribution(parameters)
    assert distribution.batch_shape == (B,) and distribution.event_shape == EVENT
    x = values(head, rng, K, B)
    expected = distribution.log_prob(x)
    np.testing.assert_allclose(head.log_prob(parameters, x), expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(head.mean(parameters), distribution.mean(), rtol=1e-4, atol=2e-5)
    lifted = tuple(tf.stack([item, item + 0.1, item + 0.2]) for item in parameters)
    found = head.log_prob(lifted, x)
    assert found.shape == (K, B) and head.mean(lifted).shape == (K, B, *EVENT)
    for k in range(K):
        row = tuple(item[k] for item in lifted)
        np.testing.assert_allclose(found[k], head.log_prob(row, x[k]), rtol=1e-5, atol=1e-5)


def test_the_discretised_logistic_is_tfps_quantized_one(rng):
    head, (loc, scale) = create("logistic-256", rng)
    scaled = tfd.TransformedDistribution(
        tfd.Logistic(255.0 * tf.cast(loc, tf.float64), 255.0 * tf.cast(scale, tf.float64)),
        tfp.bijectors.Shift(tf.constant(-0.5, tf.float64)),
    )
    expected = tfd.QuantizedDistribution(
        scaled, low=tf.constant(0.0, tf.float64), high=tf.constant(255.0, tf.float64)
    )
    x = values(head, rng, B)
    np.testing.assert_allclose(
        head.log_prob((loc, scale), x),
        tf.reduce_sum(expected.log_prob(tf.round(255.0 * tf.cast(x, tf.float64))), [1, 2]),
        rtol=1e-5,
    )


@pytest.mark.parametrize("logit", [-60.0, -8.0, -1.01, -0.99, -1e-3, 0.0, 1e-6, 0.02, 0.98, 1.02, 5.0, 60.0])
def test_the_continuous_bernoulli_integrates_to_1_and_has_its_mean_and_quantiles(logit):
    head, parameters = ContinuousBernoulli(1), (tf.constant([[logit]]),)
    x = np.linspace(0, 1, 20001)[:, None].astype(np.float32)
    density = np.exp(np.float64(head.log_prob(parameters, x)))
    assert integrate.simpson(density, x=x[:, 0].astype(float)) == pytest.approx(1.0, abs=2e-5)
    mean = integrate.simpson(density * x[:, 0], x=x[:, 0].astype(float))
    assert float(head.mean(parameters)[0, 0]) == pytest.approx(mean, abs=2e-5)
    u = np.linspace(0, 1, 12)[:-1, None].astype(np.float32)
    drawn = np.float64(head.sample(parameters, tf.constant(u)))[:, 0]
    assert (drawn >= 0).all() and (drawn <= 1).all()
    cumulative = integrate.cumulative_simpson(density, x=x[:, 0].astype(float), initial=0)
    np.testing.assert_allclose(np.interp(drawn, x[:, 0], cumulative), u[:, 0], atol=1e-4)


@pytest.mark.parametrize("logit", [-300.0, -30.0, -1.0, -1e-4, 0.0, 1e-7, 0.3, 0.99999, 1.0, 20.0, 300.0])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_the_continuous_bernoullis_gradient_is_right_and_finite(logit, value):
    logits = tf.constant([[logit]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = ContinuousBernoulli(1).log_prob((logits,), tf.constant([[value]]))
    t = np.float128(logit)
    mean = 0.5 + t / 12 if abs(t) < 1e-3 else 1 / (1 - np.exp(-t)) - 1 / t
    np.testing.assert_allclose(tape.gradient(found, logits)[0, 0], float(value - mean), rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("size", [1.0, 100.0])
def test_gradients_are_finite_at_the_edges_of_the_support(name, size, rng):
    head, _ = create(name, rng)
    features = tf.constant(size * rng.standard_normal((B, FEATURES)), tf.float32)
    for x in (tf.zeros((B, *EVENT)), tf.ones((B, *EVENT)), values(head, rng, B)):
        with tf.GradientTape() as tape:
            tape.watch(features)
            total = tf.reduce_sum(head.log_prob(head(features), x))
        gradients = tape.gradient(total, [features, *head.trainable_variables])
        assert np.isfinite(total) and all(np.isfinite(gradient).all() for gradient in gradients)
        if size == 1.0:
            assert all(np.abs(gradient).max() > 0 for gradient in gradients)


@pytest.mark.parametrize("scale", [2e-4, 1e-2, 1.0, 100.0])
def test_the_discretised_logistic_keeps_its_precision_at_every_scale(scale):
    head, loc = DiscretizedLogistic(1), 0.4001
    scale = float(np.float32(scale))
    near = np.rint(255 * np.linspace(loc - 6 * scale, loc + 6 * scale, 7)).clip(0, 255)
    expected = np.log(logistic_masses(np.float32(loc), scale, 256)[near.astype(int)])
    x = tf.constant(near[:, None] / 255, tf.float32)
    found = head.log_prob((tf.constant([[loc]]), tf.constant([[scale]])), x)
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=2e-5 + 1e-7 / scale)


@pytest.mark.parametrize("name", HEADS)
def test_sample_moments(name, rng):
    head, parameters = create(name, rng, size=0.15)
    count = 3000
    noise = tf.constant(rng.uniform(size=(count, B, head.noise_size)), tf.float32)
    x = head.sample(parameters, noise).numpy().astype(np.float64)
    assert x.shape == (count, B, *EVENT) and head.fits(x)
    if name == "continuous-bernoulli":
        mean, variance = (
            np.float64(item)
            for item in (
                tfd.ContinuousBernoulli(parameters[0]).mean(),
                tfd.ContinuousBernoulli(parameters[0]).variance(),
            )
        )
    else:
        p, grid = masses(name, parameters, head.levels), np.arange(head.levels) / (head.levels - 1)
        mean = p @ grid
        variance = p @ grid**2 - mean**2
    assert_mean_close(x, mean, name="mean", smallest_bug=0.06)
    assert_mean_close((x - mean) ** 2, variance, name="variance")
    np.testing.assert_allclose(head.mean(parameters), mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_the_bias_starts_at_the_datas_mean(name, rng):
    head = HEADS[name]()
    head.build((None, FEATURES))
    mean = rng.uniform(0.3, 0.7, EVENT)
    head.initialize_bias(mean)
    found = np.asarray(head.mean(head(tf.zeros((2, FEATURES)))))
    if "logistic" in name or name == "mixture":
        assert (
            (found - 0.5) * (mean - 0.5) > 0
        ).all()  # the scale is still wide and pulls towards the middle
    else:
        np.testing.assert_allclose(found, np.stack([mean, mean]), rtol=1e-4)
    head.initialize_bias(np.zeros(EVENT))
    assert all(np.isfinite(variable).all() for variable in head.variables)


@pytest.mark.parametrize("name", LEVELS)
def test_feature_maps_are_read_by_a_convolution(name, rng):
    head = {
        "categorical": lambda: CategoricalPixels((4, 6, 2), levels=7),
        "mixture": lambda: DiscretizedLogisticMixture((4, 6, 2), components=3, levels=9),
    }.get(name, lambda: DiscretizedLogistic((4, 6, 2), levels=9))()
    parameters = head(tf.constant(rng.standard_normal((3, 4, 6, 5)), tf.float32))
    assert parameters[0].shape[:4] == (3, 4, 6, 2)
    assert all(len(v.shape) in (1, 4) for v in head.trainable_variables)
    head.initialize_bias(np.full((4, 6, 2), 0.3))
    assert head.sample(parameters, tf.fill((3, head.noise_size), 0.3)).shape == (3, 4, 6, 2)


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda: ContinuousBernoulli(2), [[0.5, 1.1]]),
        (lambda: Bernoulli(2), [[-0.1, 1.0]]),
        (lambda: DiscretizedLogistic(2), [[0.5, 1.0]]),
        (lambda: DiscretizedLogisticMixture(2, levels=17), [[1 / 255, 1.0]]),
        (lambda: CategoricalPixels(2, levels=4), [[2 / 3, 4 / 3]]),
    ],
)
def test_values_outside_the_support_are_refused_in_one_line(make, x):
    model = VAE(MLP([2]), MLP([2]), posterior=DiagonalNormal(1), likelihood=make())
    model.compile("adam")
    with pytest.raises(UserError, match="outside the support") as told:
        model.fit(np.float32(x), verbose=0)
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match="outside the support"):
        model.elbo(np.float32(x))
    assert model.likelihood_head.fits(np.float32([[0.0, 1.0]]))


def test_likelihoods_that_can_be_compared_have_one_measure():
    densities = [head(2).measure for head in (Normal, ContinuousBernoulli)]
    masses = [head(2, levels=17).measure for head in (DiscretizedLogistic, CategoricalPixels)]
    binary = [Bernoulli(2).measure, DiscretizedLogisticMixture(2, levels=2).measure]
    assert densities == ["densities"] * 2 and masses == ["probabilities of 17 levels"] * 2
    assert binary == ["probabilities of 2 levels"] * 2


@pytest.mark.parametrize("make", [Bernoulli, ContinuousBernoulli, Normal])
def test_values_that_are_no_numbers_are_refused_in_one_line(make):
    model = VAE(MLP([2]), MLP([2]), posterior=DiagonalNormal(1), likelihood=make(2))
    model.compile("adam")
    good, bad = np.float32([[0.0, 1.0], [0.5, 0.5]]), np.float32([[0.0, 1.0], [0.5, np.nan]])
    uses = (
        lambda: model.fit(bad, verbose=0),
        lambda: model.fit(good, validation_data=(bad,), verbose=0),
        lambda: model.evaluate(bad, verbose=0),
        lambda: model.elbo(tf.constant(bad)),
    )
    for use in uses:
        with pytest.raises(UserError, match=r"x holds 1 numbers that are NaN.* received nan in example 1"):
            use()


@pytest.mark.parametrize(
    "make",
    [
        *(
            lambda levels=levels, kind=kind: kind(3, levels=levels)
            for levels in (1, 0, 2.5, None, True)
            for kind in (DiscretizedLogistic, CategoricalPixels)
        ),
        lambda: DiscretizedLogisticMixture(3, components=0),
        lambda: Normal(3, scale="best"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(make):
    with pytest.raises(UserError) as told:
        make()
    assert "\n" not in str(told.value)


# ---- a scale for each number


def test_each_number_has_a_scale_of_its_own_above_the_smallest(rng):
    head = Normal((3,), scale="each", initial_scale=0.5, smallest_scale=0.1)
    loc, scale = head(tf.ones((4, 2)))
    np.testing.assert_allclose(scale, np.full((4, 3), 0.5), rtol=1e-6)
    head.initialize_scale(2.0)
    np.testing.assert_allclose(head.current_scale(), [2.0] * 3, rtol=1e-6)
    head.initialize_scale(0.05)  # below the smallest: left as it is
    np.testing.assert_allclose(head.current_scale(), [2.0] * 3, rtol=1e-6)
    head.log_scale.assign([-50.0, 0.0, 1.0])
    loc, scale = head(tf.ones((4, 2)))
    expected = 0.1 + np.exp([-50.0, 0.0, 1.0])
    np.testing.assert_allclose(scale, np.broadcast_to(expected, (4, 3)), rtol=1e-6)
    x = rng.standard_normal((4, 3)).astype(np.float32)
    wanted = stats.norm.logpdf(x, loc, expected).sum(axis=1)
    np.testing.assert_allclose(head.log_prob((loc, scale), x), wanted, rtol=1e-5)
    np.testing.assert_allclose(head.own_metrics()["scale"], np.prod(expected) ** (1 / 3), rtol=1e-5)
    again = Normal.from_config(head.get_config())
    assert (again.scale, again.smallest_scale) == ("each", 0.1)


def test_each_scale_finds_the_spread_of_its_number(rng):
    x = (rng.standard_normal((4000, 3)) * [0.3, 1.0, 3.0]).astype(np.float32)
    head = Normal((3,), scale="each")
    head(tf.zeros((1, 1)))
    optimizer = keras.optimizers.Adam(0.1)
    for _ in range(150):
        with tf.GradientTape() as tape:
            parameters = head(tf.zeros((len(x), 1)))
            loss = -tf.reduce_mean(head.log_prob(parameters, x))
        optimizer.apply([tape.gradient(loss, head.log_scale)], [head.log_scale])
    np.testing.assert_allclose(head.current_scale(), [0.3, 1.0, 3.0], rtol=5 / (2 * 4000) ** 0.5)


@pytest.mark.parametrize("options", [{"smallest_scale": -1.0}, {"smallest_scale": 1.0}, {"scale": "all"}])
def test_scales_that_are_none(options):
    with pytest.raises(UserError, match="scale"):
        Normal((3,), **({"scale": "each"} | options))


# ---- the optimal scale


def optimal_vae(**options):
    keras.utils.set_random_seed(1)
    heads = {"posterior": DiagonalNormal(2), "likelihood": Normal(4, scale="optimal")}
    model = VAE(MLP([6], "tanh"), MLP([5], "tanh"), **heads, **options)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    return model


def test_training_scores_with_the_batchs_own_optimum(rng):
    """At the optimum the log-likelihood of D pixels is -D/2 (1 + log(2 pi scale^2)), so the distortion tells it."""
    model = optimal_vae()
    x = (3.0 * rng.standard_normal((50, 4))).astype(np.float32)
    assert float(model.likelihood_head.current_scale()) == 1.0
    distortion = model.fit(x, batch_size=50, verbose=0).history["distortion"][0]
    variance = np.square(model.likelihood_head.own_metrics()["scale"])  # the first batch alone
    assert distortion == pytest.approx(2 * (1 + np.log(2 * np.pi * variance)), rel=1e-5)
    assert variance == pytest.approx(9, rel=0.3)


def test_the_running_mean_is_that_of_the_variances(rng):
    head = Normal(2, scale="optimal")
    head.build((None, 3))
    loc, scale = head(tf.zeros((5, 3)))
    found = []
    for size in (1.0, 3.0, 2.0):
        x = tf.constant(size * rng.standard_normal((5, 2)), tf.float32)
        _, now = head.adapt((loc, scale), x, tf.reduce_mean)
        found.append(np.mean(np.square(x)))
        np.testing.assert_allclose(now, np.full((5, 1), np.sqrt(found[-1])), rtol=1e-5)
    np.testing.assert_allclose(head.current_scale(), np.sqrt(np.mean(found)), rtol=1e-5)
    for _ in range(1000):
        head.adapt((loc, scale), tf.ones((5, 2)), tf.reduce_mean)
    np.testing.assert_allclose(head.current_scale(), 1.0, rtol=1e-3)
    constant = head(tf.ones((2, 3)))[1]
    np.testing.assert_allclose(constant, np.full((2, 1), head.current_scale()), rtol=1e-6)


def test_the_gradient_at_the_optimal_scale_is_that_of_the_log_of_the_squared_error(rng):
    """-D/2 log MSE is what is left of the bound when the scale has been maximised away; B examples share it."""
    head = Normal(4, scale="optimal")
    head.build((None, 3))
    features, x = (tf.constant(rng.standard_normal((6, n)), tf.float32) for n in (3, 4))
    with tf.GradientTape(persistent=True) as tape:
        parameters = head.adapt(head(features), x, tf.reduce_mean)
        through_the_head = tf.reduce_sum(head.log_prob(parameters, x))
        closed_form = -0.5 * 6 * 4 * tf.math.log(tf.reduce_mean(tf.square(x - head(features)[0])))
    variables = head.loc_layer.trainable_variables
    for found, expected in zip(
        tape.gradient(through_the_head, variables), tape.gradient(closed_form, variables), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_evaluation_uses_one_scale_and_leaves_it(rng):
    model = optimal_vae()
    x = rng.standard_normal((40, 4)).astype(np.float32)
    model.fit(x, batch_size=20, epochs=2, verbose=0)
    scale = model.likelihood_head.own_metrics()["scale"]
    model.evaluate(10 * x, verbose=0)
    z = model.encode(x)
    expected = tfd.Independent(tfd.Normal(model.decode(z), np.float32(scale)), 1).log_prob(10 * x)
    np.testing.assert_allclose(model.likelihood(z).log_prob(10 * x), expected, rtol=1e-5)
    assert model.likelihood_head.own_metrics()["scale"] == scale


def test_a_resampled_backward_pass_cannot_have_an_optimal_scale():
    with pytest.raises(UserError, match="treat each particle alone"):
        optimal_vae(num_samples=4, estimator="iwae", backward_particles=1)
