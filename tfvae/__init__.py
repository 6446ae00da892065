"""tfvae: deep generative latent-variable models for TensorFlow and Keras.

Names are resolved on first use, so that the command line answers before TensorFlow is imported.
"""

import importlib

from tfvae.registration import register

__version__ = "0.1.0"

_MODELS = (
    "VAE",
    "IWAE",
    "HierarchicalVAE",
    "LadderVAE",
    "DiscreteVAE",
    "DRAW",
    "CVAE",
    "Regressor",
    "LatentVariableModel",
)
_ROOMS = (
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
)

__all__ = [*_MODELS, *_ROOMS, "__version__"]


def __getattr__(name):
    if name in _MODELS:
        return getattr(importlib.import_module("tfvae.models"), name)
    if name in _ROOMS:
        return importlib.import_module(f"tfvae.{name}")
    raise AttributeError(f"module 'tfvae' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


register()
