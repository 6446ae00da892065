"""tfvae: deep generative latent-variable models for TensorFlow and Keras.

Names are imported on first use, so that the command line answers before TensorFlow is imported.
"""

import importlib
from typing import TYPE_CHECKING

from tfvae.registration import register

if TYPE_CHECKING:
    from tfvae import (
        checks,
        comparisons,
        distributions,
        estimators,
        evaluation,
        export,
        latent,
        models,
        networks,
        plotting,
        presets,
        random,
        training,
    )
    from tfvae.models import (
        CVAE,
        DRAW,
        GAN,
        GMMN,
        IWAE,
        VAE,
        Autoencoder,
        DiscreteVAE,
        HierarchicalVAE,
        LadderVAE,
        LatentVariableModel,
        NoiseContrastive,
        Regressor,
    )

__version__ = "0.1.0"

__all__ = [
    "CVAE",
    "DRAW",
    "GAN",
    "GMMN",
    "IWAE",
    "VAE",
    "Autoencoder",
    "DiscreteVAE",
    "HierarchicalVAE",
    "LadderVAE",
    "LatentVariableModel",
    "NoiseContrastive",
    "Regressor",
    "__version__",
    "checks",
    "comparisons",
    "distributions",
    "estimators",
    "evaluation",
    "export",
    "latent",
    "models",
    "networks",
    "plotting",
    "presets",
    "random",
    "training",
]

if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module 'tfvae' has no attribute {name!r}")
        if name[0].isupper():
            return getattr(importlib.import_module("tfvae.models"), name)
        return importlib.import_module(f"tfvae.{name}")


def __dir__() -> list[str]:
    return sorted(__all__)


register()
