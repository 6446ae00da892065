"""What a preset can be combined with."""

from __future__ import annotations

from typing import Any

from tfvae import conditions
from tfvae.checks import UserError, one_of
from tfvae.presets.table import ANY_SHAPE, POSTERIORS, PRIORS, Preset


def check_heads(preset: Preset, posterior: Any, prior: Any) -> None:
    """Checks the names of a posterior and a prior; heads in their place are left to the model.

    Raises:
        UserError: if a name is unknown, or one other than the default meets a preset that has its own; for a
            VampPrior, whose pseudo-inputs are pixels, in a preset of vectors.
    """
    both = ("posterior", "prior")
    own: tuple[str, ...] = ()
    what = ""
    if preset.deterministic:
        own, what = both, "which has no latent variables"
    elif preset.latents == "discrete":
        own, what = both, "whose latents are discrete"
    elif preset.upper or preset.network == "draw":
        own, what = both, "whose latents come in layers or steps"
    elif preset.condition != "none":
        own, what = ("prior",) if isinstance(prior, str) else (), "which learns its prior from the condition"
    for kind, name, table in (("posterior", posterior, POSTERIORS), ("prior", prior, PRIORS)):
        if isinstance(name, str):
            one_of(kind, name, table)
        if kind in own and name != next(iter(table)):
            raise UserError(
                f"preset {preset.name}, {what}, takes no other {kind}", expected=f"no {kind}", received=name
            )
    if prior == "vamp" and len(preset.image_shape or ANY_SHAPE) == 1:
        raise UserError(
            f"preset {preset.name} is one of vectors",
            expected="a prior without pseudo-inputs, which are images in [0, 1]",
            received=prior,
            fix="choose another --prior, or a VampPrior with a value_range as a head",
        )


def check_condition(preset: Preset, condition: str) -> None:
    """Raises a `UserError` if the preset cannot be conditioned on this, one of `tfvae.conditions.KINDS`."""
    one_of("condition", condition, conditions.KINDS)
    if condition == "none" and preset.condition != "none":
        raise UserError(
            f"preset {preset.name} needs a condition",
            expected=", ".join(conditions.KINDS[1:]),
            received=condition,
        )
    vectors = len(preset.image_shape or ANY_SHAPE) == 1
    if condition != "none" and (preset.network != "mlp" or preset.upper or vectors):
        raise UserError(
            f"preset {preset.name} takes no condition",
            expected="a preset of images, fully connected layers and one layer of latents, such as cvae-column",
            received=condition,
        )
