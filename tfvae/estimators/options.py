"""Options of estimators: name, default and range of each, and checks of their combination with K."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfvae.checks import UserError, number_in, positive_int

TEMPERATURES = (1e-6, 1e6)  # logits divided by it are finite in float32
Check = Callable[[dict[str, Any], int], None]


@dataclass(frozen=True)
class Option:
    """One option of an estimator.

    Attributes:
        name: key in `{"name": "vr-iwae", "alpha": 0.3}` and in `--estimator-option alpha=0.3`.
        default: default value; an integer for an option that takes integers >= 1.
        low: smallest permitted number.
        high: largest permitted number; integers have no limit.
        open_high: True if `high` itself is excluded.
        fix: advice for a user who chose `high` where it is excluded.
    """

    name: str
    default: float
    low: float = 1
    high: float = float("inf")
    open_high: bool = False
    fix: str | None = None

    @property
    def range(self) -> str:
        """Description of the permitted values."""
        if isinstance(self.default, int):
            return "an integer >= 1"
        return f"a number in [{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"

    def check(self, value: Any) -> None:
        """Raises a `UserError` if a value is out of range."""
        if isinstance(self.default, int):
            positive_int(self.name, value)
        elif number_in(self.name, value, self.low, self.high) == self.high and self.open_high:
            raise UserError(
                f"{self.name} is out of range", expected=self.range, received=float(value), fix=self.fix
            )

    def __str__(self) -> str:
        """Returns a description of name, permitted values and default."""
        return f"{self.name}, {self.range}, by default {self.default:g}"


GROUPS = Option("groups", 1)
BETA = Option("beta", 0.5, 0.0, 1.0)
ALPHA = Option("alpha", 0.5, 0.0, 1.0, open_high=True, fix="the limit at 1 is elbo")
DECAY = Option("decay", 0.8, 0.0, 1.0, open_high=True)
TEMPERATURE = Option("temperature", 1.0, *TEMPERATURES)
MINIMUM = Option("minimum", 0.5, *TEMPERATURES)
RATE = Option("rate", 1e-4, 0.0, TEMPERATURES[1])


def check_nothing(options: dict[str, Any], num_samples: int) -> None:
    """Accepts everything: for an estimator whose options fit each other and any K."""


def check_groups(options: dict[str, Any], num_samples: int) -> None:
    """Checks that the number of groups divides the number of particles."""
    groups = options["groups"]
    if num_samples % groups:
        divisors = [str(m) for m in range(1, num_samples + 1) if num_samples % m == 0]
        raise UserError(
            f"{groups} groups do not divide {num_samples} particles",
            expected=f"groups among {', '.join(divisors)}",
            received=groups,
            fix="or choose iwae, which has one group",
        )


def check_several(options: dict[str, Any], num_samples: int) -> None:
    """Checks that there are at least two particles."""
    if num_samples < 2:
        raise UserError(
            "vimco and jvi compare particles",
            expected="num_samples >= 2",
            received=num_samples,
            fix="or choose nvil or reinforce for discrete latents, elbo for continuous ones",
        )


def check_temperature(options: dict[str, Any], num_samples: int) -> None:
    """Checks that the lowest temperature is not above the first."""
    first = float(options["temperature"])
    if options["minimum"] > first:
        raise UserError(
            "the lowest temperature is above the first",
            expected=f"at most {first}",
            received=options["minimum"],
        )
