"""Presets: a name alone makes a model.

Mutations, each seen to break a test here: a decoder with the encoder's widths in the same order; a condition's network
with another activation than the rest.
"""

import itertools
import re

import keras
import numpy as np
import pytest

from tfvae import distributions, presets
from tfvae.checks import UserError
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Inferential
from tfvae.presets import heads
from tfvae.presets.differences import DIFFERENCES


@pytest.mark.parametrize("name", presets.names())
def test_a_name_is_enough(name):
    model = presets.create(name)
    x = np.zeros((2, *model.event_shape), np.float32)
    if isinstance(model, Conditional):
        assert model(x).shape == x.shape
        assert model.sample(3, seed=0, condition=x).shape == (3, *x.shape)
        return
    if isinstance(model, Inferential):
        assert model.reconstruct(x).shape == x.shape
    if not presets.get(name).draws:
        assert model.log_prob(x).shape == (2,)
        return
    assert model.sample(3, seed=0).shape == (3, *model.event_shape)


def test_decoders_mirror_encoders_and_every_network_has_the_activation():
    plain = presets.create("digits", widths=(9, 4), activation="elu")
    given = presets.create(
        "cvae-column", image_shape=(8, 8, 1), widths=(9, 4), activation="elu", batch_norm=True
    )
    conv = presets.create("conv", widths=(2, 3), image_shape=(8, 8, 1))
    assert (plain.encoder.units, plain.decoder.units) == ([9, 4], [4, 9])
    assert (conv.encoder.filters, conv.decoder.filters) == ([2, 3], [3, 2])
    for network in (plain.encoder, plain.decoder, given.encoder, given.decoder, given.condition_network):
        assert network.activation is keras.activations.elu
    assert given.condition_network.units == [9, 4] and given.condition_network.batch_norm


@pytest.mark.parametrize("condition", ["column", "quadrant"])
def test_the_regressor_has_the_layers_of_the_model_without_latents(condition):
    model, regressor = (presets.create(f"{kind}-{condition}") for kind in ("cvae", "regressor"))
    np.testing.assert_array_equal(model.visible, regressor.visible)
    assert model.visible.sum() == {"column": 28, "quadrant": 14 * 14}[condition]
    assert regressor.network.units == model.condition_network.units + model.decoder.units
    assert model.likelihood_head.event_shape == regressor.likelihood_head.event_shape


def test_a_preset_of_dense_layers_takes_a_label():
    model = presets.create("digits", condition="label", condition_shape=4)
    labels = np.eye(4, dtype=np.float32)
    assert model.sample(2, seed=0, condition=labels).shape == (2, 4, 8, 8, 1)


@pytest.mark.parametrize(
    ("name", "condition"),
    [("cvae-column", "none"), ("conv", "label"), ("digits", "corner"), ("draw", "label"),
     ("ladder-2layer", "label"), ("burda-2layer", "column"), ("ring", "column")],
)  # fmt: skip
def test_conditions_that_a_preset_cannot_have(name, condition):
    with pytest.raises(UserError, match="condition"):
        presets.create(name, condition=condition)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [("diagonal", "standard"), ("full", "mixture"), ("householder", "vamp"), ("realnvp", "realnvp"),
     ("iaf", "mixture")],
)  # fmt: skip
def test_posteriors_and_priors_by_name(posterior, prior):
    model = presets.create("digits", widths=(4,), latent_size=3, posterior=posterior, prior=prior)
    assert type(model.posterior_head).__name__ == presets.POSTERIORS[posterior].head
    assert type(model.prior_head).__name__ == presets.PRIORS[prior].head
    assert model.sample(2, seed=0).shape == (2, 8, 8, 1)


def test_a_conditional_posterior_and_prior():
    prior = distributions.MixturePrior(3)
    options = {"image_shape": (8, 8, 1), "widths": (4,), "latent_size": 3, "posterior": "iaf"}
    for given, kind in (
        ({}, "DiagonalNormal"),
        ({"prior": "fixed"}, "StandardNormal"),
        ({"prior": prior}, "Mixture"),
    ):
        model = presets.create("cvae-column", **options, **given)
        assert type(model.prior_head).__name__.startswith(kind)
        assert type(model.posterior_head).__name__ == presets.POSTERIORS["iaf"].head
        condition = np.zeros((2, 8, 8, 1), np.float32)
        assert model.sample(2, seed=0, condition=condition).shape == (2, 2, 8, 8, 1)
    assert model.prior_head is prior
    with pytest.raises(UserError, match="VampPrior mixes posteriors of examples alone"):
        presets.create("cvae-column", **options, prior=distributions.VampPrior(3, (8, 8, 1)))


@pytest.mark.parametrize(
    ("name", "options"),
    [("cvae-column", {"prior": "mixture"}), ("cvae-column", {"prior": "standard"}),
     ("regressor-column", {"posterior": "full"}),
     ("ladder-2layer", {"posterior": "iaf"}), ("burda-2layer", {"prior": "vamp"}), ("draw", {"prior": "mixture"}),
     ("sbn-200-200-200", {"posterior": "full"})],
)  # fmt: skip
def test_presets_that_have_their_own_posterior_or_prior(name, options):
    with pytest.raises(UserError, match=f"takes no other {next(iter(options))}"):
        presets.create(name, **options)


def test_an_unknown_posterior_or_prior_is_refused():
    for options in ({"posterior": "planar"}, {"prior": "flat"}):
        with pytest.raises(UserError, match="unknown"):
            presets.create("digits", **options)


def test_a_preset_that_names_a_paper_says_what_differs():
    named = {preset.name for preset in presets.TABLE if re.search(r"(19|20)\d\d", preset.summary)}
    assert named == {preset.name for preset in presets.TABLE if preset.differences} == set(DIFFERENCES)
    for line in itertools.chain(*DIFFERENCES.values()):
        assert "\n" not in line and not line.endswith(".")


def test_an_unknown_override_is_refused():
    for name in ("digits", "regressor-column"):
        with pytest.raises(UserError, match="does not take typo"):
            presets.create(name, image_shape=(8, 8, 1), widths=(3,), typo=1)


def test_a_preset_for_any_shape_takes_one():
    assert presets.create("conv").event_shape == (28, 28, 1)
    assert presets.create("conv", image_shape=(8, 12, 3)).event_shape == (8, 12, 3)


ROLES = {
    "posterior": distributions.PosteriorHead,
    "prior": distributions.PriorHead,
    "generator prior": distributions.PriorHead,
    "conditional prior": (distributions.PriorHead, distributions.PosteriorHead),
    "likelihood": distributions.LikelihoodHead,
}


@pytest.mark.parametrize("row", heads.TABLE, ids=lambda row: f"{row.name}-{row.roles[0]}")
def test_a_named_head_has_the_roles_and_values_that_its_row_says(row):
    head = getattr(distributions, row.head)
    assert head.value_kind == row.value_kind
    assert all(issubclass(head, ROLES[role]) for role in row.roles)
    assert row.any_real == ("likelihood" in row.roles and head.support == (-np.inf, np.inf))


def test_the_builder_of_a_preset_cannot_be_overridden():
    with pytest.raises(UserError, match=r"cannot be overridden; received build$"):
        presets.create("digits", build=print)


# ---- presets that are trained by comparing samples


def test_a_game_has_the_widths_of_the_preset_the_generator_in_reverse():
    model = presets.create(
        "gan", image_shape=(28, 28, 1), latent_size=10, widths=(1024, 256, 256, 64), batch_norm=False
    )
    kernels = [tuple(weight.shape) for weight in model.generator_network.weights]
    assert kernels[::2] == [(10, 64), (64, 256), (256, 256), (256, 1024), (1024, 784)]
    images = model.sample(5, seed=0)
    assert images.numpy().min() >= 0 and images.numpy().max() <= 1
    points = presets.create("gan", image_shape=(2,), batch_norm=True, cost="wasserstein", gradient_penalty=10)
    assert points.event_shape == (2,) and points.cost.name == "wasserstein" and points.gradient_penalty == 10
    assert len(points.generator_network.non_trainable_weights) == 4
    assert not points.discriminator.non_trainable_weights  # no batch normalisation in the critic


def test_dcgan_takes_its_published_width():
    model = presets.create("dcgan", image_shape=(8, 8, 3), widths=(128,), latent_size=5)
    assert model.generator_network.width == model.discriminator.width == 128


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"estimator": "iwae"}, "preset gan is trained by comparing samples.*expected no estimator"),
        ({"likelihood": "normal"}, "expected no likelihood"),
        ({"condition": "label"}, "takes no condition"),
        ({"posterior": "full"}, "takes no other posterior"),
        ({"prior": "vamp"}, "takes no other prior.*standard or uniform"),
        ({"cost": "least-squares"}, "unknown cost"),
        ({"discriminator_steps": 0}, "discriminator_steps"),
        ({"kl_weight": 2.0}, "GAN does not take kl_weight"),
    ],
)
def test_a_game_refuses_in_one_line(options, says):
    with pytest.raises(UserError, match=says) as caught:
        presets.create("gan", image_shape=(2,), widths=(3,), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(30, 30, 1), (68, 68, 3), (2,)])
def test_images_whose_size_a_dcgan_cannot_make(shape):
    with pytest.raises(UserError, match="a DCGAN cannot make images of this size"):
        presets.create("dcgan", image_shape=shape)


@pytest.mark.parametrize(
    ("preset", "shape", "fits"),
    [("gan", (7, 9, 1), True), ("gan", (5,), True), ("conv", (2,), False), ("digits", (5,), False)],
)
def test_which_shapes_fit(preset, shape, fits):
    if fits:
        presets.check_image_shape(presets.get(preset), shape)
        return
    with pytest.raises(UserError, match=r"do not fit.*presets? that fits: .*gan"):
        presets.check_image_shape(presets.get(preset), shape)
