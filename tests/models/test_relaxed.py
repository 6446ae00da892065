"""Relaxations of discrete latents: proper densities, a bias that theory predicts, discrete evaluation."""

import numpy as np
import pytest
import tensorflow as tf
from kit import enumeration, step_gradients
from kit.discrete_models import X, build, groups, variables
from kit.enumeration import Enumeration
from kit.stats import assert_mean_close
from scipy import integrate

from tfvae import estimators
from tfvae.distributions import Bernoulli, OneHotCategorical, view

COPIES, STEPS = 1000, 100


def density(head, logits, temperature, latent):
    """exp(log_prob) of the relaxed head at latents [N, *event_shape]."""
    parameters = (tf.constant(logits, tf.float32),)
    return tf.exp(view(head, temperature).log_prob(parameters, tf.constant(latent, tf.float32))).numpy()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_relaxed_densities_integrate_to_one(temperature):
    y = np.linspace(-60, 60, 24_001) / temperature
    whole = integrate.simpson(density(Bernoulli(1), [0.7], temperature, y[:, np.newaxis]), x=y)
    assert abs(whole - 1.0) < 1e-4
    first = -np.logaddexp(0.0, -y)  # log sigmoid(y): y is the logarithm of the ratio of the two
    pairs = np.stack([first, first - y], axis=-1)[:, np.newaxis]
    whole = integrate.simpson(density(OneHotCategorical((1, 2)), [[0.4, -0.3]], temperature, pairs), x=y)
    assert abs(whole - 1.0) < 1e-4


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_two_classes_are_one_binary_variable(temperature):
    """Both relaxations of one binary variable are the same density of the first probability's logit."""
    y = np.linspace(-8, 8, 41)
    first = -np.logaddexp(0.0, -y)
    pairs = density(
        OneHotCategorical((1, 2)), [[0.4, -0.3]], temperature, np.stack([first, first - y], -1)[:, np.newaxis]
    )
    binary = density(Bernoulli(1), [0.7], temperature, y[:, np.newaxis])
    np.testing.assert_allclose(pairs, binary, rtol=1e-4)


@pytest.mark.parametrize("head", [Bernoulli(1), OneHotCategorical((1, 3))], ids=["binary", "three-classes"])
def test_a_relaxed_sample_rounds_to_a_discrete_one(head):
    """P(class is the largest) = its probability, at every temperature."""
    logits = tf.constant(np.linspace(-0.5, 1.0, head.noise_size).reshape(head.event_shape), tf.float32)
    noise = np.random.default_rng(2).random((40_000, head.noise_size)).astype(np.float32)
    for temperature in (0.2, 1.0):
        relaxed = view(head, temperature)
        value = relaxed.value(relaxed.sample((logits,), tf.constant(noise))).numpy()
        rounded = value > 0.5 if head.noise_size == 1 else value == value.max(axis=-1, keepdims=True)
        assert_mean_close(rounded.astype(float), head.mean((logits,)).numpy(), smallest_bug=0.02)
        if head.noise_size > 1:
            np.testing.assert_allclose(value.sum(axis=-1), 1.0, rtol=1e-5)


def test_the_temperature_falls_to_its_minimum():
    relaxed = estimators.get({"name": "relaxed", "temperature": 2.0, "minimum": 0.5, "rate": 1e-3})
    for step, expected in [
        (0, 2.0),
        (100, 2.0 * np.exp(-0.1)),
        (1386, 2.0 * np.exp(-1.386)),
        (1387, 0.5),
        (10**6, 0.5),
    ]:
        assert float(relaxed.temperature_at(tf.constant(step, tf.int64))) == pytest.approx(expected, rel=1e-5)


def sample(temperature, *, at_prior=False):
    """Gradients and figures at one temperature; q(z|x) = p(z) with `at_prior`."""
    spec = {"name": "relaxed", "temperature": temperature, "minimum": temperature, "rate": 0.0}
    model = build(estimator=spec, num_samples=1, seed=3)
    if at_prior:
        linear = model.posterior_head.logits_layer.linear
        linear.kernel.assign(tf.zeros_like(linear.kernel))
        linear.bias.assign(model.prior_head.logits)
    samples, figures = step_gradients.sample(model, np.tile(X, (COPIES, 1)), variables(model), STEPS)
    return model, samples, figures


def test_relaxed_gradients_are_biased_and_less_so_when_cold():
    """At q = p, where no divergence has a gradient: that of the likelihood alone is biased, and less so when cold."""
    bias, largest = {}, {}
    for temperature in (1.0, 0.2):
        model, samples, _ = sample(temperature, at_prior=True)
        exact = enumeration.gradients(Enumeration(model, X).elbo, variables(model))
        for group, part in groups(model).items():
            gap = np.concatenate([(samples[name].mean(axis=0) - exact[name]).ravel() for name in part])
            error = np.concatenate([samples[name].std(axis=0, ddof=1).ravel() for name in part]) / np.sqrt(
                STEPS
            )
            bias[group, temperature] = float(np.linalg.norm(gap))
            largest[group, temperature] = float(np.abs(gap / error).max())
    for group in ("encoder", "decoder"):
        hot, cold = bias[group, 1.0], bias[group, 0.2]
        print(f"bias of relaxed, {group}: {hot:.3f} at 1 (|z| {largest[group, 1.0]:.0f}), {cold:.3f} at 0.2")
        assert largest[group, 1.0] > 10
        assert cold < 0.5 * hot


def test_the_rate_of_a_relaxation_is_above_the_discrete_one_at_every_temperature():
    """t y = logits + logistic noise: the divergence is that of two logistics; no temperature brings the discrete one.

    That is why the encoder's bias does not vanish with the temperature where q differs from p.
    """
    model = build()
    p, q = model.prior_head.logits.numpy(), model.posterior_parameters(X)[0].numpy()
    noise = np.linspace(-40, 40, 8001)
    standard = -noise - 2 * np.logaddexp(0.0, -noise)
    moved = noise + (q - p)[..., np.newaxis]
    log_ratio = standard + moved + 2 * np.logaddexp(0.0, -moved)
    logistic = integrate.simpson(np.exp(standard) * log_ratio, x=noise).sum(axis=-1).mean()
    for temperature in (1.0, 0.2):
        _, _, figures = sample(temperature)
        assert_mean_close(figures["rate"], logistic, smallest_bug=0.05, name=f"rate at {temperature}")
    q, p = 1 / (1 + np.exp(-q)), 1 / (1 + np.exp(-p))
    discrete = np.sum(q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p)), axis=-1).mean()
    assert logistic > discrete + 0.05


@pytest.mark.parametrize("kind", ["bernoulli", "one-hot-two-layers"])
def test_evaluate_reports_the_discrete_bound(kind):
    model = build(kind, estimator="relaxed", num_samples=2, seed=3)
    model.compile()
    x = np.tile(X, (20_000, 1))
    reported = model.evaluate(x, batch_size=10_000, verbose=0, return_dict=True)["bound"]
    exact = float(np.mean(Enumeration(model, X).iwelbo(2)))
    error = model.iwelbo(x, seed=1).numpy().std() / np.sqrt(len(x))
    assert abs(reported - exact) < 5 * error and 5 * error < 0.1
    _, figures = step_gradients.sample(model, x[:2000], {}, 10)
    assert abs(figures["bound"].mean() - exact) > 0.1
