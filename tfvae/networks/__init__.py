"""Encoders, decoders and the parts of recurrent ones."""

import keras  # noqa: F401  before all else: see tfvae/registration.py

from tfvae.networks.attention import AttentionWindow
from tfvae.networks.conv import ConvDecoder, ConvEncoder
from tfvae.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from tfvae.networks.laplace_sources import LaplaceSources
from tfvae.networks.lstm import LSTMStep
from tfvae.networks.mlp import MLP

__all__ = [
    "MLP",
    "AttentionWindow",
    "ConvDecoder",
    "ConvEncoder",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "LSTMStep",
    "LaplaceSources",
]


def __dir__() -> list[str]:
    return sorted(__all__)
