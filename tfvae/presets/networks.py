"""Pairs of networks that several families of presets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfvae.presets.preset import Preset

if TYPE_CHECKING:
    import keras


def dense(preset: Preset) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Returns a fully connected encoder with the preset's widths, and a decoder with the same in reverse."""
    from tfvae import networks

    options = (preset.activation, preset.batch_norm)
    encoder = networks.MLP(list(preset.widths), *options, name="encoder")
    return encoder, networks.MLP(list(preset.widths)[::-1], *options, name="decoder")


def convolutional(preset: Preset) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Returns a convolutional encoder with the preset's filters, and a decoder with the same in reverse."""
    from tfvae import networks

    encoder = networks.ConvEncoder(list(preset.widths), activation=preset.activation, name="encoder")
    return encoder, networks.ConvDecoder(
        preset.shape, list(preset.widths)[::-1], activation=preset.activation, name="decoder"
    )
