"""VAEs with several layers of continuous latents, inferred from the bottom up or from the top down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tfvae.checks import positive_int
from tfvae.presets.heads import Heads
from tfvae.presets.networks import dense
from tfvae.presets.preset import BURDA, Preset

if TYPE_CHECKING:
    import keras

UPPER = (((100, 100), 50),)  # (widths, units) of each further layer of latents, from the bottom up


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.HierarchicalVAE`; see `layers`."""
    from tfvae import models

    return models.HierarchicalVAE(**layers(preset, heads, options))


def build_ladder(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.LadderVAE`; see `layers`."""
    from tfvae import models

    return models.LadderVAE(**layers(preset, heads, options))


def layers(preset: Preset, heads: Heads, options: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a model with several layers of latents.

    Args:
        preset: architecture of the lowest layer, next to the data.
        heads: heads of the model; those of the latents are diagonal Normals.
        options: arguments of the model, and `upper`: for each further layer, from the bottom up, the widths of its
            encoder, of which its decoder has the reverse, and the units of its latent vector.
    """
    from tfvae import distributions

    upper = options.pop("upper")
    sizes = [(preset.widths, preset.latent_size), *upper]
    networks = [dense(replace(preset, widths=tuple(widths))) for widths, _ in sizes]
    units = [positive_int("units of a stochastic layer", count) for _, count in sizes]
    return options | {
        "encoders": [encoder for encoder, _ in networks],
        "decoders": [decoder for _, decoder in networks],
        "posteriors": [distributions.DiagonalNormal(count) for count in units],
        "conditionals": [distributions.DiagonalNormal(count) for count in units[:-1]],
        "likelihood": heads.likelihood,
    }


LADDER = Preset(
    "ladder-2layer",
    "the generative model of burda-2layer, inferred from the top down (Sonderby et al. 2016)",
    build_ladder,
    image_shape=(28, 28, 1),
    widths=(200, 200),
    latent_size=100,
    recipe=BURDA,
    activation="tanh",
    posteriors=("diagonal",),
    priors=("standard",),
    shares_parameters=True,
    options=(("upper", UPPER),),
)
ROWS = (
    replace(
        LADDER,
        name="burda-2layer",
        summary="784-200-200-100-100-100-50 of Burda et al. 2016, latents of 100 and 50 units, inferred from the "
        "bottom up",
        build=build,
        shares_parameters=False,
    ),
    LADDER,
)
