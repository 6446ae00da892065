"""What a preset can be combined with."""

from __future__ import annotations

from typing import Any

from tfvae import conditions
from tfvae.checks import UserError, one_of
from tfvae.presets.table import ANY_SHAPE, POSTERIORS, PRIORS, Preset

FIXED = ("learned", "fixed")  # priors of a model with a condition: p(z|c) from it, or a standard normal p(z)


def head_names(preset: Preset) -> dict[str, tuple[str, ...]]:
    """Returns which names of a posterior and a prior a preset takes, its default first."""
    if preset.deterministic:
        return {"posterior": ("none",), "prior": ("none",)}
    if preset.latents == "discrete":
        return {"posterior": ("bernoulli",), "prior": ("bernoulli",)}
    if preset.upper or preset.network == "draw":
        return {"posterior": ("diagonal",), "prior": ("standard",)}
    if preset.condition != "none":
        return {"posterior": tuple(POSTERIORS), "prior": FIXED}
    return {"posterior": tuple(POSTERIORS), "prior": tuple(PRIORS)}


def check_heads(preset: Preset, posterior: Any, prior: Any) -> None:
    """Checks the names of a posterior and a prior; heads in their place are left to the model.

    Raises:
        UserError: if a name is unknown or none of `head_names`, or a head meets a preset that has its own; for a
            VampPrior, whose pseudo-inputs are pixels, in a preset of vectors.
    """
    if preset.deterministic:
        what = "has no latent variables"
    elif preset.latents == "discrete":
        what = "has discrete latents"
    else:
        what = "has latents in layers or steps" if preset.condition == "none" else "has a condition"
    for kind, head, table in (("posterior", posterior, POSTERIORS), ("prior", prior, PRIORS)):
        names = head_names(preset)[kind]
        if isinstance(head, str):
            one_of(kind, head, dict.fromkeys((*names, *table)))
        if head not in names and (isinstance(head, str) or len(names) == 1):
            raise UserError(
                f"preset {preset.name}, which {what}, takes no other {kind}",
                expected=" or ".join(names),
                received=head,
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
