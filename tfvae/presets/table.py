"""The table of presets, which the files of the families fill."""

from __future__ import annotations

from tfvae.checks import UserError, one_of
from tfvae.presets import conditional, conv, density, discrete, draw, game, hierarchical, matching, mlp
from tfvae.presets.checks import check_condition
from tfvae.presets.preset import Preset

_SHAPES = {3: "(H, W, C)", 1: "(D,)"}  # rank: the shape of any such examples
TABLE: tuple[Preset, ...] = (
    *mlp.ROWS,
    *hierarchical.ROWS,
    *conv.ROWS,
    *draw.ROWS,
    *discrete.ROWS,
    *conditional.ROWS,
    *game.ROWS,
    *matching.ROWS,
    *density.ROWS,
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


def suited(shape: tuple[int, ...], dataset: str = "", condition: str = "none") -> Preset:
    """Returns the preset that is taken for a data set where none is named.

    It is the first that is made for this data set, else for images of exactly this shape, else for any examples like
    these: `conv` for images, `tabular` for vectors.

    Args:
        shape: shape of one example, (H, W, C) or (D,).
        dataset: name of the data set.
        condition: what the model is conditioned on, one of `tfvae.presets.conditions.KINDS`.

    Raises:
        UserError: if no preset takes this condition for examples like these.

    Example:
        >>> suited((28, 28, 1)).name, suited((64, 64, 3)).name, suited((30,)).name, suited((2,), "ring").name
        ('tutorial-400-20', 'conv', 'tabular', 'ring')
        >>> suited((64, 64, 3), condition="label").name
        'cvae-column'
    """
    plain = [preset for preset in TABLE if preset.compares is None and preset.latents == "continuous"]
    fitting = [preset for preset in plain if _fits(preset, shape)]
    own = [preset for preset in fitting if preset.dataset == dataset and preset.image_shape is not None]
    exact = [preset for preset in fitting if preset.image_shape is not None and len(shape) == 3]
    anyone = [preset for preset in (get("conv"), get("tabular"), *fitting) if _fits(preset, shape)]
    for preset in (*own, *exact, *anyone):
        if condition == "none" or preset.conditional:
            return preset
    check_condition(anyone[0], condition)
    return anyone[0]


def check_image_shape(preset: Preset, shape: tuple[int, ...]) -> None:
    """Raises a `UserError` that names the presets which would fit, if examples of this shape do not fit `preset`.

    Example:
        >>> from tfvae import presets
        >>> presets.check_image_shape(presets.get("digits"), (8, 8, 1))  # it takes them: no error
    """
    if not _fits(preset, shape):
        fitting = [other.name for other in TABLE if _fits(other, shape)]
        raise UserError(
            f"the examples do not fit preset {preset.name}",
            expected=f"shape {preset.image_shape or ' or '.join(_SHAPES[rank] for rank in preset.ranks)}",
            received=tuple(shape),
            fix=f"choose another data set, or a preset that fits: {', '.join(fitting)}",
        )


def _fits(preset: Preset, shape: tuple[int, ...]) -> bool:
    """Returns whether images, or vectors, of a shape fit a preset."""
    if preset.image_shape is None:
        return len(shape) in preset.ranks
    return preset.image_shape == tuple(shape)
