"""Whether an estimator fits a model, a posterior and a precision. Asking imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfvae.checks import PARTICLES, UserError, positive_int
from tfvae.estimators.catalog import TABLE, read, row
from tfvae.estimators.rows import Row


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
    chosen, options = read(spec)
    for option in chosen.options:
        option.check(options[option.name])
    chosen.check(options, positive_int("num_samples", num_samples, PARTICLES))
    if latents is not None and chosen.latents not in ("any", latents):
        raise UserError(
            f"estimator {chosen.name} needs {chosen.latents} latents",
            expected=f"for {latents} latents {_one_of(lambda other: other.latents in ('any', latents))}",
            received=chosen.name,
        )
    if shared and chosen.separate_encoder:
        raise UserError(
            f"{chosen.name} trains q(z|x) apart from p(x, z), and they share parameters here",
            expected=_one_of(
                lambda other: not other.separate_encoder and latents in (None, "any", other.latents)
            ),
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
            raise UserError(
                f"a resampled backward pass would bias {chosen.name}",
                expected=_one_of(
                    lambda other: (
                        other.can_resample and (latents is None or other.latents in ("any", latents))
                    )
                ),
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
            expected=_one_of(lambda other: other.needs_path_density),
            received=name,
        )


def check_elbo(name: str, what: str) -> None:
    """Checks that an estimator climbs the evidence lower bound along a path from q to z.

    Args:
        name: name of the estimator.
        what: what needs it, for the message.

    Raises:
        UserError: if it does not. The message lists the estimators that do.
    """
    if row(name).multi_sample or row(name).latents != "continuous":
        raise UserError(
            f"{what} goes with the evidence lower bound",
            expected=_one_of(lambda other: other.latents == "continuous" and not other.multi_sample),
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
            expected=f"kl_weight 1, or {_one_of(lambda other: other.weighs_kl)}",
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


def _one_of(fits: Callable[[Row], bool]) -> str:
    """Returns the estimators that fit as text."""
    return f"one of {', '.join(row.name for row in TABLE if fits(row))}"
