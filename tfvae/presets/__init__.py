"""Named, published architectures with their training recipes."""

from tfvae.presets.assembly import create
from tfvae.presets.checks import check_condition, check_heads, head_names
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
    "head_names",
    "names",
]
