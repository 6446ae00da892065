"""Refuses a training whose steps cannot fit into memory, before it is started."""

from __future__ import annotations

import math

from tfvae import memory
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.distribution import launcher


def check(config: Config, loaded: data.DataSet) -> None:
    """Raises a `UserError` if the particles of a step, their latents and likelihoods alone, are surely too many.

    Says nothing where there is a GPU, which has memory of its own, or where other machines may share the batch.
    """
    if config.strategy == "multiworker" or launcher.visible_gpus():
        return
    numbers = config.particles * config.batch_size * (config.latent_size + math.prod(loaded.image_shape))
    memory.check(
        f"{config.particles} particles of {config.batch_size} examples",
        4.0 * numbers,
        fix="choose a smaller --num-samples, --batch-size or --latent-size",
    )
