"""Sigmoid belief networks: layers of Bernoulli latents without hidden layers between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets.heads import Heads
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.DiscreteVAE`; `widths` are the units of its layers of latents, the first `latent_size`."""
    from keras.layers import Identity

    from tfvae import distributions, models

    units = [preset.latent_size, *preset.widths[1:]]
    return models.DiscreteVAE(
        [Identity() for _ in units],
        [Identity() for _ in units],
        posteriors=[distributions.Bernoulli(count) for count in units],
        likelihood=heads.likelihood,
        **options,
    )


ROWS = (
    Preset(
        "sbn-200-200-200",
        "sigmoid belief network of Mnih & Rezende 2016: three layers of 200 Bernoulli units, no hidden layers",
        build,
        image_shape=(28, 28, 1),
        widths=(200, 200, 200),
        latent_size=200,
        recipe=Recipe(epochs=100, batch_size=100, learning_rate=1e-3),
        estimator="vimco",
        num_samples=5,
        latents="discrete",
        posteriors=("bernoulli",),
        priors=("bernoulli",),
    ),
)
