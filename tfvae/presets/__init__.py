"""Named, published architectures with their training recipes."""

from tfvae.presets import conditions
from tfvae.presets.assembly import create
from tfvae.presets.checks import check_condition, check_heads, head_names
from tfvae.presets.heads import LIKELIHOODS, POSTERIORS, PRIORS
from tfvae.presets.preset import ANY_SHAPE, Preset, Recipe
from tfvae.presets.table import TABLE, check_image_shape, get, names, suited

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
    "conditions",
    "create",
    "get",
    "head_names",
    "names",
    "suited",
]


def __dir__() -> list[str]:
    return sorted(__all__)
