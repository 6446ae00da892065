"""Active units of the upper layers: Var_x(E_q[z_l|x]), the scatter of the layers sampled before it taken out.

Mutations, each seen to break a test here: the variance of one average in place of two averages' covariance, the same
draws in both averages, layers in the other order, too few draws, blocks that share noise, codes of one average in place
of both, the threshold of the paper whatever was asked for.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import flexible_models
from kit.stats import assert_mean_close

import tfvae
from tfvae import random
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Normal, RealNVP
from tfvae.evaluation import active_units, activity
from tfvae.evaluation.traced import KEPT

X = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
LOC = [np.diag([1.5, 0.05]), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])]  # kernels: x to z_1, z_1 to z_2


def identity():
    return keras.layers.Identity()


def build(model_class):
    """E[z_1|x] = (1.5 x_1, 0.05 x_2), a wide scale of 2; bottom-up, E[z_2|z_1] is z_1 and a constant."""
    model = model_class(
        [identity(), identity()],
        [identity(), identity()],
        posteriors=[DiagonalNormal(2), DiagonalNormal(3)],
        conditionals=[DiagonalNormal(2)],
        likelihood=Normal(2),
    )
    model.build()
    for head, kernel in zip(model.posterior_heads, LOC, strict=True):
        head.loc_layer.linear.kernel.assign(kernel)
        head.scale_layer.linear.kernel.assign(tf.zeros_like(head.scale_layer.linear.kernel))
        head.scale_layer.linear.bias.assign(tf.fill([kernel.shape[1]], np.log(2.0)))
    return model


def test_layers_of_bottom_up_inference(monkeypatch):
    monkeypatch.setattr(activity, "DRAWS_PER_BLOCK", 7000)
    units = active_units(build(tfvae.HierarchicalVAE), X, draws=5)
    below, above = units.variances
    exact = X.var(axis=0) * [1.5**2, 0.05**2]
    np.testing.assert_allclose(below, exact, rtol=1e-5)
    # each average is over 5 draws of variance 4: as much again as the threshold if it were not taken out
    error = np.sqrt((exact + 4 / 5) ** 2 / len(X))
    assert np.all(np.abs(above[:2] - exact) < 5 * error) and 5 * error[1] < 0.8
    assert abs(above[2]) < 1e-12
    assert units.by_layer[0] == 1 and units.by_layer[1] <= 2 and units.count == sum(units.by_layer)
    # the codes are means of ten draws, of a variance of 4 / 10 about the exact ones
    gap = units.means[1][:, :2] - X * [1.5, 0.05]
    assert_mean_close(gap, 0.0, smallest_bug=0.1)
    assert_mean_close(gap**2, 4 / 10, smallest_bug=0.1)
    assert active_units(build(tfvae.HierarchicalVAE), X[:50], threshold=1e9, draws=1).count == 0


def test_layers_of_top_down_inference():
    model = build(tfvae.LadderVAE)
    units = active_units(model, X)
    np.testing.assert_allclose(units.variances[1], [*(X.var(axis=0)), 0.0], rtol=1e-5, atol=1e-9)
    conditional = model.conditional_heads[0].loc_layer.linear
    conditional.kernel.assign(tf.zeros_like(conditional.kernel))
    scale = model.conditional_heads[0].scale_layer.linear
    scale.kernel.assign(
        tf.zeros_like(scale.kernel)
    )  # p(z_1|z_2) = N(0, 1): E[z_1|x] shrinks by 1 / (1 + 2^2)
    shrunk = active_units(model, X).variances[0]
    np.testing.assert_allclose(shrunk, X.var(axis=0) * [0.3**2, 0.01**2], rtol=1e-4)


@pytest.mark.parametrize("posterior", ["realnvp", "iaf"])
def test_means_without_a_closed_form_are_those_of_draws(posterior):
    model = flexible_models.build(posterior, spread=1.5)
    q, count = model.posterior_parameters(flexible_models.X), 10 * 32
    draws = model.posterior_head.sample(q, random.PhiloxNoise(3, 3).normal("z", 100 * count, 2))
    draws = draws.numpy().astype(np.float64)
    error = draws.std(axis=0) * np.sqrt(1.01 / count)
    (means,) = active_units(model, flexible_models.X).means
    assert np.all(np.abs(means - draws.mean(axis=0)) < 5 * error)
    assert np.any(np.abs(model.encode(flexible_models.X) - draws.mean(axis=0)) > 10 * error)


def test_an_upper_layer_may_have_no_mean_in_closed_form():
    model = tfvae.HierarchicalVAE(
        [identity(), identity()],
        [identity(), identity()],
        posteriors=[DiagonalNormal(2), RealNVP(3, couplings=2, hidden_size=3, context_size=2)],
        conditionals=[DiagonalNormal(2)],
        likelihood=Normal(2),
    )
    model.build()
    below, above = model.layer_means(tf.constant(X[:7]), 4, random.PhiloxNoise(0, 7))
    assert below.shape == (1, 7, 2) and above.shape == (4, 7, 3)


@pytest.mark.parametrize("count", [0, 1.5])
def test_there_are_draws(count):
    with pytest.raises(UserError, match="draws is not a positive integer"):
        active_units(build(tfvae.LadderVAE), X[:3], draws=count)


def test_the_draws_tell_a_unit_under_the_threshold_from_one_above():
    """As many wrong counts at 5 draws: one in five. E[z_2|x] is E[z_1|x], about which z_1 scatters with variance 1."""
    model = build(tfvae.HierarchicalVAE)
    model.posterior_heads[0].scale_layer.linear.bias.assign(tf.zeros(2))
    model.posterior_heads[0].loc_layer.linear.kernel.assign(np.diag([0.05, 0.15]))
    x = X[:500] / X[:500].std(axis=0)
    found = np.array([active_units(model, x, seed=seed).variances[1][:2] for seed in range(12)])
    assert_mean_close(found, [0.05**2, 0.15**2], smallest_bug=0.005)
    assert found.std(axis=0)[0] < activity.THRESHOLD / 5
    assert found[:, 0].max() < activity.THRESHOLD < found[:, 1].min()


def test_blocks_do_not_matter_and_a_model_is_traced_once(monkeypatch):
    model = build(tfvae.HierarchicalVAE)
    whole = active_units(model, X[:30], draws=2)
    (traced,) = vars(model)[KEPT]["active_units"]
    active_units(model, X[:30], draws=2, seed=1)
    assert vars(model)[KEPT]["active_units"] == (traced,) and traced.experimental_get_tracing_count() == 1
    monkeypatch.setattr(activity, "DRAWS_PER_BLOCK", 4 * 7)
    for one, other in zip(whole.means, active_units(model, X[:30], draws=2).means, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        assert one.shape[0] == 30
