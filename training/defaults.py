"""Defaults of a run's settings that depend on others, such as the preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tfvae import comparisons, presets
from tfvae.estimators import catalog
from tfvae.training.settings import Chosen

EPOCHS = 999_999  # the names of checkpoints have six digits
NO_COMPARISON = "none"  # of codes
MULTI_SAMPLES = 5  # particles for a bound that tightens with their number, where none is given


def preset(chosen: Chosen) -> presets.Preset:
    """Returns the preset that was chosen."""
    return presets.get(chosen.preset)


def of_preset(name: str) -> dict[str, Any]:
    """Returns what `setting` needs for a default that is an attribute of the preset."""
    return {"default": lambda chosen: getattr(preset(chosen), name), "default_text": "the preset's"}


def of_options(name: str) -> dict[str, Any]:
    """Returns what `setting` needs for a default that is an option of the preset's model."""
    return {"default": lambda chosen: dict(preset(chosen).options)[name], "default_text": "the preset's"}


def has_likelihood(chosen: Any) -> bool:
    """Returns whether the preset that was chosen is trained by a likelihood."""
    return presets.get(chosen.preset).compares is None


def generates(chosen: Any) -> bool:
    """Returns whether the preset that was chosen is a generator without a likelihood."""
    return not has_likelihood(chosen) and preset(chosen).draws


def has_critic(chosen: Any) -> bool:
    """Returns whether the preset that was chosen is trained against a discriminator."""
    return presets.get(chosen.preset).compares == "critic"


def has_autoencoder(chosen: Any) -> bool:
    """Returns whether the preset that was chosen trains an autoencoder first."""
    return presets.get(chosen.preset).recipe.autoencoder > 0


OF_LIKELIHOOD = {
    "applies": has_likelihood,
    "needs": "digits",
}  # what `setting` needs for one of likelihoods alone


def of_recipe(name: str) -> dict[str, Any]:
    """Returns what `setting` needs for a default that is an attribute of the preset's recipe."""
    return {"default": lambda chosen: getattr(preset(chosen).recipe, name), "default_text": "the preset's"}


def binarize(chosen: Chosen) -> str:
    """Returns how to binarise for the likelihood that was chosen."""
    return "dynamic" if chosen.likelihood == "bernoulli" else "none"


def validation_size(chosen: Chosen) -> int | None:
    """Returns the preset's number of validation examples; None, for a tenth, of data that are limited."""
    return None if chosen.limit is not None else preset(chosen).recipe.validation_size


def num_samples(chosen: Chosen) -> int:
    """Returns the preset's particles, or several for a bound that gains by them where the preset has one."""
    several = catalog.row(chosen.estimator).multi_sample and preset(chosen).num_samples == 1
    return MULTI_SAMPLES if several else preset(chosen).num_samples


def kl_warmup(chosen: Chosen) -> int:
    """Returns the preset's share of the epochs, or half a cycle where there are several; 0 for epochs refused later."""
    epochs = chosen.epochs
    if catalog.row(chosen.estimator).latents != "continuous" or not isinstance(epochs, int):
        return 0
    cycles = chosen.kl_cycles
    if isinstance(cycles, int) and cycles > 1:
        return max(1, epochs // (2 * cycles)) if epochs <= EPOCHS else 0
    return int(preset(chosen).recipe.kl_warmup * epochs) if epochs <= EPOCHS else 0


def latent_weight(chosen: Chosen) -> float:
    """Returns the weight that goes with the comparison of codes that was chosen; 0 for none, or for an unknown one."""
    name = chosen.latent_comparison
    return comparisons.latent(name).weight if name in comparisons.latent_names() else 0.0


def autoencoder_epochs(chosen: Chosen) -> int:
    """Returns the preset's share of the epochs, at least one; 1 for epochs that are refused later."""
    if not isinstance(chosen.epochs, int):
        return 1
    return max(1, int(preset(chosen).recipe.autoencoder * min(chosen.epochs, EPOCHS)))


def figures_every(chosen: Chosen) -> int:
    """Returns a quarter of the epochs."""
    return max(1, chosen.epochs // 4) if isinstance(chosen.epochs, int) else 1


def head(kind: str) -> Callable[[Chosen], str]:
    """Returns the default of "posterior" or "prior": the preset's, with the condition that was chosen."""
    return lambda chosen: presets.head_names(replace(preset(chosen), condition=chosen.condition))[kind][0]
