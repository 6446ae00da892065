"""Gradients with flexible posteriors and priors, against the bound written out at the same noise and differentiated.

Mutations, each seen to break a test here: log q of IAF detached from its path; a VampPrior behind a stop_gradient;
the check of estimators against IAF left out.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import flexible_models, step_gradients
from kit.marks import tiers
from kit.stats import assert_mean_close

import tfvae
from tfvae import distributions, estimators, random
from tfvae.checks import UserError
from tfvae.training.config import Config

K, X = 3, flexible_models.X
PAIRS = [
    ("iaf", "standard"),
    ("iaf", "mixture"),
    ("iaf", "realnvp"),
    ("householder", "mixture"),
    ("realnvp", "vamp"),
    ("full", "vamp"),
]


def named(model):
    return {f"{index} {v.name}": v for index, v in enumerate(model.trainable_variables)}


def naive(model, step, estimator, kl_weight=1.0):
    """The bound at the noise of a step, and its gradients through everything. log q(z|x) is that of TFP."""
    x = tf.constant(X)
    noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(step)), len(X))
    variables = named(model)
    with tf.GradientTape() as tape:
        q = model.posterior_parameters(x)
        z = model.posterior_head.sample(q, noise.normal("posterior", K, 2))
        log_q = model.posterior_head.distribution(q).log_prob(z)
        log_likelihood = tf.reduce_sum(
            distributions.head.tfd.Normal(*model.likelihood_parameters(z)).log_prob(x), axis=-1
        )
        log_weights = log_likelihood + kl_weight * (model.prior().log_prob(z) - log_q)
        if estimator == "elbo":
            bound = tf.reduce_mean(log_weights, axis=0)
        else:
            bound = tf.reduce_logsumexp(log_weights, axis=0) - np.log(K)
        mean = tf.reduce_mean(bound)
    return tape.gradient(mean, variables), mean


def check(model, estimator):
    samples, figures = step_gradients.sample(model, X, named(model), 2)
    for step in range(2):
        expected, bound = naive(model, step, estimator)
        assert figures["bound"][step] == pytest.approx(float(bound), rel=1e-4)
        for name, gradient in expected.items():
            gradient = tf.zeros_like(samples[name][step]) if gradient is None else gradient
            np.testing.assert_allclose(samples[name][step], gradient, rtol=2e-3, atol=2e-4, err_msg=name)


FAST = {("iwae", "iaf", "mixture"), ("elbo", "realnvp", "vamp")}
CASES = [(estimator, *pair) for estimator in ("elbo", "iwae") for pair in PAIRS]
ONCE = {(("iwae", "elbo")[number % 2], *pair) for number, pair in enumerate(PAIRS, 1)} | FAST  # each pair


@pytest.mark.parametrize(("estimator", "posterior", "prior"), tiers(CASES, fast=FAST, kept=ONCE))
def test_gradients_are_those_of_the_bound_written_out_at_the_same_noise(estimator, posterior, prior):
    check(flexible_models.build(posterior, prior, estimator=estimator, num_samples=K), estimator)


def layered(**options):
    """Two layers of latents, each inferred by an IAF."""
    model = tfvae.HierarchicalVAE(
        [keras.layers.Identity(), keras.layers.Identity()],
        [keras.layers.Identity(), keras.layers.Identity()],
        posteriors=[flexible_models.POSTERIORS["iaf"](2), flexible_models.POSTERIORS["iaf"](2)],
        conditionals=[distributions.DiagonalNormal(2)],
        likelihood=distributions.Normal(3, scale=0.8),
        seed=4,
        **options,
    )
    model.build()
    rng = np.random.default_rng(8)
    for variable in model.trainable_variables:
        variable.assign(0.4 * rng.standard_normal(variable.shape))
    return model


@pytest.mark.slow
def test_layers_of_iaf_follow_the_bound_too():
    model = layered(estimator="iwae", num_samples=K)
    samples, _ = step_gradients.sample(model, X, named(model), 1)
    noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(0)), len(X))
    first, second = model.posterior_heads
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        q1 = first(x)
        z1 = first.sample(q1, noise.normal("posterior", K, 2))
        q2 = tuple(tf.reshape(p, [K, 3, -1]) for p in second(tf.reshape(z1, [-1, 2])))
        z2 = second.sample(q2, noise.normal("posterior1", K, 2))
        p1 = tuple(tf.reshape(p, [K, 3, 2]) for p in model.conditional_heads[0](tf.reshape(z2, [-1, 2])))
        log_weights = (
            model.likelihood(z1).log_prob(x)
            + model.conditional_heads[0].log_prob(p1, z1)
            + model.prior().log_prob(z2)
            - first.log_prob(q1, z1)
            - second.log_prob(q2, z2)
        )
        bound = tf.reduce_mean(tf.reduce_logsumexp(log_weights, axis=0))
    for name, gradient in tape.gradient(bound, named(model)).items():
        np.testing.assert_allclose(samples[name][0], gradient, rtol=2e-3, atol=2e-4, err_msg=name)


def sample(posterior, estimator, **options):
    model = flexible_models.build(posterior, estimator=estimator, num_samples=K, **options)
    return step_gradients.sample(model, np.tile(X, (200, 1)), named(model), 60)[0]


PATHS = [
    ("householder", "stl", "elbo"),
    ("realnvp", "dreg", "iwae"),
    ("householder", "dreg", "iwae"),
    ("realnvp", "stl", "elbo"),
]


@pytest.mark.parametrize(("posterior", "free", "plain"), tiers(PATHS, fast=(), kept=PATHS[:2]))
def test_path_derivatives_alone_have_the_same_mean(posterior, free, plain):
    first, second = sample(posterior, free), sample(posterior, plain)
    for name, values in second.items():
        assert_mean_close(first[name] - values, 0.0, smallest_bug=0.3, name=f"{free} {name}")
    assert max(np.abs(first[name] - values).max() for name, values in second.items()) > 0.01


ALLOWED = ["miwae", "vr-iwae", "piwae", "ciwae", "jvi"]


@pytest.mark.parametrize("estimator", tiers(ALLOWED, fast=(), kept=ALLOWED[:2]))
def test_every_estimator_that_iaf_is_allowed_gives_what_it_gives_the_density_at_fixed_points(
    estimator, monkeypatch
):
    """With the inverse differentiated through, as no training would, IAF is a head like any other."""
    options = {"name": estimator} | ({"groups": 2} if estimator in ("miwae", "piwae") else {})
    model = flexible_models.build("iaf", estimator=options, num_samples=4)
    along, _ = step_gradients.sample(model, X, named(model), 1)
    monkeypatch.setattr(distributions.InverseAutoregressiveFlow, "has_cheap_log_prob", True)
    fixed, _ = step_gradients.sample(model, X, named(model), 1)
    for name, values in fixed.items():
        np.testing.assert_allclose(along[name], values, rtol=2e-3, atol=2e-4, err_msg=name)


@pytest.mark.slow
def test_a_resampled_backward_pass_follows_the_path_of_iaf_too():
    whole = sample("iaf", "iwae")
    few = sample("iaf", "iwae", backward_particles=1)
    for name, values in whole.items():
        assert_mean_close(few[name] - values, 0.0, smallest_bug=0.5, name=name)


@pytest.mark.parametrize("estimator", [row.name for row in estimators.TABLE if row.latents != "discrete"])
def test_iaf_takes_an_estimator_or_refuses_it_in_one_line(estimator):
    options = {"estimator": estimator, "num_samples": 4}
    if estimators.catalog.row(estimator).needs_path_density:
        assert flexible_models.build("iaf", **options).estimator.name == estimator
        return
    with pytest.raises(UserError, match="InverseAutoregressiveFlow gives along the path") as error:
        flexible_models.build("iaf", **options)
    assert "\n" not in str(error.value) and "elbo, iwae" in str(error.value)


@pytest.mark.parametrize(
    ("posterior", "prior"), [("realnvp", "standard"), ("diagonal", "vamp"), ("full", "mixture")]
)
def test_a_pair_without_a_closed_form_refuses_the_analytic_elbo(posterior, prior):
    with pytest.raises(UserError, match="no closed form") as error:
        flexible_models.build(posterior, prior, estimator="elbo-analytic")
    assert "\n" not in str(error.value)
    flexible_models.build("householder", estimator="elbo-analytic")


@pytest.mark.parametrize("name", ["rws", "rws-dreg", "piwae", "iwae-stl"])
def test_a_vamp_prior_shares_the_posterior(name):
    says = f"{name} trains q.* they share parameters here"
    with pytest.raises(UserError, match=says):
        flexible_models.build(prior="vamp", estimator=name, num_samples=2)
    with pytest.raises(UserError, match=says):
        Config.resolve({"preset": "digits", "prior": "vamp", "estimator": name, "num_samples": 2})
