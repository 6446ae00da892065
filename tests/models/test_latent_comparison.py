"""Comparisons in latent space: of linear Gaussian encoders, whose aggregated posterior is known.

Written against these mutations: a comparison without its weight, or in the loss of a validation; codes that are cut
from their path; draws from p(z) that move the prior; the second draw of an example; examples of weight 0 that count;
a discriminator that the model's optimiser moves, or that sees codes for real; label and sign of a game swapped.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import step_gradients
from kit.stats import assert_mean_close

from tfvae import CVAE, IWAE, VAE, comparisons
from tfvae.checks import UserError
from tfvae.comparisons.adversarial import Adversarial
from tfvae.distributions import (
    DiagonalNormal,
    FullCovarianceNormal,
    MixturePrior,
    Normal,
    RealNVPPrior,
    StandardNormal,
    VampPrior,
)
from tfvae.networks import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 2)).astype(np.float32)
WEIGHT = 3.0


def create(posterior=DiagonalNormal, prior=None, build=True, **options):
    """A VAE with linear encoder and decoder; the same weights whatever is compared."""
    keras.utils.set_random_seed(0)
    parts = keras.layers.Identity(), keras.layers.Identity()
    model = VAE(*parts, posterior=posterior(2), likelihood=Normal(2, scale=0.8), prior=prior, **options)
    if build:
        model.build()
    return model


def fitted(model, **options):
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    model.fit(X, verbose=0, **{"epochs": 2, "batch_size": 3, "shuffle": False} | options)


def kernel_mean(mean, variance, bandwidths):
    """E k of a difference N(mean, diag(variance)): [...], summed over the kernels."""
    return sum(
        np.prod(1 + variance / s, axis=-1) ** -0.5 * np.exp(-0.5 * np.sum(mean**2 / (s + variance), axis=-1))
        for s in bandwidths
    )


def discrepancy(loc, scale, weight, bandwidths=(0.5, 2.0)):
    """E of the unbiased MMD^2 between one code for each example and as many draws of N(0, I)."""
    share = weight / weight.sum()
    pairs = kernel_mean(loc[:, None] - loc, (scale**2)[:, None] + scale**2, bandwidths)
    alone = share @ (share * np.diag(pairs))
    codes = (share @ pairs @ share - alone) / (1 - share @ share)
    prior = kernel_mean(np.zeros(2), np.full(2, 2.0), bandwidths)
    return codes + prior - 2 * share @ kernel_mean(loc, scale**2 + 1, bandwidths)


def posterior(weights):
    """loc and scale of q(z|x) for X, of the head's four arrays."""
    kernel, bias, raw, raw_bias = weights
    return X @ kernel + bias, np.exp(X @ raw + raw_bias)


MMD = {"name": "mmd", "bandwidths": (0.5, 2.0), "unbiased": True}


@pytest.mark.slow
def test_the_discrepancy_and_its_gradient_are_those_of_the_closed_form():
    """What a comparison adds to the gradient at the same noise has the mean of the closed form's differences."""
    steps, found = 300, []
    for options in ({}, {"latent_comparison": MMD, "latent_weight": WEIGHT}):
        model = step_gradients.randomized(create(build=False, **options), 0.4)
        model.compile("sgd")
        head = model.posterior_head.trainable_variables
        variables = {f"{i}": variable for i, variable in enumerate(head)}
        variables["decoder"] = model.likelihood_head.trainable_variables[0]
        found.append(step_gradients.sample(model, X, variables, steps))
    (plain, _), (more, figures) = found
    weights = [variable.numpy().astype(float) for variable in head]
    ones = np.ones(len(X))
    expected = discrepancy(*posterior(weights), ones)
    assert_mean_close(figures["latent_comparison"], expected, smallest_bug=0.15)
    np.testing.assert_allclose(
        figures["loss"], WEIGHT * figures["latent_comparison"] - figures["bound"], rtol=1e-5
    )
    np.testing.assert_array_equal(more.pop("decoder"), plain.pop("decoder"))
    for name in plain:
        slope, step = np.zeros_like(weights[int(name)]), 1e-5
        for place in np.ndindex(*slope.shape):
            ends = []
            for sign in (1, -1):
                moved = [w.copy() for w in weights]
                moved[int(name)][place] += sign * step
                ends.append(discrepancy(*posterior(moved), ones))
            slope[place] = (ends[0] - ends[1]) / (2 * step)
        assert_mean_close((plain[name] - more[name]) / WEIGHT, slope, smallest_bug=0.2, name=name)


@pytest.mark.parametrize("name", comparisons.latent_names())
def test_weights_are_shares_and_the_loss_scales_with_them(name):
    """An example of weight 0 may be anything; all weights doubled double the loss and leave the comparison."""
    weight = np.float32([1, 2, 0, 1, 3, 0])
    spoilt = np.where(weight[:, None] == 0, 9.0, X).astype(np.float32)
    found = []
    for x, w in ((X, weight), (spoilt, weight), (X, 2 * weight)):
        model = create(latent_comparison=name, latent_weight=WEIGHT)
        model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
        found.append(model.train_on_batch(x, sample_weight=w, return_dict=True))
    for figures in found[1:]:
        for metric in ("bound", "latent_comparison"):
            np.testing.assert_allclose(figures[metric], found[0][metric], rtol=1e-5)
    mean = np.average(-found[0]["bound"]) + WEIGHT * found[0]["latent_comparison"]
    np.testing.assert_allclose(found[0]["loss"], mean * weight.sum() / len(X), rtol=1e-5)
    np.testing.assert_allclose(found[2]["loss"], 2 * found[0]["loss"], rtol=1e-5)


@pytest.mark.parametrize("name", comparisons.latent_names())
def test_validation_reports_the_plain_bound_and_the_comparison(name):
    plain, model = create(), create(latent_comparison=name)
    plain.compile("sgd", run_eagerly=True), model.compile("sgd", run_eagerly=True)
    figures = model.evaluate(X, verbose=0, return_dict=True)
    for metric, value in plain.evaluate(X, verbose=0, return_dict=True).items():
        assert figures.pop(metric) == pytest.approx(value, rel=1e-6)
    game = isinstance(model.latent_comparison, Adversarial)
    assert set(figures) == {"latent_comparison", *["discriminator_loss"] * game}


def on_a_line(**options):
    """q(z|x) = N(M, 1) whatever x is; a logistic discriminator, which can be optimal."""
    keras.utils.set_random_seed(0)
    options = {"latent_comparison": "non-saturating", "latent_discriminator": keras.layers.Dense(1)} | options
    posterior = DiagonalNormal(1, kernel_initializer="zeros")
    parts = keras.layers.Identity(), keras.layers.Identity()
    model = VAE(*parts, posterior=posterior, likelihood=Normal(1, scale=1.0), kl_weight=0.0, **options)
    model.build()
    posterior.loc_layer.linear.bias.assign([M])
    return model


M = 0.7
NODES, MASS = np.polynomial.hermite_e.hermegauss(80)
MASS = MASS / MASS.sum()


@pytest.mark.slow
def test_the_game_moves_the_codes_by_its_cost():
    """At the optimal a(z) = log p(z) - log q(z) = M^2 / 2 - M z the mean gradient is known by quadrature."""
    x, found = np.zeros((20, 1), np.float32), []
    for options in ({}, {"latent_comparison": None, "latent_discriminator": None}):
        model = on_a_line(**options)
        if model.latent_discriminator is not None:
            model.latent_discriminator.set_weights([np.array([[-M]]), np.array([M**2 / 2])])
            model.compile("sgd", discriminator_optimizer=keras.optimizers.SGD(0.0))
        else:
            model.compile("sgd")
        variables = {"loc": model.posterior_head.loc_layer.linear.bias}
        found.append(step_gradients.sample(model, x, variables, 400)[0]["loc"])
    weight = -0.5 / (1 + np.exp(M**2 / 2 - M * (M + NODES)))
    expected = 10.0 * MASS @ (weight * -M)  # 10: the default weight of this game
    assert_mean_close(found[1] - found[0], expected, smallest_bug=0.15)


@pytest.mark.slow
def test_the_discriminator_finds_the_ratio_of_prior_and_codes():
    model = on_a_line()
    model.compile(keras.optimizers.SGD(0.0), discriminator_optimizer=keras.optimizers.SGD(0.5))
    model.fit(np.zeros((20_000, 1), np.float32), batch_size=2000, epochs=25, verbose=0)
    slope, offset = (weights.ravel()[0] for weights in model.latent_discriminator.get_weights())
    error = 0.03  # of a logistic regression on some 20,000 codes of each kind that still move
    assert abs(slope + M) < 3 * error and abs(offset - M**2 / 2) < 3 * error


def test_each_player_moves_its_own_weights():
    for rates in ((0.1, 0.0), (0.0, 0.1)):
        model = create(latent_comparison="non-saturating")
        optimizers = [keras.optimizers.SGD(rate) for rate in rates]
        model.compile(optimizers[0], discriminator_optimizer=optimizers[1], run_eagerly=True)
        before = [w.numpy() for w in model.weights]
        mine = {id(w) for w in model.latent_discriminator.weights}
        model.train_on_batch(X)
        moved = {
            id(w) in mine
            for w, then in zip(model.weights, before, strict=True)
            if not np.array_equal(w, then)
        }
        assert moved == {rates[1] > 0}


def test_the_weights_start_alike_whatever_is_compared():
    plain, model = create(), create(latent_comparison="non-saturating")
    for mine, others in zip(plain.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(mine, others)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mmd", {"estimator": "stl", "num_samples": 3, "backward_particles": 2}),
        ("non-saturating", {"estimator": "elbo-analytic", "kl_warmup_steps": 3}),
        ("total-correlation", {"num_samples": 2}),
        ("factor", {}),
    ],
)
def test_training_goes_on_bit_for_bit_after_loading(name, options, tmp_path):
    model = create(latent_comparison=name, **options)
    fitted(model)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    for either in (model, copy):
        either.fit(X, batch_size=3, epochs=2, verbose=0, shuffle=False)
    optimizers = [optimizer for optimizer, _ in model.optimizers().values()]
    others = [optimizer for optimizer, _ in copy.optimizers().values()]
    assert len(optimizers) == 1 + (name in ("non-saturating", "factor"))
    for mine, theirs in zip((model, *optimizers), (copy, *others), strict=True):
        for now, then in zip(mine.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(now, then)


PRIORS = {
    "mixture": lambda: MixturePrior(2, 3),
    "flow": lambda: RealNVPPrior(2),
    "vamp": lambda: VampPrior(2, 2, 3, (-3.0, 3.0)),
}


@pytest.mark.parametrize("name", ["mmd", "non-saturating"])
@pytest.mark.parametrize("prior", PRIORS)
def test_any_prior_is_compared_with_and_learns_from_the_bound_alone(name, prior):
    found = []
    for options in ({}, {"latent_comparison": name}):
        model = create(prior=PRIORS[prior](), **options)
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        model.train_on_batch(X)
        own = {id(w) for w in model.posterior_head.weights}
        found.append([w.numpy() for w in model.prior_head.trainable_weights if id(w) not in own])
        found.append([w.numpy() for w in model.posterior_head.trainable_weights])
    plain_prior, plain_posterior, moved_prior, moved_posterior = found
    assert plain_prior
    for one, other in zip(plain_prior, moved_prior, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((a != b).any() for a, b in zip(plain_posterior, moved_posterior, strict=True))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"latent_comparison": "mmmd"}, "unknown latent_comparison"),
        ({"latent_weight": 2.0}, "latent_weight needs a latent_comparison; expected latent_weight=None"),
        ({"latent_discriminator": MLP([1])}, "latent_discriminator needs a latent_comparison"),
        ({"latent_comparison": "mmd", "latent_weight": -1.0}, "latent_weight"),
        ({"latent_comparison": "mmd", "latent_discriminator": MLP([1])}, "needs a comparison that is a game"),
        ({"latent_comparison": "non-saturating", "latent_discriminator": 3}, "is of the wrong kind"),
        (
            {"latent_comparison": "non-saturating", "latent_discriminator": MLP([2])},
            r"latent discriminator does not give one number for each example; .*received shape \[B, 2\]",
        ),
        (
            {"latent_comparison": "mmd", "estimator": "iwae", "num_samples": 2},
            "lower bound; expected .*elbo, elbo-analytic.* stl; received iwae",
        ),
        (
            {"latent_comparison": "total-correlation", "posterior": FullCovarianceNormal},
            "units are independent given x; expected DiagonalNormal; received FullCovarianceNormal",
        ),
    ],
)
def test_bad_arguments_are_one_line(options, says):
    with pytest.raises(UserError, match=says) as caught:
        create(**options)
    assert "\n" not in str(caught.value)


def test_what_else_is_refused():
    parts = keras.layers.Identity(), keras.layers.Identity()
    heads = {"posterior": DiagonalNormal(2), "likelihood": Normal(2)}
    with pytest.raises(UserError, match="goes with the evidence lower bound"):
        IWAE(*parts, **heads, latent_comparison="mmd")
    with pytest.raises(UserError, match="different conditions have no one prior"):
        CVAE(*parts, **heads, condition_shape=3, latent_comparison="mmd")
    with pytest.raises(UserError, match="discriminator_optimizer needs a latent_comparison that is a game"):
        create(latent_comparison="mmd").compile("sgd", discriminator_optimizer="sgd")
    sgd = keras.optimizers.SGD(0.1)
    with pytest.raises(UserError, match="two networks have the same optimiser"):
        create(latent_comparison="non-saturating").compile(sgd, discriminator_optimizer=sgd)
    model = create(latent_comparison=MMD)
    with pytest.raises(UserError, match="needs pairs of examples; expected 2 or more in a batch; received 1"):
        fitted(model, batch_size=5)


def test_several_layers_of_latents_take_no_comparison():
    from conformance import models

    for name in ("hierarchical-mlp", "ladder-mlp", "discrete-linear", "draw-whole"):
        with pytest.raises(UserError, match="does not take latent_comparison"):
            models.TABLE[name](latent_comparison="mmd")


def test_a_regulariser_of_the_discriminator_is_of_its_own_turn():
    """It counts in the discriminator's loss, not in the model's."""
    found = []
    for rate in (0.0, 1.0):
        regularizer = keras.regularizers.L2(rate)
        network = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=regularizer)
        model = create(latent_comparison="non-saturating", latent_discriminator=network)
        still = keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0)
        model.compile(still[0], discriminator_optimizer=still[1], run_eagerly=True)
        found.append(model.train_on_batch(X, return_dict=True))
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-6)
    squares = float(tf.reduce_sum(tf.square(model.latent_discriminator.kernel)))
    assert found[1]["discriminator_loss"] - found[0]["discriminator_loss"] == pytest.approx(squares, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", comparisons.latent_names())
def test_a_compiled_step_is_the_same(name):
    found = []
    for jit in (True, False):
        model = create(latent_comparison=name)
        model.compile(keras.optimizers.SGD(0.01), jit_compile=jit)
        model.fit(X, batch_size=3, epochs=2, verbose=0, shuffle=False)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_prior_is_reached_without_the_divergence():
    """A WAE-MMD: with no KL weight, the codes of two far clusters still end as draws from the prior."""
    keras.utils.set_random_seed(0)
    x = (RNG.choice([-3.0, 3.0], size=(600, 1)) + 0.3 * RNG.normal(size=(600, 2))).astype(np.float32)
    found = {}
    for weight in (0.0, 30.0):
        keras.utils.set_random_seed(1)
        model = VAE(
            MLP([32], "tanh"),
            MLP([32], "tanh"),
            posterior=DiagonalNormal(2),
            likelihood=Normal(2, scale=0.5),
            prior=StandardNormal(2),
            kl_weight=0.0,
            latent_comparison="mmd",
            latent_weight=weight,
        )
        model.compile(keras.optimizers.Adam(0.01))
        model.fit(x, epochs=30, batch_size=100, verbose=0)
        found[weight] = model.evaluate(x, batch_size=600, verbose=0, return_dict=True)["latent_comparison"]
    assert found[30.0] < 0.1 < 3 * found[30.0] + 0.2 and found[30.0] < 0.2 * found[0.0]


@pytest.mark.parametrize("name", ["mmd", "total-correlation"])
def test_weights_that_are_doubled_double_a_step(name):
    def moved(weight):
        model = create(latent_comparison=name)
        model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
        before = [variable.numpy() for variable in model.trainable_variables]
        model.train_on_batch(X, sample_weight=np.full(len(X), weight, np.float32))
        after = [variable.numpy() for variable in model.trainable_variables]
        return np.concatenate([(b - a).ravel() for a, b in zip(before, after, strict=True)])

    np.testing.assert_allclose(moved(2.0), 2 * moved(1.0), rtol=1e-3, atol=1e-7)
