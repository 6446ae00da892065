"""The table of presets, which the files of the families fill."""

from __future__ import annotations

from tfvae.checks import UserError, one_of
from tfvae.presets import conditional, conv, discrete, draw, game, hierarchical, matching, mlp
from tfvae.presets.preset import Preset

TABLE: tuple[Preset, ...] = (
    *mlp.ROWS,
    *hierarchical.ROWS,
    *conv.ROWS,
    *draw.ROWS,
    *discrete.ROWS,
    *conditional.ROWS,
    *game.ROWS,
    *matching.ROWS,
)


def names() -> list[str]:
    """Returns the names of all presets.

    Example:
        >>> names()[0]
        'digits'
    """
    return [preset.name for preset in TABLE]


def get(name: str) -> Preset:
    """Returns the preset of this name.

    Raises:
        UserError: if there is none.

    Example:
        >>> get("digits").latent_size
        8
    """
    one_of("preset", name, names())
    return next(preset for preset in TABLE if preset.name == name)


def check_image_shape(preset: Preset, shape: tuple[int, ...]) -> None:
    """Raises a `UserError` that names the presets which would fit, if images of this shape do not fit `preset`.

    Example:
        >>> from tfvae import presets
        >>> presets.check_image_shape(presets.get("digits"), (8, 8, 1))  # it takes them: no error
    """
    if not _fits(preset, shape):
        fitting = [other.name for other in TABLE if _fits(other, shape)]
        raise UserError(
            f"the images do not fit preset {preset.name}",
            expected=f"shape {preset.image_shape or '(H, W, C)'}",
            received=tuple(shape),
            fix=f"choose another data set, or a preset that fits: {', '.join(fitting)}",
        )


def _fits(preset: Preset, shape: tuple[int, ...]) -> bool:
    """Returns whether images, or vectors, of a shape fit a preset."""
    if preset.image_shape is None:
        return len(shape) == 3 or (len(shape) == 1 and preset.takes_vectors)
    return preset.image_shape == tuple(shape)
