"""The optimisers of a run's model."""

from __future__ import annotations

from typing import Any

import keras

from tfvae import comparisons, presets
from tfvae.comparisons.adversarial import Adversarial
from tfvae.optimizers import Adam
from tfvae.training import schedules
from tfvae.training.config import Config

LOSS_SCALE = 2.0**10  # at the start; at Keras' 2^15 the first steps of several presets overflow and are lost


def optimizers(config: Config, steps: int) -> dict[str, Any]:
    """Returns the optimisers of a run's model by argument of `compile`.

    Each has a schedule of its own over the epochs in which it moves.

    Args:
        config: settings of the run.
        steps: optimiser steps of an epoch.
    """
    first = config.autoencoder_epochs or 0
    rates = {
        "optimizer": (config.learning_rate, config.schedule_epochs - first),
        "discriminator_optimizer": (_of_discriminator(config), config.schedule_epochs),
        "autoencoder_optimizer": (config.autoencoder_learning_rate, first),
    }
    return {
        name: _optimizer(config, rate, epochs, steps)
        for name, (rate, epochs) in rates.items()
        if rate is not None
    }


def _of_discriminator(config: Config) -> float | None:
    """Returns the learning rate of a discriminator of examples or of codes, None where there is none."""
    if config.latent_comparison in comparisons.latent_names():
        game = isinstance(comparisons.get_latent(config.latent_comparison), Adversarial)
        return config.learning_rate if game else None
    return config.discriminator_learning_rate


def _optimizer(config: Config, rate: float, epochs: int, steps: int) -> Any:
    """Returns Adam at a learning rate that follows the schedule, for the precision of the run."""
    recipe = presets.get(config.preset).recipe
    scheduled = schedules.learning_rate(config.schedule, rate, epochs, steps)
    optimizer = Adam(scheduled, beta_1=recipe.beta_1, epsilon=recipe.epsilon)
    if config.mixed_precision == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=LOSS_SCALE)
    return optimizer
