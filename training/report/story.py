"""What a report tells of, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfvae.evaluation.estimate import FEW
from tfvae.training.report.markup import Picture

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


@dataclass(frozen=True)
class Facts:
    """What a run's files do not say.

    Attributes:
        model: name of its class.
        parameters: how many numbers were fitted.
        latents: kind of its latents: "continuous", "discrete" or None.
        event_shape: of one example.
        sizes: examples of each split.
        grey: whether the training images have pixels strictly between 0 and 1.
        labels: whether the examples have labels.
        steps: optimiser steps of an epoch.
        summary: one line on the preset.
        differences: between it and the paper that the summary names, a line each.
    """

    model: str
    parameters: int
    latents: str | None
    event_shape: tuple[int, ...]
    sizes: Mapping[str, int]
    grey: bool
    labels: bool
    steps: int
    summary: str
    differences: tuple[str, ...] = ()

    @property
    def images(self) -> bool:
        """Whether the examples are images."""
        return len(self.event_shape) == 3


@dataclass(frozen=True)
class Story:
    """All that a report is made of.

    Attributes:
        name: of the run.
        content: of config.json.
        result: of evaluation.json; a number that is not known is None or absent.
        history: of history.csv.
        facts: see `Facts`.
        pictures: name to figure; those that do not apply are absent.
    """

    name: str
    content: Mapping[str, Any]
    result: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    facts: Facts
    pictures: Mapping[str, Picture]

    @property
    def config(self) -> Mapping[str, Any]:
        """The run's settings."""
        return self.content["config"]

    def has(self, *names: str) -> bool:
        """Returns whether the result knows all of these."""
        return all(self.result.get(name) is not None for name in names)

    def share_of_few(self) -> float | None:
        """Returns the share of the examples with at most `FEW` effective particles; None where it is not known."""
        histogram = self.result.get("effective_sample_size_histogram")
        if not histogram or not sum(histogram["counts"]):
            return None
        few = (
            count
            for count, edge in zip(histogram["counts"], histogram["edges"][1:], strict=True)
            if edge <= FEW * (1 + 1e-9)
        )
        return sum(few) / sum(histogram["counts"])


def number(value: float | None, decimals: int = 2) -> str:
    """Returns a number with a true minus sign; "not known" for None."""
    if value is None or not math.isfinite(value):
        return "not known"
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


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
