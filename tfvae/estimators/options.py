"""What options of an estimator must be: a `UserError` where they are out of range or do not fit K particles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfvae.checks import UserError, number_in, positive_int

TEMPERATURE = (1e-6, 1e6)  # where logits divided by it are finite in float32
Check = Callable[[dict[str, Any], int], None]


def check_nothing(options: dict[str, Any], num_samples: int) -> None:
    """An estimator without options that takes any K."""


def check_groups(options: dict[str, Any], num_samples: int) -> None:
    """`groups` divide the particles."""
    groups = positive_int("groups", options["groups"])
    if num_samples % groups:
        divisors = [str(m) for m in range(1, num_samples + 1) if num_samples % m == 0]
        raise UserError(
            f"{groups} groups do not divide {num_samples} particles",
            expected=f"groups among {', '.join(divisors)}",
            received=groups,
            fix="or choose iwae, which has one group",
        )


def check_several(options: dict[str, Any], num_samples: int) -> None:
    """There are at least two particles."""
    if num_samples < 2:
        raise UserError(
            "vimco and jvi compare particles",
            expected="num_samples >= 2",
            received=num_samples,
            fix="or choose nvil or reinforce for discrete latents, elbo for continuous ones",
        )


def check_beta(options: dict[str, Any], num_samples: int) -> None:
    """`beta` lies in [0, 1]."""
    number_in("beta", options["beta"], 0.0, 1.0)


def check_alpha(options: dict[str, Any], num_samples: int) -> None:
    """`alpha` lies in [0, 1)."""
    if number_in("alpha", options["alpha"], 0.0, 1.0) == 1.0:
        raise UserError(
            "alpha is out of range", expected="a number in [0, 1)", received=1.0, fix="the limit at 1 is elbo"
        )


def check_decay(options: dict[str, Any], num_samples: int) -> None:
    """`decay` lies in [0, 1)."""
    if number_in("decay", options["decay"], 0.0, 1.0) == 1.0:
        raise UserError("decay is out of range", expected="a number in [0, 1)", received=1.0)


def check_temperature(options: dict[str, Any], num_samples: int) -> None:
    """Temperatures are positive and fall at a rate >= 0."""
    first = number_in("temperature", options["temperature"], *TEMPERATURE)
    number_in("rate", options["rate"], 0.0, TEMPERATURE[1])
    if number_in("minimum", options["minimum"], *TEMPERATURE) > first:
        raise UserError(
            "the lowest temperature is above the first",
            expected=f"at most {first}",
            received=options["minimum"],
        )
