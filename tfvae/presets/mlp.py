"""Fully connected VAEs with one layer of latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.presets import conditional
from tfvae.presets.heads import Heads
from tfvae.presets.networks import dense
from tfvae.presets.preset import BURDA, Preset, Recipe

if TYPE_CHECKING:
    import keras


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.VAE` or `tfvae.IWAE`, or a `tfvae.CVAE` where there is a condition."""
    if preset.condition != "none":
        return conditional.build(preset, heads, options)
    return one_layer(*dense(preset), preset, heads, options)


def one_layer(
    encoder: keras.layers.Layer,
    decoder: keras.layers.Layer,
    preset: Preset,
    heads: Heads,
    options: dict[str, Any],
) -> keras.Model:
    """Returns a `tfvae.IWAE` where the estimator's bound tightens with the number of samples, else a `tfvae.VAE`."""
    from tfvae import estimators, models
    from tfvae.estimators import catalog

    row = catalog.row(estimators.get(preset.estimator).name)
    model_class = models.IWAE if row.multi_sample else models.VAE
    return model_class(
        encoder,
        decoder,
        posterior=heads.make_posterior(preset),
        prior=heads.make_prior(preset),
        likelihood=heads.likelihood,
        **options,
    )


ROWS = (
    Preset(
        "digits",
        "8x8 digits: two hidden layers of 128, 8 latent units",
        build,
        image_shape=(8, 8, 1),
        widths=(128, 128),
        latent_size=8,
        recipe=Recipe(epochs=200, batch_size=100, learning_rate=2e-3, schedule="cosine"),
        activation="tanh",
        conditional=True,
        compile_step=False,
    ),
    Preset(
        "tutorial-400-20",
        "the common first VAE, 784-400-20 (Kingma & Welling 2014, with 20 units)",
        build,
        image_shape=(28, 28, 1),
        widths=(400,),
        latent_size=20,
        recipe=Recipe(epochs=10, batch_size=128),
        bias_from_data=False,
        conditional=True,
    ),
    Preset(
        "burda-1layer",
        "784-200-200-50 of Burda et al. 2016, its initialisation and schedule",
        build,
        image_shape=(28, 28, 1),
        widths=(200, 200),
        latent_size=50,
        recipe=BURDA,
        activation="tanh",
        conditional=True,
    ),
    Preset(
        "ring",
        "points of the plane on a ring: two hidden layers of 64, 2 latent units, a Normal likelihood",
        build,
        image_shape=(2,),
        widths=(64, 64),
        latent_size=2,
        recipe=Recipe(epochs=40, batch_size=100, learning_rate=3e-3, schedule="cosine"),
        estimator="dreg",
        num_samples=10,
        likelihood="normal",
        likelihood_options=(("initial_scale", 0.3),),
        dataset="ring",
        conditional=True,
    ),
    Preset(
        "tabular",
        "tables and other vectors: two hidden layers of 64, 8 latent units, a Normal likelihood with a scale a column",
        build,
        image_shape=None,
        ranks=(1,),
        widths=(64, 64),
        latent_size=8,
        recipe=Recipe(epochs=200, batch_size=50, learning_rate=2e-3, schedule="cosine"),
        activation="tanh",
        likelihood="normal-each",
        dataset="ring",
        compile_step=False,
    ),
)
