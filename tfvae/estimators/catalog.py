"""The table of gradient estimators. Reading it imports no TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError, one_of
from tfvae.estimators.options import (
    ALPHA,
    BETA,
    DECAY,
    GROUPS,
    MINIMUM,
    RATE,
    TEMPERATURE,
    Option,
    check_groups,
    check_several,
    check_temperature,
)
from tfvae.estimators.rows import Row

if TYPE_CHECKING:
    from tfvae.estimators.base import Estimator

IWELBO, ELBO = "log mean_k w_k", "mean_k log w_k"
TUCKER, RAINFORTH, DAUDEL = "Tucker et al. 2019", "Rainforth et al. 2018", "Daudel et al. 2023"
MULTI: dict[str, Any] = {"multi_sample": True}
GROUPED: dict[str, Any] = {
    "multi_sample": True,
    "needs_path_density": True,
    "options": (GROUPS,),
    "check": check_groups,
}
RENYI: dict[str, Any] = {"multi_sample": True, "options": (ALPHA,)}

TABLE = (
    Row("elbo", "elbo:Elbo", ELBO, "continuous", "Kingma & Welling 2014", needs_path_density=True),
    Row(
        "elbo-analytic",
        "elbo:ElboAnalytic",
        "mean_k log p(x|z_k) - KL",
        "continuous",
        "Kingma & Welling 2014",
    ),
    Row("stl", "elbo:StickingTheLanding", ELBO, "continuous", "Roeder et al. 2017"),
    Row(
        "iwae", "importance:Iwae", IWELBO, "continuous", "Burda et al. 2016", needs_path_density=True, **MULTI
    ),
    Row(
        "iwae-stl",
        "importance:IwaeStl",
        IWELBO,
        "continuous",
        "Roeder et al. 2017",
        "encoder, K > 1",
        separate_encoder=True,
        **MULTI,
    ),
    Row("dreg", "importance:Dreg", IWELBO, "continuous", TUCKER, **MULTI),
    Row(
        "rws",
        "wake:Rws",
        IWELBO,
        "any",
        "Bornschein & Bengio 2015",
        "encoder, of KL(p||q)",
        separate_encoder=True,
        **MULTI,
        weighs_kl=False,
    ),
    Row(
        "rws-dreg",
        "wake:RwsDreg",
        IWELBO,
        "continuous",
        TUCKER,
        "encoder, of KL(p||q)",
        separate_encoder=True,
        **MULTI,
        weighs_kl=False,
    ),
    Row("miwae", "grouped:Miwae", "mean_m log mean_k w_mk", "continuous", RAINFORTH, **GROUPED),
    Row(
        "piwae",
        "grouped:Piwae",
        f"{IWELBO}; miwae's",
        "continuous",
        RAINFORTH,
        can_resample=False,
        separate_encoder=True,
        fits_float16=False,
        **GROUPED,
    ),
    Row(
        "ciwae",
        "grouped:Ciwae",
        "beta ELBO + (1-beta) IWELBO",
        "continuous",
        RAINFORTH,
        multi_sample=True,
        needs_path_density=True,
        options=(BETA,),
    ),
    Row(
        "vr-iwae",
        "alpha:VrIwae",
        "log mean_k w_k^(1-alpha)/(1-alpha)",
        "continuous",
        DAUDEL,
        needs_path_density=True,
        **RENYI,
    ),
    Row(
        "vr-iwae-dreg",
        "alpha:VrIwaeDreg",
        "log mean_k w_k^(1-alpha)/(1-alpha)",
        "continuous",
        DAUDEL,
        **RENYI,
    ),
    Row(
        "jvi",
        "jackknife:Jvi",
        "K IWELBO_K - (K-1) IWELBO_(K-1)",
        "continuous",
        "Nowozin 2018",
        multi_sample=True,
        can_resample=False,
        needs_path_density=True,
        check=check_several,
    ),
    Row("reinforce", "score:Reinforce", ELBO, "discrete", "Williams 1992", weighs_kl=False),
    Row(
        "nvil",
        "score:Nvil",
        ELBO,
        "discrete",
        "Mnih & Gregor 2014",
        "scale of the encoder's",
        options=(DECAY,),
        weighs_kl=False,
    ),
    Row(
        "vimco",
        "score:Vimco",
        IWELBO,
        "discrete",
        "Mnih & Rezende 2016",
        multi_sample=True,
        can_resample=False,
        check=check_several,
        weighs_kl=False,
    ),
    Row(
        "relaxed",
        "relaxed:Relaxed",
        f"{IWELBO} of the relaxation",
        "discrete",
        "Maddison et al. 2017, Jang et al. 2017",
        "for the discrete bound",
        multi_sample=True,
        options=(TEMPERATURE, MINIMUM, RATE),
        check=check_temperature,
    ),
)


def names() -> list[str]:
    """Returns the names of all estimators.

    Example:
        >>> from tfvae import estimators
        >>> estimators.names()[:3]
        ['elbo', 'elbo-analytic', 'stl']
    """
    return [row.name for row in TABLE]


def row(name: str) -> Row:
    """Returns the row of the table for `name`.

    Raises:
        UserError: if there is none.

    Example:
        >>> from tfvae import estimators
        >>> estimators.row("dreg").paper
        'Tucker et al. 2019'
    """
    one_of("estimator", name, names())
    return next(row for row in TABLE if row.name == name)


def options_text() -> str:
    """Returns a description of every option: the estimators that take it, its range and its default."""
    takers: dict[Option, list[str]] = {}
    for row in TABLE:
        for option in row.options:
            takers.setdefault(option, []).append(row.name)
    return "; ".join(f"{' and '.join(names)}: {option}" for option, names in takers.items())


def get(spec: str | dict[str, Any] | Estimator) -> Estimator:
    """Makes an estimator.

    Args:
        spec: name, {"name": name, option: value, ...}, or an estimator, which is returned unchanged.

    Returns:
        estimator: function from log-weights to `Terms`.

    Raises:
        UserError: if `spec` is neither of these, or the name or an option is unknown.

    Example:
        >>> from tfvae import estimators
        >>> estimators.get({"name": "miwae", "groups": 2}).get_config()
        {'name': 'miwae', 'groups': 2}
    """
    if callable(spec) and not isinstance(spec, type):
        return spec
    chosen, options = read(spec)
    module, factory = chosen.factory.split(":")
    return getattr(importlib.import_module(f"tfvae.estimators.{module}"), factory)(**options)


def read(spec: Any) -> tuple[Row, dict[str, Any]]:
    """Returns the row and all options of a choice. Missing options have their defaults."""
    options = dict(spec) if isinstance(spec, dict) else {"name": spec}
    chosen = row(options.pop("name", ""))
    defaults = {option.name: option.default for option in chosen.options}
    unknown = sorted(set(options) - set(defaults))
    if unknown:
        raise UserError(
            f"estimator {chosen.name} does not take {', '.join(unknown)}",
            expected="; ".join(map(str, chosen.options)) or "no options",
            received=", ".join(options),
        )
    return chosen, defaults | options
