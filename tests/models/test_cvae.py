"""CVAE and Regressor: p(x|c) against closed forms and quadrature, gradients, what samples and masks do, bad input.

z | c ~ N(P c + d, R),  x | z, c ~ N(W z + V c + b, s^2 I)
so that x | c ~ N(W (P c + d) + V c + b, W R W^T + s^2 I)

Mutations, each seen to break a test here: the prior fixed at N(0, I); the condition left out of the decoder; given
values scored; the condition read where it is not given; samples of different conditions under one seed.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from kit import step_gradients
from kit.stats import assert_mean_close, assert_paired_less
from scipy import special
from scipy import stats as distributions_of

import tfvae
from tfvae import estimators, evaluation, random
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal, MixturePrior, Normal, StandardNormal, kl_divergence
from tfvae.networks import MLP

RNG = np.random.default_rng(3)
C = RNG.normal(size=(2, 2)).astype(np.float32)
X = RNG.normal(size=(2, 3)).astype(np.float32)
K, S = 3, 0.8


def linear(prior=None, **options):
    """A linear model at random: 2 numbers of condition, 2 latents, 3 of x; the scales of q and p(z|c) are fixed."""
    model = tfvae.CVAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        condition_shape=2,
        posterior=DiagonalNormal(2),
        likelihood=Normal(3, scale=S),
        prior=DiagonalNormal(2) if prior is None else prior,
        seed=4,
        **options,
    )
    model.build()
    rng = np.random.default_rng(6)
    for variable in model.trainable_variables:
        variable.assign(0.4 * rng.standard_normal(variable.shape))
    for head, log_scale in ((model.posterior_head, 0.1), (model.prior_head, -0.3)):
        if head.needs_features:
            scale = head.scale_layer.linear
            scale.kernel.assign(tf.zeros_like(scale.kernel))
            scale.bias.assign(tf.fill(scale.bias.shape, log_scale))
    return model


def conditional_moments(model):
    """Returns the means of x given C, [B, 3], and the covariance."""
    of_likelihood = model.likelihood_head.loc_layer.linear
    W, V = np.split(of_likelihood.kernel.numpy().T, [2], axis=1)
    mean, R = np.zeros((len(C), 2)), np.eye(2)
    if model.prior_head.needs_features:
        P, scale = model.prior_head.loc_layer.linear, model.prior_head.scale_layer.linear
        mean, R = C @ P.kernel.numpy() + P.bias.numpy(), np.diag(np.exp(2 * scale.bias.numpy()))
    return mean @ W.T + C @ V.T + of_likelihood.bias.numpy(), W @ R @ W.T + S**2 * np.eye(3)


@pytest.mark.parametrize("prior", [None, StandardNormal(2)], ids=["learned", "fixed"])
def test_log_marginal_is_the_gaussian_conditional(prior):
    model = linear(prior)
    means, covariance = conditional_moments(model)
    exact = [
        distributions_of.multivariate_normal(m, covariance).logpdf(x) for m, x in zip(means, X, strict=True)
    ]
    data = np.tile(C, (10, 1)), np.tile(X, (10, 1))
    result = evaluation.log_marginal(model, data, num_samples=3000, seed=1)
    gap = result.log_prob - np.tile(exact, 10)
    assert np.abs(gap / result.standard_error).max() < 5
    assert_mean_close(gap, 0.0, smallest_bug=0.2)
    assert np.all(result.elbo < np.tile(exact, 10))
    pairs = tf.data.Dataset.from_tensor_slices(data).batch(7)
    np.testing.assert_array_equal(
        evaluation.log_marginal(model, pairs, 3000, seed=1).log_prob, result.log_prob
    )


@pytest.mark.parametrize("mean_only", [True, False])
def test_samples_have_the_moments_of_the_conditional(mean_only):
    model = linear()
    means, covariance = conditional_moments(model)
    x = model.sample(20_000, seed=3, condition=C, mean=mean_only).numpy().astype(np.float64)
    assert x.shape == (20_000, 2, 3)
    assert_mean_close(x, means, smallest_bug=0.1)
    centred = x - means
    products = (centred[..., np.newaxis] * centred[..., np.newaxis, :]).reshape(-1, 3, 3)
    assert_mean_close(products, covariance - mean_only * S**2 * np.eye(3), smallest_bug=0.1)
    assert np.abs(np.corrcoef(centred[:, 0, 0], centred[:, 1, 0])[0, 1]) < 5 / np.sqrt(len(x))


def test_the_divergence_from_the_conditional_prior_is_that_of_the_samples():
    model = linear(estimator="elbo-analytic")
    q = model.posterior_parameters(model.check_examples(X, condition=C))
    p = model.prior_head(C)
    closed = tf.reduce_sum(kl_divergence(model.posterior_head, q, model.prior_head, p), axis=-1).numpy()
    noise = random.PhiloxNoise(random.fold(1, "test"), 2)
    pair = model.check_examples(X, condition=C)
    particles = model.particles(pair, 20_000, noise, analytic_kl=True)
    np.testing.assert_allclose(tf.reduce_sum(particles.kl, axis=-1), closed, rtol=1e-5)
    assert_mean_close(particles.log_posterior - particles.log_prior, closed, smallest_bug=0.3)


def naive_gradients(model, step, estimator):
    """The bound written out at the noise of a step, and differentiated through everything."""
    noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(step)), len(X))
    likelihood = model.likelihood_head.loc_layer.linear
    with tf.GradientTape() as tape:
        q = model.posterior_head.distribution(model.posterior_head(np.concatenate([X, C], axis=1)))
        p = model.prior_head.distribution(model.prior_head(tf.constant(C)))
        z = q.mean() + q.stddev() * noise.normal("posterior", K, 2)
        inputs = tf.concat([z, tf.repeat(tf.constant(C)[tf.newaxis], K, axis=0)], axis=-1)
        loc = tf.matmul(inputs, likelihood.kernel) + likelihood.bias
        log_likelihood = tf.reduce_sum(tfvae.distributions.head.tfd.Normal(loc, S).log_prob(X), axis=-1)
        log_weights = log_likelihood + p.log_prob(z) - q.log_prob(z)
        if estimator == "iwae":
            bound = tf.reduce_logsumexp(log_weights, axis=0) - np.log(K)
        elif estimator == "elbo-analytic":
            bound = tf.reduce_mean(log_likelihood, axis=0) - q.kl_divergence(p)
        else:
            bound = tf.reduce_mean(log_weights, axis=0)
        mean = tf.reduce_mean(bound)
    return tape.gradient(mean, named(model)), mean


def named(model):
    own = {id(variable) for variable in model.posterior_head.trainable_variables}
    return {
        f"{'encoder' if id(variable) in own else 'decoder'} {index}": variable
        for index, variable in enumerate(model.trainable_variables)
    }


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "iwae"])
def test_gradients_are_those_of_the_bound_written_out_at_the_same_noise(estimator):
    model = linear(estimator=estimator, num_samples=K)
    samples, figures = step_gradients.sample(model, (C, X), named(model), 2)
    for step in range(2):
        expected, bound = naive_gradients(model, step, estimator)
        assert figures["bound"][step] == pytest.approx(float(bound), rel=1e-5)
        for name, gradient in expected.items():
            np.testing.assert_allclose(samples[name][step], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("free", "plain"), [("stl", "elbo"), ("dreg", "iwae")])
def test_path_derivatives_alone_have_the_same_mean(free, plain):
    found = {}
    for estimator in (free, plain):
        model = linear(estimator=estimator, num_samples=K)
        data = np.tile(C, (500, 1)), np.tile(X, (500, 1))
        found[estimator] = step_gradients.sample(model, data, named(model), 60)[0]
    for name, values in found[plain].items():
        gap = found[free][name] - values
        if name.startswith("decoder"):
            np.testing.assert_allclose(gap, 0.0, atol=1e-5, err_msg=name)
        else:
            assert_mean_close(gap, 0.0, smallest_bug=0.1, name=f"{free} {name}")
            assert np.abs(gap).max() > 1e-3


CONTINUOUS = [row.name for row in estimators.TABLE if row.latents != "discrete"]


@pytest.mark.parametrize("estimator", CONTINUOUS)
def test_every_estimator_of_continuous_latents_trains_it(estimator):
    model = linear(estimator=estimator, num_samples=4)
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    before = model.get_weights()
    model.train_on_batch(C, X)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all() and not np.array_equal(old, new)


@pytest.mark.slow
def test_a_resampled_backward_pass_follows_the_same_gradient():
    data = np.tile(C, (500, 1)), np.tile(X, (500, 1))
    whole, few = (
        step_gradients.sample(
            (model := linear(estimator="iwae", num_samples=K, backward_particles=m)), data, named(model), 60
        )[0]
        for m in (0, 1)
    )
    for name, values in whole.items():
        assert_mean_close(few[name] - values, 0.0, smallest_bug=0.15, name=name)


GIVEN = np.array([True, False, True, False, False])


def masked(latents=1, **options):
    keras.utils.set_random_seed(5)
    model = tfvae.CVAE(
        MLP([6], "tanh"),
        MLP([6], "tanh"),
        condition_shape=5,
        condition_network=MLP([4], "tanh"),
        visible=GIVEN,
        posterior=DiagonalNormal(latents),
        likelihood=Bernoulli(3),
        prior=DiagonalNormal(latents),
        **options,
    )
    model.build()
    for variable in model.trainable_variables:
        variable.assign_add(0.4 * np.random.default_rng(variable.shape[0]).standard_normal(variable.shape))
    return model


def test_one_latent_agrees_with_quadrature():
    """log p(x|c) is the logarithm of the integral of p(z|c) p(x|z, c); all completions of a condition sum to 1."""
    model = masked()
    x = np.zeros((8, 5), np.float32)
    x[:, 0] = 1.0
    x[:, ~GIVEN] = (np.arange(8)[:, np.newaxis] >> np.arange(3)) & 1
    prior = model.prior(condition=x)
    z = prior.mean() + prior.stddev() * np.linspace(-9, 9, 4001, dtype=np.float32)[:, np.newaxis, np.newaxis]
    log_joint = prior.log_prob(z) + model.likelihood(z, condition=x).log_prob(x[:, ~GIVEN])
    width = 18 / 4000 * prior.stddev()[:, 0]
    exact = special.logsumexp(log_joint, axis=0) + np.log(width)
    assert np.exp(exact).sum() == pytest.approx(1.0, abs=1e-4)
    result = evaluation.log_marginal(model, (x, x), num_samples=5000, seed=2)
    assert np.abs((result.log_prob - exact) / result.standard_error).max() < 5
    assert result.standard_error.max() < 0.1


@pytest.mark.parametrize("kind", ["cvae-column", "regressor-column"])
def test_given_values_are_shown_not_scored_and_read_from_the_condition_alone(kind):
    model = models.create(kind)
    x = models.examples(model, 3)
    other, given = x + 1.0, model.visible
    elsewhere = np.where(given, x, -7.0).astype(np.float32)
    same = {"condition": elsewhere}
    np.testing.assert_array_equal(model(elsewhere), model(x))
    drawn = model.sample(2, seed=1, condition=x, mean=False)
    np.testing.assert_array_equal(np.asarray(drawn)[:, :, given], np.tile(x[:, given], (2, 1, 1)))
    np.testing.assert_array_equal(np.asarray(model(x))[:, given], x[:, given])
    score = model.log_prob if kind.startswith("regressor") else lambda x, **c: model.elbo(x, 2, 5, **c)
    mixed = np.where(given, other, x).astype(np.float32)
    np.testing.assert_array_equal(score(mixed, **same), score(x, condition=x))
    assert np.abs(score(x, condition=other) - score(x, condition=x)).max() > 1e-3


def test_sample_i_of_condition_b_depends_on_its_number_and_condition_alone():
    model = models.create("cvae-label")
    labels = np.eye(3, dtype=np.float32)
    drawn = model.sample(4, seed=7, condition=labels).numpy()
    assert drawn.shape == (4, 3, 4)
    np.testing.assert_allclose(model.sample(2, seed=7, condition=labels), drawn[:2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        model.sample(1, seed=7, condition=labels[:2])[0], drawn[0, :2], rtol=1e-5, atol=1e-6
    )
    flat = model.sample(4, seed=7, condition=np.tile(labels[:1], (3, 1))).numpy().reshape(12, 4)
    assert len(np.unique(flat.round(5), axis=0)) == 12


BIMODAL = np.random.default_rng(0).integers(0, 2, size=(512, 2)).astype(np.float32)


@pytest.mark.slow
def test_two_possible_completions():
    """Five pixels; the condition is the first, noise to the rest: all on or all off, a coin that no one can see.

    The truth is log 2 nats, the best regressor 4 log 2.
    """
    shown, coin = BIMODAL[:, :1], BIMODAL[:, 1:]
    x = np.concatenate([shown, np.tile(coin, (1, 4))], axis=1)
    given = np.arange(5) == 0
    keras.utils.set_random_seed(1)
    shared = {"condition_shape": 5, "visible": given}
    model = tfvae.CVAE(
        MLP([8], "tanh"),
        MLP([8], "tanh"),
        posterior=DiagonalNormal(1),
        likelihood=Bernoulli(4),
        prior=DiagonalNormal(1),
        **shared,
    )
    regressor = tfvae.Regressor(MLP([8, 8], "tanh"), likelihood=Bernoulli(4), **shared)
    for each in (model, regressor):
        each.compile(keras.optimizers.Adam(0.02))
        each.fit(x, x, epochs=60, batch_size=128, verbose=0)
    theirs = evaluation.log_marginal(regressor, (x, x))
    ours = evaluation.log_marginal(model, (x, x), num_samples=200)
    assert theirs.nll == pytest.approx(4 * np.log(2), abs=0.05)
    assert theirs.num_samples == 1 and not theirs.standard_error.any()
    assert np.log(2) - 0.05 < ours.nll < np.log(2) + 0.25
    assert_paired_less(-ours.log_prob, -theirs.log_prob)
    drawn = model.sample(400, seed=0, condition=x[:1]).numpy()[:, 0, 1:]
    on = (drawn.mean(axis=1) > 0.5).mean()
    assert 0.3 < on < 0.7
    assert drawn.std(axis=0).min() > 0.4
    np.testing.assert_allclose(regressor.predict(x[:4], verbose=0)[:, 1:], 0.5, atol=0.1)


def test_the_regressor_s_loss_is_its_exact_negative_log_likelihood():
    model = models.create("regressor-column")
    model.compile(keras.optimizers.SGD(0.01))
    x = models.examples(model, 6)
    figures = model.evaluate(x, x, verbose=0, return_dict=True)
    exact = -float(np.mean(model.log_prob(x, condition=x)))
    assert figures["loss"] == figures["distortion"] == -figures["bound"] == pytest.approx(exact, rel=1e-5)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model.log_prob(x, condition=x))
    expected = tape.gradient(loss, model.trainable_variables)
    before = model.get_weights()
    model.train_on_batch(x, x)
    for old, new, gradient in zip(before, model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(old - new, 0.01 * np.asarray(gradient), atol=1e-6)


PAIRS = (np.zeros((4, 3), np.float32), np.zeros((4, 4), np.float32))
NAN = np.float32([np.nan, 0.0, 0.0])
MISSING, WRONG = "condition is missing; expected an array", "condition has the wrong shape; expected"


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda model, c, x: model.fit(None, x), MISSING),
        (lambda model, c, x: model.fit(c), "x is missing"),
        (lambda model, c, x: model.fit(c, sample_weight=np.ones(4)), "x is missing"),
        (lambda model, c, x: model.fit(c[:, :2], x), WRONG),
        (lambda model, c, x: model.fit(c[:2], x), "differ in their number of rows"),
        (lambda model, c, x: model.fit(tf.data.Dataset.from_tensors(x)), "x is missing"),
        (lambda model, c, x: model.fit(tf.data.Dataset.from_tensors((c[:, :2], x))), WRONG),
        (lambda model, c, x: model.evaluate(c), "x is missing"),
        (lambda model, c, x: model.evaluate(c[:, :1], x), WRONG),
        (lambda model, c, x: model.predict(c[:, :1], verbose=0), WRONG),
        (lambda model, c, x: model.predict(c.astype(int)), "floating-point"),
        (lambda model, c, x: model(c[:, :1]), WRONG),
        (lambda model, c, x: model.sample(2), MISSING),
        (lambda model, c, x: model.sample(2, condition=c[:, :1]), WRONG),
        (lambda model, c, x: model.sample(0, condition=c), "n is not a positive integer"),
        (lambda model, c, x: model.sample(2, condition=c[:0]), "condition is empty"),
        (lambda model, c, x: model.fit(c + NAN, x), "condition holds 4 numbers that are NaN or infinite"),
        (lambda model, c, x: model.fit(c, x, validation_data=(c + NAN, x)), "received nan in example 0"),
        (lambda model, c, x: model.fit(c, x + np.inf), "x holds 16 numbers that are NaN or infinite"),
        (lambda model, c, x: model.sample(2, condition=c + NAN), "received nan in example 0"),
        (lambda model, c, x: evaluation.log_marginal(model, (c + NAN, x), 2), "received nan in example 0"),
        (lambda model, c, x: model.elbo(x + np.inf, condition=c), "received inf in example 0"),
        (lambda model, c, x: model.elbo(x), MISSING),
        (lambda model, c, x: model.encode(x), MISSING),
        (lambda model, c, x: model.encode(x, condition=c[:2]), "differ in their number of rows"),
        (lambda model, c, x: model.decode(np.zeros((4, 2), np.float32)), MISSING),
        (lambda model, c, x: model.prior(), MISSING),
        (lambda model, c, x: evaluation.log_marginal(model, x), "x is missing"),
        (lambda model, c, x: evaluation.log_marginal(model, (c[:, :2], x), 2), WRONG),
        (lambda model, c, x: evaluation.log_marginal(model, (c[:1], x), 2), "differ in their number"),
        (lambda model, c, x: evaluation.active_units(model, x), "x is missing"),
    ],
)
def test_bad_input_is_one_line(use, says):
    model = models.create("cvae-label")
    model.compile("sgd")
    with pytest.raises(UserError, match=says) as caught:
        use(model, *PAIRS)
    assert "\n" not in str(caught.value)


def test_what_a_condition_holds_where_it_is_not_given_is_never_read():
    model = models.create("cvae-column")
    model.compile(keras.optimizers.SGD(0.0))
    x = models.examples(model, 4)
    hidden = np.where(model.visible, x, np.nan).astype(np.float32)
    np.testing.assert_array_equal(model.elbo(x, seed=1, condition=hidden), model.elbo(x, seed=1, condition=x))
    assert np.isfinite(model.fit(hidden, x, verbose=0).history["loss"]).all()
    with pytest.raises(UserError, match=f"condition holds {int(model.visible.sum())} numbers that are NaN"):
        model.fit(np.where(model.visible, np.nan, x)[:1].astype(np.float32), x[:1])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"visible": np.ones(5)}, "visible is not a mask"),
        ({"visible": np.ones(5, bool)}, "visible is not a mask"),
        ({"visible": np.arange(4) > 1}, "visible is not a mask"),
        ({"visible": np.arange(5) > 3}, "does not fit the hidden values"),
        ({"condition_shape": 0}, "condition_shape is not a shape"),
        ({"prior": DiagonalNormal(3)}, "prior and posterior differ"),
        ({"condition_network": 3}, "condition_network is of the wrong kind"),
    ],
)
def test_bad_parts_are_one_line(options, says):
    parts = {"condition_shape": 5, "visible": GIVEN, "prior": DiagonalNormal(2)} | options
    with pytest.raises(UserError, match=says):
        tfvae.CVAE(MLP([2]), MLP([2]), posterior=DiagonalNormal(2), likelihood=Bernoulli(3), **parts)


def test_a_divergence_without_a_closed_form_is_refused():
    with pytest.raises(UserError, match="no closed form"):
        linear(MixturePrior(2), estimator="elbo-analytic")


def test_the_optimal_scale_of_a_regressor_follows_the_data():
    model = tfvae.Regressor(MLP([3]), condition_shape=2, likelihood=Normal(3, scale="optimal"))
    model.compile(keras.optimizers.SGD(0.0))
    x = 0.1 * X
    model.fit(C, x, batch_size=2, verbose=0)
    variance = np.mean(np.square(x - model(C)))
    np.testing.assert_allclose(model.likelihood_head.own_metrics()["scale"], np.sqrt(variance), rtol=1e-5)
