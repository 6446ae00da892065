"""What a preset can be combined with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tfvae.checks import UserError, one_of
from tfvae.presets import conditions
from tfvae.presets.heads import CONDITIONAL_PRIORS, POSTERIORS, PRIORS
from tfvae.presets.preset import Preset

OF_LIKELIHOOD = (
    "estimator",
    "num_samples",
    "likelihood",
    "likelihood_options",
    "levels",
    "bias_from_data",
    "condition_shape",
)  # arguments of `create`


def head_names(preset: Preset) -> dict[str, tuple[str, ...]]:
    """Returns the names of the posteriors and of the priors that a preset takes, its default first.

    Example:
        >>> from tfvae.presets.table import get
        >>> head_names(get("draw"))
        {'posterior': ('diagonal',), 'prior': ('standard',)}
    """
    own_prior = preset.condition != "none" and preset.latents is not None
    return {
        "posterior": preset.posteriors,
        "prior": tuple(CONDITIONAL_PRIORS) if own_prior else preset.priors,
    }


def check_heads(preset: Preset, posterior: Any, prior: Any) -> None:
    """Checks the names of a posterior and a prior; heads in their place are left to the model.

    Raises:
        UserError: if a name is unknown or none of `head_names`, or a head meets a preset that has its own; for a
            VampPrior, whose pseudo-inputs are pixels, in a preset of vectors.

    Example:
        >>> from tfvae import presets
        >>> presets.check_heads(presets.get("digits"), "diagonal", "standard")  # it takes them: no error
    """
    for kind, head, table in (("posterior", posterior, POSTERIORS), ("prior", prior, PRIORS)):
        names = head_names(preset)[kind]
        if isinstance(head, str):
            one_of(kind, head, dict.fromkeys((*names, *table)))
        if head not in names and (isinstance(head, str) or len(names) == 1):
            raise UserError(
                f"preset {preset.name}, which {_why(preset)}, takes no other {kind}",
                expected=" or ".join(names),
                received=head,
            )
    if prior == "vamp" and _of_vectors(preset):
        raise UserError(
            f"preset {preset.name} is one of vectors",
            expected="a prior without pseudo-inputs, which are images in [0, 1]",
            received=prior,
            fix="choose another --prior, or a VampPrior with a value_range as a head",
        )


def check_comparison(preset: Preset, given: Collection[str]) -> None:
    """Raises a `UserError` if arguments of a likelihood are given for a preset that is trained without one."""
    refused = [name for name in given if name in OF_LIKELIHOOD]
    if preset.compares is not None and refused:
        raise UserError(
            f"preset {preset.name} {_why(preset)}",
            expected=f"no {', '.join(refused)}",
            fix="leave it out, or choose a preset with a likelihood, such as digits",
        )


def check_condition(preset: Preset, condition: str) -> None:
    """Raises a `UserError` if the preset cannot have this condition, one of `tfvae.presets.conditions.KINDS`.

    Example:
        >>> from tfvae import presets
        >>> presets.check_condition(presets.get("cvae-column"), "column")  # it takes one: no error
    """
    one_of("condition", condition, conditions.KINDS)
    if condition == "none" and preset.condition != "none":
        raise UserError(
            f"preset {preset.name} needs a condition",
            expected=", ".join(conditions.KINDS[1:]),
            received=condition,
        )
    if condition != "none" and (not preset.conditional or _of_vectors(preset)):
        raise UserError(
            f"preset {preset.name} takes no condition",
            expected="a preset of images, fully connected layers and one layer of latents, such as cvae-column",
            received=condition,
        )


def _of_vectors(preset: Preset) -> bool:
    return len(preset.shape) == 1


def _why(preset: Preset) -> str:
    """Returns what restricts the heads of a preset."""
    if preset.compares is not None:
        return "is trained by comparing samples, without a likelihood"
    if preset.latents is None:
        return "has no latent variables"
    if preset.latents == "discrete":
        return "has discrete latents"
    if preset.condition != "none":
        return "has a condition"
    return "has latents in layers or steps" if len(preset.posteriors) == 1 else "has no condition"
