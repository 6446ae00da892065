"""What a report is made of."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfvae.evaluation.estimate import FEW
from tfvae.training.report.numbers import fill

TILES = 36  # examples and samples shown


@dataclass(frozen=True)
class Picture:
    """The picture of a figure.

    Args:
        png: bytes of the PNG file.
    """

    png: bytes

    @property
    def source(self) -> str:
        """The picture as an address that holds all of it."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width, height


@dataclass(frozen=True)
class RunFacts:
    """What a run's files do not say.

    Attributes:
        model: name of its class.
        parameters: how many numbers were fitted.
        latents: kind of its latents: "continuous", "discrete" or None.
        event_shape: shape of one example.
        sizes: split to number of its examples.
        grey: whether the training images have pixels strictly between 0 and 1.
        steps: optimiser steps of an epoch.
        summary: one line on the preset.
        differences: differences between the preset and the paper that the summary names, a line each.
        compares: kind of the comparison that trains the model, None where a likelihood does.
    """

    model: str
    parameters: int
    latents: str | None
    event_shape: tuple[int, ...]
    sizes: Mapping[str, int]
    grey: bool
    steps: int
    summary: str
    differences: tuple[str, ...] = ()
    compares: str | None = None

    @property
    def images(self) -> bool:
        """Whether the examples are images."""
        return len(self.event_shape) == 3


@dataclass(frozen=True)
class ReportContent:
    """All that a report is made of.

    Attributes:
        name: name of the run.
        content: content of config.json.
        result: content of evaluation.json; a number that is not known is None or absent.
        history: rows of history.csv.
        facts: what these files do not say.
        pictures: name to figure; those that do not apply are absent.
    """

    name: str
    content: Mapping[str, Any]
    result: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    facts: RunFacts
    pictures: Mapping[str, Picture]

    @property
    def config(self) -> Mapping[str, Any]:
        """The run's settings."""
        return self.content["config"]

    @property
    def annealed(self) -> bool:
        """Whether the likelihood is one of annealed importance sampling."""
        return self.result.get("method") == "ais"

    @property
    def tiles(self) -> int:
        """How many examples and samples stand beside each other."""
        return min(TILES, self.facts.sizes[self.result["split"]])

    def has(self, *names: str) -> bool:
        """Returns whether the result knows all of these."""
        return all(self.result.get(name) is not None for name in names)

    def fill(self, text: str, **more: Any) -> str:
        """Returns a text with its {name} or {name:format} replaced by the numbers of the result, and by `more`."""
        return fill(text, {**self.result, **more})

    def rows(self, rows: Iterable[Sequence[str]], **more: Any) -> list[tuple[str, str, str]]:
        """Returns (title, value, text) of the rows of a table whose numbers are known.

        Args:
            rows: (needs, title, text) or (needs, title, text, value): the names of the numbers without which the row
                is left out, with spaces between; what it is called; what it is; how it is written, by default the
                first number as an estimate in nats.
            **more: values beside those of the result.
        """
        return [
            (
                title,
                self.fill(value[0] if value else f"{{{needs.split()[0]}:nats}}", **more),
                self.fill(text, **more),
            )
            for needs, title, text, *value in rows
            if self.has(*needs.split())
        ]

    def share_of_few(self) -> float | None:
        """Returns the share of the examples with at most `FEW` effective particles; None where it is not known."""
        histogram = self.result.get("effective_sample_size_histogram")
        if not histogram or not sum(histogram["counts"]):
            return None
        pairs = zip(histogram["counts"], histogram["edges"][1:], strict=True)
        return sum(count for count, edge in pairs if edge <= FEW * (1 + 1e-9)) / sum(histogram["counts"])
