"""Tools for the latent space of a model: interpolation, attribute vectors, manifold grids and traversals.

All functions take a model with continuous latents and no condition, such as `VAE` or `IWAE`. A code is a row of
`model.encode(x)`.
"""

from tfvae.latent.attributes import attribute_vector, edit
from tfvae.latent.codes import check, encode, is_continuous
from tfvae.latent.paths import METHODS, interpolate, path
from tfvae.latent.units import by_activity, has_manifold, manifold, traverse

__all__ = [
    "METHODS",
    "attribute_vector",
    "by_activity",
    "check",
    "edit",
    "encode",
    "has_manifold",
    "interpolate",
    "is_continuous",
    "manifold",
    "path",
    "traverse",
]


def __dir__() -> list[str]:
    return sorted(__all__)
