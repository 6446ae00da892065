"""How the report writes numbers, alone and within a text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
UNITS = {"nats": (1.0, "nats"), "%": (100.0, "%"), "+-": (1.0, "")}  # format: (factor, unit) of an estimate


class Number(NamedTuple):
    """A number, or a word, with the standard error where it is one of a mean.

    Its formats are Python's, and those of `UNITS`, which write an estimate:

        >>> "{:.1f}, {:nats}".format(Number(-2.0), Number(86.456, 0.25)).replace(SPACE, " ")
        '−2.0, 86.46 ± 0.25 nats'
    """

    value: Any
    error: float | None = None

    def __format__(self, form: str) -> str:
        """Writes the number with a true minus sign; "not known" for None and what is not finite."""
        if form in UNITS:
            factor, unit = UNITS[form]
            value, error = (None if part is None else factor * part for part in self)
            return estimate(value, error, unit)
        if self.value is None or (isinstance(self.value, float) and not math.isfinite(self.value)):
            return "not known"
        text = format(self.value, form)
        if not isinstance(self.value, (int, float)) or not text.startswith("-"):
            return text
        return text.replace("-", MINUS) if any(digit in text for digit in "123456789") else text[1:]


def number(value: float | None, decimals: int = 2) -> str:
    """Returns a number with a true minus sign; "not known" for None."""
    return format(Number(value), f",.{decimals}f")


def decimals_of(error: float | None) -> int:
    """Returns how many decimals show two digits of an error, at most four; two where it is unknown or 0."""
    if error is None or not math.isfinite(error) or error <= 0:
        return 2
    return min(4, max(0, 1 - math.floor(math.log10(error))))


def estimate(value: float | None, error: float | None, unit: str = "") -> str:
    """Returns "value +- error unit" to the second digit of the error, unbroken; the value alone where it is unknown."""
    decimals = decimals_of(error)
    text = number(value, decimals)
    if value is not None and error is not None and math.isfinite(error):
        text += f" {PLUS_MINUS} {number(error, decimals)}"
    return f"{text} {unit}".rstrip().replace(" ", SPACE)


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Returns a text with its {name} or {name:format} replaced by `Number`s.

    Args:
        text: the text.
        values: name to number or word. The standard error of `name` is `name_standard_error`; what is absent is not
            known.
    """
    numbers: Mapping[str, Number] = defaultdict(
        lambda: Number(None),
        {name: Number(value, values.get(f"{name}_standard_error")) for name, value in values.items()},
    )
    return text.format_map(numbers)
