"""Encoders and decoders: Keras layers from a batch of inputs to a batch of features."""

from tfvae.networks.conv import ConvDecoder, ConvEncoder
from tfvae.networks.mlp import MLP

__all__ = ["MLP", "ConvDecoder", "ConvEncoder"]
