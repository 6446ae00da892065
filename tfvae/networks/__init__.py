"""Encoders and decoders: Keras layers from a batch of inputs to a batch of features."""

import keras  # noqa: F401  before all else: see tfvae/registration.py

from tfvae.networks.conv import ConvDecoder, ConvEncoder
from tfvae.networks.mlp import MLP

__all__ = ["MLP", "ConvDecoder", "ConvEncoder"]
