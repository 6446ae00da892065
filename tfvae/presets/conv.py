"""Convolutional VAEs with one layer of latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets.heads import Heads
from tfvae.presets.mlp import one_layer
from tfvae.presets.networks import convolutional
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.VAE` or `tfvae.IWAE`."""
    return one_layer(*convolutional(preset), preset, heads, options)


ROWS = (
    Preset(
        "conv",
        "two strided convolutions down, two transposed ones up, 32 latent units; images of any size",
        build,
        image_shape=None,
        widths=(32, 64),
        latent_size=32,
        recipe=Recipe(epochs=20, batch_size=100, schedule="cosine"),
        compile_step=False,
    ),
)
