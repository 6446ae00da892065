"""Models: Keras subclassed models that compose encoders, decoders and heads, and share one training step."""

import keras  # noqa: F401  before all else: see tfvae/registration.py

from tfvae.models.autoencoder import Autoencoder
from tfvae.models.base import LatentVariableModel
from tfvae.models.cvae import CVAE
from tfvae.models.discrete import DiscreteVAE
from tfvae.models.draw import DRAW
from tfvae.models.gan import GAN
from tfvae.models.gmmn import GMMN
from tfvae.models.hierarchical import HierarchicalVAE
from tfvae.models.iwae import IWAE
from tfvae.models.ladder import LadderVAE
from tfvae.models.noise_contrastive import NoiseContrastive
from tfvae.models.regressor import Regressor
from tfvae.models.vae import VAE

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
]


def __dir__() -> list[str]:
    return sorted(__all__)
