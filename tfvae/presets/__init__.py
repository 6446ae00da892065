"""Named, published architectures with their training recipes."""

from tfvae.presets.assembly import create
from tfvae.presets.checks import check_condition, check_heads
from tfvae.presets.table import (
    ANY_SHAPE,
    LIKELIHOODS,
    POSTERIORS,
    PRIORS,
    TABLE,
    Preset,
    Recipe,
    check_image_shape,
    get,
    names,
)

__all__ = [
    "ANY_SHAPE",
    "LIKELIHOODS",
    "POSTERIORS",
    "PRIORS",
    "TABLE",
    "Preset",
    "Recipe",
    "check_condition",
    "check_heads",
    "check_image_shape",
    "create",
    "get",
    "names",
]
