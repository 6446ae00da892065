"""The settings of a run that say what is trained on what."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae import presets
from tfvae.presets import conditions
from tfvae.presets.heads import CONDITIONAL_PRIORS, GENERATOR_PRIORS
from tfvae.training import defaults
from tfvae.training.data import BINARIZE
from tfvae.training.defaults import OF_LIKELIHOOD, of_preset
from tfvae.training.settings import setting


@dataclass(frozen=True)
class ModelSettings:
    """The preset and its parts, and the data."""

    preset: str = setting(
        "Name of the architecture and its training recipe. `tfvae info` lists the presets.",
        "model",
        default="digits",
        choices=presets.names(),
        metavar="NAME",
    )
    dataset: str = setting(
        "Data set to train on: digits, ring, the name of a TFDS image data set, or a file FILE.npz with the arrays "
        "x_train and x_test, and optionally x_valid, labels y_* and conditions c_*.",
        "data",
        **of_preset("dataset"),
        metavar="NAME|FILE.npz",
    )
    binarize: str = setting(
        "How grey values become black or white.",
        "data",
        default=defaults.binarize,
        default_text="dynamic for a bernoulli likelihood, otherwise none",
        choices=BINARIZE,
        title="Binarisation",
    )
    likelihood: str | None = setting(
        "Distribution p(x|z) of the pixels or numbers of an example.",
        "model",
        **of_preset("likelihood"),
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
