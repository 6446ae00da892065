"""Checks at the boundary, and the one style in which errors are told."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any


class UserError(ValueError):
    """Bad input, told in one line: what is wrong; what was expected; what was received; what to do.

    The command line prints the message and exits with code 2; from Python it is a `ValueError`.

    Args:
        what: what is wrong.
        expected: what would have been right.
        received: what came instead.
        fix: what to do about it.
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
        super().__init__(" ".join("; ".join(parts).split()))


class NotFinite(UserError):
    """Figures of examples some of which are NaN or infinite.

    Args:
        what: the figures.
        broken: how many examples have such figures.
        count: of how many.
        example: number of the first one.
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
    """A worker process of a run was killed or cannot be reached: no fault of the input or of this process.

    The command line prints the message and exits with code 3.
    """


def positive_int(name: str, value: Any) -> int:
    """Returns `value` if it is an integer of at least 1.

    Raises:
        UserError: otherwise.
    """
    return int_from(1, name, value)


def int_from(low: int, name: str, value: Any) -> int:
    """Returns `value` if it is an integer of at least `low`.

    Raises:
        UserError: otherwise.
    """
    number = as_int(value)
    if number is None or number < low:
        what = "positive integer" if low == 1 else "fitting integer"
        raise UserError(f"{name} is not a {what}", expected=f"an integer >= {low}", received=repr(value))
    return number


def as_int(value: Any) -> int | None:
    """Returns `value` as an int if it is one integer, of Python or NumPy and no bool; otherwise None."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """Returns a shape as a tuple of integers of at least 1; an integer stands for a vector of that size.

    Raises:
        UserError: if it is neither.
    """
    sizes = (value,) if as_int(value) is not None else value
    sizes = tuple(map(as_int, sizes)) if isinstance(sizes, Iterable) else (None,)
    if any(size is None or size < 1 for size in sizes):
        raise UserError(f"{name} is not a shape", expected="a tuple of integers >= 1", received=repr(value))
    return sizes


def one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Returns `value` if it is one of `allowed`.

    Raises:
        UserError: otherwise, listing what is allowed.
    """
    names = list(allowed)
    if value not in names:
        raise UserError(f"unknown {name}", expected=f"one of {', '.join(names)}", received=repr(value))
    return value


def number_in(
    name: str, value: Any, low: float, high: float = float("inf"), *, open_low: bool = False
) -> float:
    """Returns `value` as a float if it lies in [low, high] (or (low, high] with `open_low`).

    Raises:
        UserError: if it is not a finite number in that range.
    """
    interval = f"a number in {'(' if open_low else '['}{low:g}, {high:g}{']' if math.isfinite(high) else ')'}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise UserError(f"{name} is not a number", expected=interval, received=repr(value))
    number = float(value)
    if not (low <= number <= high and math.isfinite(number)) or (open_low and number == low):
        raise UserError(f"{name} is out of range", expected=interval, received=repr(value))
    return number
