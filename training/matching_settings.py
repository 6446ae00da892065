"""The settings of a run that matches the codes of an autoencoder, which it trains first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfvae.training.defaults import EPOCHS, autoencoder_epochs, has_autoencoder
from tfvae.training.settings import setting

OF_CODES: dict[str, Any] = {
    "absent": None,
    "applies": has_autoencoder,
    "needs": "gmmn-autoencoder",
}  # what `setting` needs for one of codes alone


@dataclass(frozen=True)
class MatchingSettings:
    """Settings that are None for presets without an autoencoder."""

    autoencoder_epochs: int | None = setting(
        "Epochs, the first of --epochs, that train the autoencoder; the others train the generator of its codes.",
        "optimisation",
        default=autoencoder_epochs,
        default_text="the preset's share of --epochs",
        ends=(1, EPOCHS - 1),
        title="Autoencoder",
        text="trained in the first {autoencoder_epochs} epochs, at a learning rate of {autoencoder_learning_rate:g}",
        **OF_CODES,
    )
    autoencoder_learning_rate: float | None = setting(
        "Learning rate of the autoencoder at the start.",
        "optimisation",
        default=lambda chosen: chosen.learning_rate,
        default_text="--learning-rate",
        ends=(1e-12, 1e3),
        metavar="RATE",
        **OF_CODES,
    )
