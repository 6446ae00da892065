"""DRAW: recurrent networks that paint an image step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError
from tfvae.presets.heads import Heads
from tfvae.presets.preset import Preset, Recipe

if TYPE_CHECKING:
    import keras


def build(preset: Preset, heads: Heads, options: dict[str, Any]) -> keras.Model:
    """Returns a `tfvae.DRAW`, whose likelihood takes the canvas for its parameters; `widths` are one number.

    Raises:
        UserError: if there are several widths.
    """
    from tfvae import models

    head = heads.likelihood
    if "linear" in head.get_config():
        head = type(head).from_config(head.get_config() | {"linear": False})
    if len(preset.widths) != 1:
        raise UserError("DRAW takes one width, of both its networks", received=preset.widths)
    return models.DRAW(
        step_latent_size=preset.latent_size, units=preset.widths[0], likelihood=head, **options
    )


ROWS = (
    Preset(
        "draw",
        "DRAW with attention, 2x2 read and 5x5 write windows of Gregor et al. 2015, but 10 steps instead of 64",
        build,
        image_shape=None,
        widths=(256,),
        latent_size=100,
        recipe=Recipe(epochs=10, batch_size=100, learning_rate=1e-3, schedule="cosine"),
        posteriors=("diagonal",),
        priors=("standard",),
        shares_parameters=True,
        options=(("steps", 10), ("read_window", 2), ("write_window", 5)),
        compile_step=False,
    ),
)
