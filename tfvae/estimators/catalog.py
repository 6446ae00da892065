"""The table of gradient estimators. Reading it imports no TensorFlow."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError, one_of

if TYPE_CHECKING:
    from tfvae.estimators.base import Estimator


@dataclass(frozen=True)
class Row:
    """What one estimator is, in words.

    Attributes:
        name: what `estimator=` and `--estimator` take.
        factory: "module:class" below `tfvae.estimators`.
        bound: the bound on log p(x) that it climbs and reports.
        bias: of its gradient, for that bound.
        latents: "continuous", "discrete" or "any".
        multi_sample: whether the bound tightens with the number of samples.
        paper: where it comes from.
    """

    name: str
    factory: str
    bound: str
    bias: str
    latents: str
    multi_sample: bool
    paper: str


TABLE = (
    Row("elbo", "elbo:Elbo", "mean_k log w_k", "none", "continuous", False, "Kingma & Welling 2014"),
    Row(
        "elbo-analytic",
        "elbo:ElboAnalytic",
        "mean_k log p(x|z_k) - KL",
        "none",
        "continuous",
        False,
        "Kingma & Welling 2014",
    ),
    Row(
        "stl", "elbo:StickingTheLanding", "mean_k log w_k", "none", "continuous", False, "Roeder et al. 2017"
    ),
    Row("iwae", "importance:Iwae", "log mean_k w_k", "none", "continuous", True, "Burda et al. 2016"),
    Row(
        "iwae-stl",
        "importance:IwaeStl",
        "log mean_k w_k",
        "encoder, for K > 1",
        "continuous",
        True,
        "Roeder et al. 2017",
    ),
    Row("dreg", "importance:Dreg", "log mean_k w_k", "none", "continuous", True, "Tucker et al. 2019"),
)


def names() -> list[str]:
    """Returns the names of all estimators."""
    return [row.name for row in TABLE]


def row(name: str) -> Row:
    """Returns the row of the table for `name`.

    Raises:
        UserError: if there is none.
    """
    one_of("estimator", name, names())
    return next(row for row in TABLE if row.name == name)


def get(spec: str | dict[str, Any] | Estimator) -> Estimator:
    """Returns the estimator that `spec` describes.

    Args:
        spec: a name, {"name": name, option: value, ...}, or an estimator, which is returned as it is.

    Raises:
        UserError: if it is neither of these, or the name or an option is unknown.
    """
    if callable(spec) and not isinstance(spec, type):
        return spec
    options: dict[str, Any] = dict(spec) if isinstance(spec, dict) else {"name": spec}
    name = options.pop("name", "")
    module, factory = row(name).factory.split(":")
    try:
        return getattr(importlib.import_module(f"tfvae.estimators.{module}"), factory)(**options)
    except TypeError as error:
        raise UserError(f"estimator {name} does not take these options", received=options) from error
