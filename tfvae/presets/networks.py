"""Pairs of networks that several families of presets share."""

from __future__ import annotations

import math
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


def dense_players(preset: Preset) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Returns a fully connected generator and its critic, of one number for each example.

    The critic's hidden layers have the preset's widths, the generator's the same in reverse and, where the preset says
    so, batch normalisation. Generated images are in [0, 1], vectors any numbers.
    """
    import keras

    from tfvae import layers, networks

    widths, images = list(preset.widths), len(preset.shape) == 3
    generator = [
        networks.MLP(widths[::-1], preset.activation, preset.batch_norm, name="hidden"),
        layers.Dense(math.prod(preset.shape), "sigmoid" if images else None, dtype="float32", name="numbers"),
        keras.layers.Reshape(preset.shape, name="example"),
    ]
    critic = [
        networks.MLP(widths, preset.activation, name="hidden"),
        layers.Dense(1, dtype="float32", name="logit"),
    ]
    return keras.Sequential(generator, name="generator"), keras.Sequential(critic, name="discriminator")
