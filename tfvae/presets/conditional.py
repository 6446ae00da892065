"""Conditional VAEs, and the regressors that are their baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets import conditions
from tfvae.presets.heads import Heads
from tfvae.presets.networks import dense
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras

PLACES = {"column": "centre column", "quadrant": "lower left quadrant"}


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.CVAE`, whose condition has a network like the encoder."""
    from tfvae import models, networks

    prior = heads.make_prior(preset)
    encoder, decoder = dense(preset)
    return models.CVAE(
        encoder,
        decoder,
        condition_network=networks.MLP(
            list(preset.widths), preset.activation, preset.batch_norm, name="condition_network"
        ),
        posterior=heads.make_posterior(preset),
        prior=prior,
        likelihood=heads.likelihood,
        **_condition(preset),
        **options,
    )


def build_regressor(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.Regressor` with the hidden layers of a conditional VAE's two networks."""
    from tfvae import models, networks

    widths = list(preset.widths)
    network = networks.MLP(widths + widths[::-1], preset.activation, preset.batch_norm, name="network")
    return models.Regressor(network, likelihood=heads.likelihood, **_condition(preset), **options)


def _condition(preset: Preset) -> dict[str, Any]:
    visible = conditions.mask(preset.condition, preset.shape)
    shape = preset.condition_shape if visible is None else preset.shape
    return {"condition_shape": shape, "visible": visible}


ROWS = (
    *(
        Preset(
            f"cvae-{condition}",
            f"conditional VAE: the rest given the {place} of an image: two hidden layers of 200, 50 latent units",
            build,
            image_shape=None,
            widths=(200, 200),
            latent_size=50,
            recipe=Recipe(epochs=30, batch_size=100, schedule="cosine", kl_warmup=1 / 3),
            condition=condition,
            conditional=True,
        )
        for condition, place in PLACES.items()
    ),
    *(
        Preset(
            f"regressor-{condition}",
            f"its baseline: the mean of the rest given the {place} of an image: hidden layers of 200, without latents",
            build_regressor,
            image_shape=None,
            widths=(200, 200),
            latent_size=50,
            recipe=Recipe(epochs=30, batch_size=100, schedule="cosine"),
            condition=condition,
            conditional=True,
            latents=None,
            posteriors=("none",),
            priors=("none",),
        )
        for condition, place in PLACES.items()
    ),
)
