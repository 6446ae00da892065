"""The settings of a run that say which model is trained."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae import presets
from tfvae.presets import conditions
from tfvae.presets.heads import CONDITIONAL_PRIORS, GENERATOR_PRIORS
from tfvae.training import defaults
from tfvae.training.defaults import OF_LIKELIHOOD, of_preset
from tfvae.training.settings import setting


@dataclass(frozen=True)
class ModelSettings:
    """The preset and its parts."""

    preset: str = setting(
        "Name of the architecture and its training recipe. `tfvae info` lists the presets.",
        "model",
        default="digits",
        default_text="digits, or with --dataset one that fits",
        choices=presets.names(),
        metavar="NAME",
    )
    likelihood: str | None = setting(
        "Distribution p(x|z) of the pixels or numbers of an example.",
        "model",
        default=of_preset("likelihood")["default"],
        default_text="the preset's; for colours and truly grey pixels discretized-logistic or continuous-bernoulli",
        choices=tuple(presets.LIKELIHOODS),
        title="Likelihood",
        **OF_LIKELIHOOD,
    )
    condition: str = setting(
        "What the model of an image is conditioned on. `array` takes the numbers [N, ...] that FILE.npz holds as "
        "c_train, c_test and, with x_valid, c_valid.",
        "model",
        **of_preset("condition"),
        choices=conditions.KINDS,
        title="Condition",
        quiet="none",
    )
    latent_size: int = setting(
        "Units of the latent vector.", "model", **of_preset("latent_size"), ends=(1, 10**6), metavar="UNITS"
    )
    posterior: str = setting(
        "Approximate posterior q(z|x).",
        "model",
        default=defaults.head("posterior"),
        default_text="the preset's, diagonal for most",
        metavar="|".join(presets.POSTERIORS),
    )
    prior: str = setting(
        "Prior p(z). A model with a condition has instead: learned, a function of the condition, or fixed, a standard "
        "normal.",
        "model",
        default=defaults.head("prior"),
        default_text="the preset's: standard for most, learned with a condition",
        metavar="|".join((*presets.PRIORS, *CONDITIONAL_PRIORS, *GENERATOR_PRIORS)),
    )
