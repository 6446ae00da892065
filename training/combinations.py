"""Which settings of a run go together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tfvae import comparisons, presets
from tfvae.checks import UserError
from tfvae.estimators import checks
from tfvae.training.data import check_image_size


def check(config: Any) -> None:
    """Checks settings each of which is right by itself.

    Args:
        config: a `tfvae.training.config.Config`.

    Raises:
        UserError: for the first setting that does not go with the others.
    """
    if config.image_size is not None:
        check_image_size(config.image_size)
    preset = presets.get(config.preset)
    presets.check_condition(preset, config.condition)
    presets.check_heads(replace(preset, condition=config.condition), config.posterior, config.prior)
    if preset.compares is None:
        _check_likelihood(config, preset)
    else:
        _check_comparison(config, preset)
        _check_stages(config)
    if config.patience and config.validation_size == 0:
        raise UserError(
            "early stopping needs validation examples", expected="patience 0", received=config.patience
        )


def _check_comparison(config: Any, preset: presets.Preset) -> None:
    """Refuses what needs a likelihood for a model that is trained by comparing samples."""
    for name, value, why in (
        ("binarize", "none", "its examples are compared as they are"),
        ("patience", 0, "no metric of its training says which weights are the best"),
        ("jit", "auto", "its step is not compiled"),
    ):
        if getattr(config, name) != value:
            raise UserError(
                f"preset {config.preset} is trained by comparing samples: {why}",
                expected=f"--{name} {value}",
                received=getattr(config, name),
            )
    if preset.deterministic:
        _check_without_latents(config, preset, {"latent_size": preset.latent_size})


def _check_stages(config: Any) -> None:
    """Refuses a run whose epochs are all spent on its autoencoder."""
    for name in ("epochs", "schedule_epochs"):
        if config.autoencoder_epochs is not None and config.autoencoder_epochs >= getattr(config, name):
            raise UserError(
                "no epoch is left to train the generator of codes",
                expected=f"--{name.replace('_', '-')} of more than --autoencoder-epochs {config.autoencoder_epochs}",
                received=getattr(config, name),
            )


def _check_likelihood(config: Any, preset: presets.Preset) -> None:
    row = presets.LIKELIHOODS[config.likelihood]
    if not row.takes_binary and config.binarize != "none":
        raise UserError(
            f"likelihood {config.likelihood} is one of {row.scores}",
            expected="--binarize none",
            received=config.binarize,
            fix="leave --binarize out, or take --likelihood bernoulli",
        )
    if row.keeps_units and config.standardize != "none":
        raise UserError(
            f"likelihood {config.likelihood} is one of {row.scores} in their own units",
            expected="--standardize none",
            received=config.standardize,
        )
    if config.posterior == "iaf":
        checks.check_path(config.estimator, "posterior iaf")
    if config.mixed_precision == "float16":
        checks.check_half(config.estimator)
    if preset.deterministic:
        _check_deterministic(config, preset)
    _check_latent_comparison(config, preset)
    checks.check(
        config.estimator_spec,
        config.num_samples,
        preset.latents,
        config.backward_particles,
        preset.shares_parameters or config.prior == "vamp",
    )
    checks.check_kl_weight(config.estimator, config.kl_weight)
    if config.kl_cycles > 1 and not config.kl_warmup:
        raise UserError(
            "cycles of the KL weight need epochs over which it grows",
            expected="--kl-warmup 1 or more, with an estimator of continuous latents",
            received=f"--kl-cycles {config.kl_cycles} --kl-warmup 0",
        )
    if config.free_bits and config.estimator != "elbo-analytic":
        raise UserError(
            "free_bits needs the KL divergence in closed form",
            expected="estimator elbo-analytic",
            received=config.estimator,
        )


def _check_latent_comparison(config: Any, preset: presets.Preset) -> None:
    """Refuses a comparison of codes where there is no one q(z) and p(z) of one layer, and a weight without one."""
    if config.latent_comparison not in comparisons.latent_names():
        if config.latent_weight:
            raise UserError(
                "latent_weight needs a comparison of codes",
                expected="--latent-comparison NAME, or no --latent-weight",
                received=config.latent_weight,
            )
        return
    if preset.latents != "continuous" or len(preset.posteriors) == 1 or config.condition != "none":
        raise UserError(
            f"preset {config.preset} does not compare its codes",
            expected="a preset with one layer of continuous latents and no condition, such as digits",
            received=f"--latent-comparison {config.latent_comparison}",
        )
    checks.check_elbo(config.estimator, "a comparison of codes")


def _check_deterministic(config: Any, preset: presets.Preset) -> None:
    """Refuses settings of latent variables for a model that has none."""
    plain = {
        "estimator": preset.estimator,
        "num_samples": preset.num_samples,
        "latent_size": preset.latent_size,
        "kl_weight": 1.0,
        "kl_cycles": 1,
        "latent_comparison": "none",
    }
    zero = dict.fromkeys(("kl_warmup", "free_bits", "backward_particles"), 0)
    _check_without_latents(config, preset, plain | zero)


def _check_without_latents(config: Any, preset: presets.Preset, values: dict[str, Any]) -> None:
    """Refuses settings of latent variables other than these values."""
    for name, value in values.items():
        if getattr(config, name) != value:
            raise UserError(
                f"preset {preset.name} has no latent variables",
                expected=f"no --{name.replace('_', '-')}",
                received=getattr(config, name),
            )
