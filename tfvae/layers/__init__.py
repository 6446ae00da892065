"""What layers of tfvae are made of: composites that keep what was frozen, products that sum in float32, scales."""

from tfvae.layers.activity import added, uncounted
from tfvae.layers.bounded import bounded, bounded_below
from tfvae.layers.composite import Composite
from tfvae.layers.products import Conv2D, Conv2DTranspose, Dense, check_sums
from tfvae.layers.spectral import SpectralConv2D, SpectralDense

__all__ = [
    "Composite",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "SpectralConv2D",
    "SpectralDense",
    "added",
    "bounded",
    "bounded_below",
    "check_sums",
    "uncounted",
]
