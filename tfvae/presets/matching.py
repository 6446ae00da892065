"""Generators whose samples are matched with examples in maximum mean discrepancy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.checks import positive_int
from tfvae.presets.heads import Heads
from tfvae.presets.networks import dense_generator, dropping_codec
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras

DROPOUT = (0.2, 0.5)  # of the autoencoder's pixels and hidden units


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.GMMN` with a fully connected generator."""
    from tfvae import models

    generator = dense_generator(preset, preset.shape, bounded=True)
    return models.GMMN(generator, prior=heads.make_prior(preset), **options)


def build_on_codes(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.GMMN` of the codes of a `tfvae.Autoencoder`, codes of `code_size` units in [0, 1]."""
    from tfvae import models

    code_size = positive_int("code_size", options.pop("code_size"))
    codec = dropping_codec(preset, code_size, DROPOUT)
    return models.GMMN(
        dense_generator(preset, (code_size,), bounded=True),
        prior=heads.make_prior(preset),
        autoencoder=models.Autoencoder(
            *codec, loss="bernoulli", event_shape=preset.shape, name="autoencoder"
        ),
        **options,
    )


ROWS = (
    Preset(
        "gmmn",
        "moment matching with the generator 10-64-256-256-1024 of Li et al. 2015, uniform latents; images of any size",
        build,
        image_shape=None,
        widths=(1024, 256, 256, 64),
        latent_size=10,
        recipe=Recipe(epochs=200, batch_size=1000, learning_rate=1e-3),
        bias_from_data=False,
        posteriors=("none",),
        priors=("uniform", "standard"),
        compile_step=False,
        compares="sets",
        options=(("ema", None),),
    ),
    Preset(
        "gmmn-autoencoder",
        "moment matching of Li et al. 2015 on the 32 codes of an autoencoder, trained first; images of any size",
        build_on_codes,
        image_shape=None,
        widths=(1024, 256, 256, 64),
        latent_size=10,
        recipe=Recipe(epochs=200, batch_size=1000, learning_rate=1e-3, autoencoder=0.5),
        bias_from_data=False,
        dataset="mnist",
        posteriors=("none",),
        priors=("uniform", "standard"),
        compile_step=False,
        compares="sets",
        options=(("code_size", 32), ("bandwidths", (1.0,)), ("ema", None)),
    ),
)
