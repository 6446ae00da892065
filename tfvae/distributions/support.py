"""The values that a distribution can have: an interval of numbers, or the whole numbers in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions.head import tfd

FAR = 1e30  # a bijector takes +-FAR to the ends of the support
NEAR = 1e-20  # below it an end is 0, beyond 1 / NEAR infinite
Ends = tuple[float, float | str]  # text: the name of the argument that is the end
ENDS_OF_COUNTS: Mapping[str, Ends] = {  # where they are not 0 and infinity
    "Bernoulli": (0.0, 1.0),
    "BetaBinomial": (0.0, "total_count"),
    "Binomial": (0.0, "total_count"),
    "Skellam": (-math.inf, math.inf),
    "Zipf": (1.0, math.inf),
}


@dataclass(frozen=True)
class Interval:
    """The numbers between two ends.

    Attributes:
        low, high: the ends.
        without_low, without_high: whether an end itself is left out.
        whole: whether whole numbers alone are meant.
    """

    low: float
    high: float
    without_low: bool = False
    without_high: bool = False
    whole: bool = False

    @property
    def closed(self) -> tuple[float, float]:
        """The least and the largest float32 number in it."""
        low, high = np.float32(self.low), np.float32(self.high)
        above = np.finfo(np.float32).tiny if low == 0.0 else np.nextafter(low, np.float32(math.inf))
        below = -np.finfo(np.float32).tiny if high == 0.0 else np.nextafter(high, np.float32(-math.inf))
        return float(above if self.without_low else low), float(below if self.without_high else high)

    @property
    def words(self) -> str:
        """What it holds, for messages."""
        kind = "whole numbers" if self.whole else "numbers"
        if math.isfinite(self.low) and math.isfinite(self.high):
            opening, closing = "(" if self.without_low else "[", ")" if self.without_high else "]"
            return f"{kind} in {opening}{self.low:g}, {self.high:g}{closing}"
        if math.isfinite(self.low):
            return f"{kind} >{'' if self.without_low else '='} {self.low:g}"
        if math.isfinite(self.high):
            return f"{kind} <{'' if self.without_high else '='} {self.high:g}"
        return kind


def support_of(looks: Sequence[tfd.Distribution], arguments: Mapping[str, Any]) -> Interval:
    """Returns the support of a class of distributions of single numbers.

    Args:
        looks: distributions of the class with different parameters.
        arguments: arguments of the class that all of them share.

    Returns:
        support: the interval, without an end at which the density is not finite.

    Raises:
        UserError: if the support depends on the parameters.
    """
    bijectors = [look.experimental_default_event_space_bijector() for look in looks]
    name = type(looks[0]).__name__
    if None in bijectors:
        low, high = ENDS_OF_COUNTS.get(name, (0.0, math.inf))
        return Interval(low, float(np.min(arguments[high])) if isinstance(high, str) else high, whole=True)
    ends = set().union(*map(_ends, bijectors))
    if len(ends) > 1:
        raise UserError(
            f"the support of {name} depends on its parameters",
            expected="one support for all values",
            received=" and ".join(f"[{low:g}, {high:g}]" for low, high in sorted(ends)[:2]),
            fix="fix the parameter that moves it, as in arguments={'loc': 0.0}",
        )
    low, high = ends.pop()
    out = [bool(math.isfinite(end) and not _finite_at(looks, end)) for end in (low, high)]
    return Interval(low, high, *out)


def _ends(bijector: Any) -> set[tuple[float, float]]:
    """Returns the two ends of what a bijector maps to, for each of its elements."""
    both = [np.ravel(bijector.forward(tf.constant(far))).astype(np.float64) for far in (-FAR, FAR)]
    ends = np.sort(np.stack(both, axis=-1))
    ends = np.where(np.abs(ends) > 1.0 / NEAR, np.copysign(math.inf, ends), ends)
    return {(float(low), float(high)) for low, high in np.where(np.abs(ends) < NEAR, 0.0, ends)}


def _finite_at(looks: Sequence[tfd.Distribution], end: float) -> bool:
    return all(bool(np.isfinite(look.log_prob(tf.constant(end, tf.float32))).all()) for look in looks)
