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


def dense_generator(preset: Preset, shape: tuple[int, ...], bounded: bool) -> keras.layers.Layer:
    """Returns a fully connected generator, with the preset's widths in reverse and its batch normalisation.

    Args:
        preset: the preset.
        shape: shape of what it makes.
        bounded: whether that lies in [0, 1].
    """
    import keras

    from tfvae import layers, networks

    generator = [
        networks.MLP(list(preset.widths)[::-1], preset.activation, preset.batch_norm, name="hidden"),
        layers.Dense(math.prod(shape), "sigmoid" if bounded else None, dtype="float32", name="numbers"),
        keras.layers.Reshape(shape, name="example"),
    ]
    return keras.Sequential(generator, name="generator")


def dense_players(preset: Preset) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Returns a fully connected generator and its critic, of one number for each example.

    The critic's hidden layers have the preset's widths. Generated images are in [0, 1], vectors any numbers.
    """
    import keras

    from tfvae import layers, networks

    critic = [
        networks.MLP(list(preset.widths), preset.activation, name="hidden"),
        layers.Dense(1, dtype="float32", name="logit"),
    ]
    generator = dense_generator(preset, preset.shape, bounded=len(preset.shape) == 3)
    return generator, keras.Sequential(critic, name="discriminator")


def dropping_codec(
    preset: Preset, code_size: int, rates: tuple[float, float]
) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Returns the encoder and the decoder of an autoencoder of images with one hidden layer each, logistic units.

    The hidden layers have the first of the preset's widths, codes lie in [0, 1], and the decoder gives logits.

    Args:
        preset: the preset.
        code_size: units of a code.
        rates: shares of pixels and of hidden units that the encoder drops in training.
    """
    import keras

    from tfvae import layers, networks

    encoder = [
        keras.layers.Dropout(rates[0], name="drop_pixels"),
        networks.MLP(preset.widths[0], "sigmoid", name="hidden"),
        keras.layers.Dropout(rates[1], name="drop_units"),
        layers.Dense(code_size, "sigmoid", dtype="float32", name="code"),
    ]
    decoder = [
        networks.MLP(preset.widths[0], "sigmoid", name="hidden"),
        layers.Dense(math.prod(preset.shape), dtype="float32", name="numbers"),
        keras.layers.Reshape(preset.shape, name="example"),
    ]
    return keras.Sequential(encoder, name="encoder"), keras.Sequential(decoder, name="decoder")
