"""The table of gradient estimators. Reading it and checking a choice against it imports no TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfvae.checks import PARTICLES, UserError, one_of, positive_int
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
    """Returns the names of all estimators."""
    return [row.name for row in TABLE]


def row(name: str) -> Row:
    """Returns the row of the table for `name`.

    Raises:
        UserError: if there is none.
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


def check(
    spec: str | dict[str, Any],
    num_samples: int,
    latents: str | None = None,
    backward_particles: int = 0,
    shared: bool = False,
) -> Row:
    """Checks a choice of estimator before anything is built.

    Args:
        spec: name, or {"name": name, option: value, ...}.
        num_samples: number of particles K.
        latents: kind of the model's latents, "continuous" or "discrete"; None skips this check.
        backward_particles: number of particles m of the backward pass; 0 for all K.
        shared: True if the inference model shares parameters with the generative model.

    Returns:
        row: facts about the chosen estimator.

    Raises:
        UserError: if the name or an option is unknown or out of range, or the estimator does not fit the model. The
            message lists the estimators that fit.

    Example:
        >>> from tfvae import estimators
        >>> estimators.check({"name": "ciwae", "beta": 0.3}, num_samples=5).paper
        'Rainforth et al. 2018'
    """
    chosen, options = _read(spec)
    for option in chosen.options:
        option.check(options[option.name])
    chosen.check(options, positive_int("num_samples", num_samples, PARTICLES))
    if latents is not None and chosen.latents not in ("any", latents):
        fitting = [other.name for other in TABLE if other.latents in ("any", latents)]
        raise UserError(
            f"estimator {chosen.name} needs {chosen.latents} latents",
            expected=f"for {latents} latents one of {', '.join(fitting)}",
            received=chosen.name,
        )
    if shared and chosen.separate_encoder:
        fitting = [
            other.name
            for other in TABLE
            if not other.separate_encoder and latents in (None, "any", other.latents)
        ]
        raise UserError(
            f"{chosen.name} trains q(z|x) apart from p(x, z), and they share parameters here",
            expected=f"one of {', '.join(fitting)}",
            received=chosen.name,
        )
    if backward_particles:
        if not 0 < backward_particles <= num_samples:
            raise UserError(
                "backward_particles is out of range",
                expected=f"1 to {num_samples}",
                received=backward_particles,
            )
        if not chosen.can_resample:
            fitting = [
                other.name
                for other in TABLE
                if other.can_resample and (latents is None or other.latents in ("any", latents))
            ]
            raise UserError(
                f"a resampled backward pass would bias {chosen.name}",
                expected=f"one of {', '.join(fitting)}",
                received=chosen.name,
            )
    return chosen


def check_path(name: str, posterior: str) -> None:
    """Checks that an estimator can train a posterior whose density is cheap only along the path from its noise.

    Args:
        name: name of the estimator.
        posterior: name of the posterior in the message.

    Raises:
        UserError: if it cannot. The message lists the estimators that can.
    """
    if not row(name).needs_path_density:
        raise UserError(
            f"estimator {name} needs the posterior's density at fixed points, which {posterior} gives along the path "
            "from its noise alone",
            expected=f"one of {', '.join(other.name for other in TABLE if other.needs_path_density)}",
            received=name,
        )


def check_kl_weight(name: str, kl_weight: float) -> None:
    """Checks that an estimator can climb a bound whose KL divergence has a weight.

    Args:
        name: name of the estimator.
        kl_weight: weight of log p(z) - log q(z|x).

    Raises:
        UserError: if it cannot; it names the estimators that can.
    """
    if kl_weight != 1 and not row(name).weighs_kl:
        raise UserError(
            f"estimator {name} has no bound with a weighted KL divergence",
            expected=f"kl_weight 1, or one of {', '.join(other.name for other in TABLE if other.weighs_kl)}",
            received=kl_weight,
        )


def check_half(name: str) -> None:
    """Checks that an estimator can train layers that compute in float16.

    Args:
        name: name of the estimator.

    Raises:
        UserError: if it cannot.
    """
    if not row(name).fits_float16:
        raise UserError(
            f"{name} weighs the encoder by numbers that the decoder's gradient, in float16, is too small to carry",
            expected="float32 or bfloat16, or another estimator such as miwae",
            received="float16",
        )


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
    chosen, options = _read(spec)
    module, factory = chosen.factory.split(":")
    return getattr(importlib.import_module(f"tfvae.estimators.{module}"), factory)(**options)


def _read(spec: Any) -> tuple[Row, dict[str, Any]]:
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
