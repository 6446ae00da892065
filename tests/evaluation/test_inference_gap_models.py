"""The inference gap of every model and head that has one, by quadrature where that is possible, and of those without.

Mutations, each seen to break a test here: `constrain` without the exponential of a scale, directions that are not made
unit vectors again, a flow's score term left out where q's density follows the path, a best q that is scored elsewhere
than it is sampled.
"""

import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from conformance.cover import rows
from kit import flexible_models
from kit.marks import tiers
from scipy import optimize
from scipy.special import logsumexp

from tfvae import evaluation
from tfvae.checks import UserError

FAST = {"diagonal"}
SUITED = [name for name in models.INFERENTIAL if not name.startswith(("hierarchical", "draw", "discrete"))]


@pytest.mark.parametrize("posterior", flexible_models.POSTERIORS)
def test_constrain_undoes_unconstrain(posterior):
    model = flexible_models.build(posterior)
    q = model.encoding(tf.constant(flexible_models.X))
    free = model.unconstrain(q)
    for one, other in zip(q, model.constrain(free), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    shaken = tuple(part + 0.3 for part in free)
    z = model.posterior_head.sample(model.constrain(shaken), tf.zeros((3, model.posterior_head.noise_size)))
    density = model.posterior_head.distribution(model.constrain(shaken))
    np.testing.assert_allclose(
        model.posterior_head.log_prob(model.constrain(shaken), z), density.log_prob(z), atol=1e-4
    )


def best_diagonal_elbo(model, x, points=40):
    """Returns the largest ELBO of a diagonal Normal for each example, by Gauss-Hermite quadrature and BFGS: [B]."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    noise = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.outer(weights, weights).reshape(-1) / weights.sum() ** 2
    prior, linear = model.prior_head, model.likelihood_head.loc_layer.linear
    locs, log_scales, logits, kernel, bias = (
        np.asarray(part, np.float64)
        for part in (prior.locs, prior.log_scales, prior.logits, linear.kernel, linear.bias)
    )

    def log_joint(z, row):
        white = (z[:, None] - locs) / np.exp(log_scales)
        each = logits - logsumexp(logits) - np.sum(0.5 * white**2 + log_scales, axis=-1) - np.log(2 * np.pi)
        error = (row - z @ kernel - bias) / 0.8
        return logsumexp(each, axis=-1) - np.sum(0.5 * error**2 + np.log(0.8 * np.sqrt(2 * np.pi)), axis=-1)

    def minus_elbo(free, row):
        z = free[:2] + np.exp(free[2:]) * noise
        return -(weights @ log_joint(z, row) + free[2:].sum() + np.log(2 * np.pi) + 1.0)

    start = np.concatenate(model.unconstrain(model.encoding(tf.constant(x))), axis=-1).astype(np.float64)
    return np.array([-optimize.minimize(minus_elbo, s, (r,)).fun for s, r in zip(start, x, strict=True)])


def build(posterior):
    """A model with a random encoder under whose mixture of a prior p(z|x) is correlated and no Normal distribution."""
    model = flexible_models.build(posterior, "mixture")
    model.prior_head.locs.assign([[-1.5, 0.0], [1.5, 0.5], [0.0, -1.5]])
    model.prior_head.log_scales.assign([[-0.4, 0.0], [-0.2, -0.3], [0.2, -0.4]])
    model.prior_head.logits.assign([0.0, 0.5, -0.2])
    model.likelihood_head.loc_layer.linear.kernel.assign([[1.0, 0.5, 0.0], [0.6, 1.0, 0.4]])
    model.likelihood_head.loc_layer.linear.bias.assign([0.1, -0.2, 0.0])
    return model


@pytest.mark.parametrize("posterior", tiers(flexible_models.POSTERIORS, fast=FAST))
def test_against_quadrature(posterior):
    model, x = build(posterior), flexible_models.X
    truth = flexible_models.log_marginal(model, x)
    run = evaluation.inference_gap(model, x, num_samples=20_000, steps=600, log_prob=truth)
    if (
        posterior != "realnvp"
    ):  # whose random couplings are 0.5 nats or more off: no proposal for importance sampling
        own = evaluation.inference_gap(model, x, num_samples=20_000, steps=600)
        z = (own.log_prob.values - truth) / own.log_prob.standard_error
        assert np.abs(z).max() < 5 and own.log_prob.standard_error.max() < 0.05
    assert (run.approximation.values > -5 * run.approximation.standard_error).all()
    assert (run.amortization.values > 5 * run.amortization.standard_error).all(), "the encoder is random"
    if posterior == "diagonal":
        best = best_diagonal_elbo(model, x)
        assert (truth - best > 0.1).all()
        assert (np.abs(run.best_elbo.values - best) < 5 * run.best_elbo.standard_error + 0.002).all()
        assert 5 * run.best_elbo.standard_error.max() < 0.03
    if posterior in ("full", "householder"):
        assert (run.approximation.values < 0.1).all(), "every covariance of two units is theirs"
    if posterior in ("diagonal", "full", "householder"):
        assert run.converged


@pytest.mark.parametrize("name", rows(SUITED, fast=["cvae-label"], costly="gap"))
def test_every_model_that_has_one(name):
    model = models.create(name)
    x = models.examples(model, 6)
    data = models.data(model, x)
    run = evaluation.inference_gap(
        model,
        data if isinstance(model, models.Conditional) else data[0],
        num_samples=400,
        steps=150,
        step_samples=4,
    )
    for part in (run.inference, run.approximation, run.amortization):
        assert np.isfinite(part.values).all() and np.isfinite(part.standard_error).all()
    gained = run.amortization
    assert gained.mean > 3 * gained.monte_carlo_standard_error, "tables' encoders are random"
    chains = evaluation.ais(
        model, data if isinstance(model, models.Conditional) else data[0], 30, 60
    )  # which need nothing of q
    off = run.log_prob.values - chains.log_prob
    of_mean = np.sqrt(np.sum(run.log_prob.standard_error**2 + chains.standard_error**2)) / len(off)
    assert off.mean() < 5 * of_mean < 0.5
    assert abs(np.median(off)) < 0.5, (
        "a q may miss a mode, of which its particles tell nothing, but not of most"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("regressor-label", "no inference gap.*received Regressor; its log p.x.condition. is exact"),
        (
            "discrete-linear",
            "needs continuous latents.*received DiscreteVAE; log_marginal and active_units apply",
        ),
        ("hierarchical-mlp", "parameters depend on x alone.*received HierarchicalVAE; log_marginal"),
        ("draw-whole", "parameters depend on x alone.*received DRAW; log_marginal and active_units apply"),
    ],
)
def test_a_model_without_one_says_what_applies(name, says):
    model = models.create(name)
    with pytest.raises(UserError, match=says) as caught:
        evaluation.inference_gap(model, models.examples(model, 2))
    assert "\n" not in str(caught.value)


def test_one_layer_of_a_hierarchy_has_one():
    part = models.vae_mlp()
    model = models.HierarchicalVAE(
        [part.encoder],
        [part.decoder],
        posteriors=[part.posterior_head],
        conditionals=[],
        likelihood=part.likelihood_head,
    )
    model.build()
    run = evaluation.inference_gap(model, models.examples(model, 3), num_samples=20, steps=4)
    assert np.isfinite(run.inference.values).all()
