"""Densities without their integral, learned against noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets.heads import Heads
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.NoiseContrastive` of Laplace sources; `noise` is a standard normal unless it is given."""
    from tfvae import distributions, models, networks

    options = {"noise": distributions.StandardNormal(preset.shape[0])} | options
    return models.NoiseContrastive(networks.LaplaceSources(name="energy"), **options)


ROWS = (
    Preset(
        "nce-ica",
        "independent components of vectors of 4 by noise-contrastive estimation, Gutmann and Hyvarinen 2012",
        build,
        image_shape=(4,),
        widths=(),
        latent_size=4,
        recipe=Recipe(epochs=40, batch_size=500, learning_rate=1e-2, schedule="cosine"),
        bias_from_data=False,
        dataset="ica",
        latents=None,
        posteriors=("none",),
        priors=("none",),
        compile_step=False,
        compares="densities",
        options=(("ratio", 10),),
    ),
)
