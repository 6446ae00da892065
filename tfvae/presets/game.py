"""Generators that learn against a discriminator: a fully connected one for any examples, and DCGAN for images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets.heads import Heads
from tfvae.presets.networks import dense_players
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras

OPTIONS = (
    ("cost", "non-saturating"),
    ("discriminator_steps", 1),
    ("gradient_penalty", 0.0),
    ("r1_penalty", 0.0),
    ("penalty_every", 1),
    ("ema", None),
)


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.GAN` of two fully connected networks."""
    return _game(*dense_players(preset), preset, heads, options)


def build_dcgan(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.GAN` of two convolutional networks; `widths` holds the filters of the widest maps alone."""
    from tfvae import networks

    (filters,) = preset.widths
    generator = networks.DCGANGenerator(preset.shape, filters, name="generator")
    critic = networks.DCGANDiscriminator(filters, name="discriminator")
    return _game(generator, critic, preset, heads, options)


def _game(
    generator: keras.layers.Layer,
    discriminator: keras.layers.Layer,
    preset: Preset,
    heads: Heads,
    options: dict[str, Any],
) -> keras.Model:
    from tfvae.models.gan import GAN

    return GAN(generator, discriminator, prior=heads.make_prior(preset), **options)


ROWS = (
    Preset(
        "gan",
        "adversarial game of two fully connected networks, images of any size or vectors: two hidden layers of 128",
        build,
        batch_norm=True,
        image_shape=None,
        ranks=(3, 1),
        widths=(128, 128),
        latent_size=8,
        recipe=Recipe(epochs=200, batch_size=100, learning_rate=1e-3, beta_1=0.5),
        activation="leaky_relu",
        bias_from_data=False,
        posteriors=("none",),
        priors=("standard", "uniform"),
        compile_step=False,
        compares="critic",
        options=OPTIONS,
    ),
    Preset(
        "dcgan",
        "DCGAN of Radford et al. 2016, 16 filters next to the image; images of sizes divisible by 4, from 8 to 64",
        build_dcgan,
        image_shape=None,
        widths=(16,),
        latent_size=100,
        recipe=Recipe(epochs=20, batch_size=128, learning_rate=2e-4, beta_1=0.5),
        bias_from_data=False,
        dataset="mnist",
        posteriors=("none",),
        priors=("standard", "uniform"),
        compile_step=False,
        compares="critic",
        options=OPTIONS,
    ),
)
