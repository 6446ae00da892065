"""Checks of arguments, and the one form of error messages."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any

__all__ = [
    "CHAINS",
    "LARGEST",
    "LARGEST_DECAY",
    "LARGEST_INT",
    "LINE",
    "PARTICLES",
    "STEPS",
    "TEMPERATURES",
    "VALUE",
    "VERSIONS",
    "LostWorker",
    "NotFinite",
    "UserError",
    "as_int",
    "cut",
    "int_from",
    "not_finite",
    "number_in",
    "one_of",
    "positive_int",
    "printable",
    "seed_of",
    "shape_of",
    "shown",
]

LARGEST_INT = 2**31 - 1  # counts, sizes and seeds become int32
LARGEST = 1e38  # other numbers become float32
PARTICLES = 10**6  # most particles in a training step
LARGEST_DECAY = 1.0 - 1e-7  # of a running average
CHAINS, TEMPERATURES = 10**6, 10**7  # most of each in annealed importance sampling
VERSIONS = 2**63 - 1  # largest version of an export: a server counts versions in an int64
STEPS = 10**7  # most optimiser steps for one example
LINE, VALUE = 600, 120  # most characters of an error and of a value in it, so that nothing floods a terminal


class UserError(ValueError):
    """Bad input, described in one line: what is wrong; what was expected; what was received; what to do.

    The command line prints the message and exits with code 2. In Python it is a `ValueError`. The line is printable:
    control characters are escaped. If it would be too long, its longest parts are cut in the middle.

    Args:
        what: what is wrong.
        expected: what would have been right.
        received: the bad value.
        fix: what to do about it.

    Example:
        >>> print(UserError("batch_size is not positive", expected="an integer >= 1", received=0, fix="raise it"))
        batch_size is not positive; expected an integer >= 1; received 0; raise it
    """

    def __init__(
        self, what: str, *, expected: Any = None, received: Any = None, fix: str | None = None
    ) -> None:
        parts = [what]
        if expected is not None:
            parts.append(f"expected {expected}")
        if received is not None:
            parts.append(f"received {received}")
        if fix is not None:
            parts.append(fix)
        parts = [printable(" ".join(part.split())) for part in parts]
        super().__init__("; ".join(_fitted(parts, LINE - 2 * len(parts))))


class NotFinite(UserError):
    """Some examples have log-densities that are NaN or infinite.

    Args:
        what: name of the values that are not finite.
        broken: number of examples with such values.
        count: number of examples that were checked.
        example: number of the first example with such values.
    """

    def __init__(self, what: str, broken: int, count: int, example: int) -> None:
        super().__init__(
            f"{what} are NaN or infinite",
            expected="finite log-densities",
            received=f"{broken} bad ones in a block of {count}, the first at example {example}",
            fix="look at that example and at the model's weights",
        )
        self.what, self.broken, self.count, self.example = what, broken, count, example


class LostWorker(RuntimeError):
    """A worker process of a run was killed or cannot be reached. Neither the input nor this process is at fault.

    The command line prints the message and exits with code 3.
    """


def printable(text: str) -> str:
    """Returns `text` with every unprintable character escaped, line breaks included."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def _fitted(parts: list[str], room: int) -> list[str]:
    """Returns the parts, the longest ones cut in the middle until all together have at most `room` characters."""
    most = max(map(len, parts))
    while sum(min(len(part), most) for part in parts) > room:
        most -= 1
    return [cut(part, most) for part in parts]


def cut(text: str, most: int) -> str:
    """Returns `text`, cut in the middle if it has more than `most` characters."""
    return (
        text if len(text) <= most else f"{text[: most // 2]}...{text[len(text) - (most - most // 2) + 3 :]}"
    )


def shown(value: Any) -> str:
    """Returns `repr(value)`, cut in the middle if it is long, or the type of the value if Python refuses `repr`."""
    try:
        return cut(repr(value), VALUE)
    except (ValueError, RecursionError):  # an integer of thousands of digits; nested too deeply
        return f"{type(value).__name__} too long to show"


def positive_int(name: str, value: Any, high: int = LARGEST_INT) -> int:
    """Returns `value` if it is an integer from 1 to `high`.

    Raises:
        UserError: otherwise.

    Example:
        >>> positive_int("epochs", 3)
        3
    """
    return int_from(1, name, value, high)


def int_from(low: int, name: str, value: Any, high: int = LARGEST_INT) -> int:
    """Returns `value` if it is an integer from `low` to `high`.

    Raises:
        UserError: otherwise.
    """
    number = as_int(value)
    if number is not None and low <= number <= high:
        return number
    if number is not None and number > high:
        raise UserError(
            f"{name} is too large", expected=f"an integer from {low} to {high}", received=shown(value)
        )
    what = "positive integer" if low == 1 else "fitting integer"
    raise UserError(f"{name} is not a {what}", expected=f"an integer >= {low}", received=shown(value))


def seed_of(name: str, value: Any) -> int:
    """Returns `value` if it is a signed 32-bit integer.

    Raises:
        UserError: otherwise.
    """
    number = as_int(value)
    if number is None or not -LARGEST_INT - 1 <= number <= LARGEST_INT:
        expected = f"an integer from {-LARGEST_INT - 1} to {LARGEST_INT}"
        raise UserError(f"{name} is not a 32-bit integer", expected=expected, received=shown(value))
    return number


def as_int(value: Any) -> int | None:
    """Returns a Python or NumPy integer as an int; None for anything else, bools included."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """Returns a shape as a tuple of integers >= 1. An integer stands for a vector of that size.

    Raises:
        UserError: if `value` is neither, or the shape holds more numbers than an int32 counts.

    Example:
        >>> shape_of("event_shape", [28, 28, 1]), shape_of("latent_size", 20)
        ((28, 28, 1), (20,))
    """
    sizes = (value,) if as_int(value) is not None else value
    sizes = tuple(map(as_int, sizes)) if isinstance(sizes, Iterable) else (None,)
    if any(size is None or size < 1 for size in sizes):
        raise UserError(f"{name} is not a shape", expected="a tuple of integers >= 1", received=shown(value))
    if math.prod(sizes) > LARGEST_INT:
        raise UserError(
            f"{name} is too large", expected=f"at most {LARGEST_INT} numbers", received=shown(value)
        )
    return sizes


def one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Returns `value` if it is one of `allowed`.

    Raises:
        UserError: otherwise. The message lists the allowed values.
    """
    names = list(allowed)
    if not isinstance(value, str) or value not in names:
        raise UserError(f"unknown {name}", expected=f"one of {', '.join(names)}", received=shown(value))
    return value


def not_finite(values: Any) -> tuple[int, int] | None:
    """Returns which rows of an array are not finite: how many, and the number of the first; None where all are finite.

    Args:
        values: numbers [N, ...]; a row is all that has one first index.

    Returns:
        (count, first), or None.

    Example:
        >>> not_finite([[0.0, 1.0], [float("nan"), 2.0], [3.0, float("inf")]])
        (2, 1)
    """
    import numpy as np

    finite = np.isfinite(values)
    broken = np.flatnonzero(~finite.all(axis=tuple(range(1, finite.ndim))))
    return (broken.size, int(broken[0])) if broken.size else None


def number_in(
    name: str, value: Any, low: float, high: float = float("inf"), *, open_low: bool = False
) -> float:
    """Returns `value` as a float if it lies in [low, high], or in (low, high] with `open_low`.

    An infinite end stands for the largest number that a float32 surely holds.

    Raises:
        UserError: if `value` is not a finite number in that range.
    """
    low, high = max(low, -LARGEST), min(high, LARGEST)
    interval = f"a number in {'(' if open_low else '['}{low:g}, {high:g}]"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise UserError(f"{name} is not a number", expected=interval, received=shown(value))
    number: Any = value  # compared as it is: not every integer fits into a float
    if not low <= number <= high or (open_low and number == low):
        raise UserError(f"{name} is out of range", expected=interval, received=shown(value))
    return float(number)


def __dir__() -> list[str]:
    return sorted(__all__)
