"""Generators whose samples are matched with examples in maximum mean discrepancy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets.heads import Heads
from tfvae.presets.networks import dense_players
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.GMMN` with a fully connected generator."""
    from tfvae import models

    generator, _ = dense_players(preset)
    return models.GMMN(generator, prior=heads.make_prior(preset), **options)


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
    ),
)
