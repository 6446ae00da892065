"""Building blocks of tfvae's layers: composites that keep parts frozen, products summed in float32, bounded scales."""

from tfvae.layers.activity import added, uncounted
from tfvae.layers.bounded import bounded, bounded_below
from tfvae.layers.composite import Composite
from tfvae.layers.products import Activation, Conv2D, Conv2DTranspose, Dense, check_sums
from tfvae.layers.spectral import SpectralConv2D, SpectralDense

__all__ = [
    "Activation",
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


def __dir__() -> list[str]:
    return sorted(__all__)
