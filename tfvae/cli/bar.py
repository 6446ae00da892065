"""Progress of what runs over examples."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfvae.training.progress import Progress

Estimate = Callable[[str, int, float], "str | None"]


class Bar:
    """Progress on standard error of one or more passes over examples.

    Args:
        unit: what is counted, such as "example".
        options: those of a command that goes on from its finished share after an interrupt: `reached` tells that share
            in words. None for one that starts anew.
        estimate: function from the unit, the number of them and the seconds that they take to a line about it, or None.
            It is called once, with the time of the second block, as the first one compiles.
    """

    def __init__(
        self, unit: str, options: argparse.Namespace | None = None, estimate: Estimate | None = None
    ) -> None:
        self._options, self._unit, self._estimate = options, unit, estimate
        self._bar: Progress | None = None
        self._blocks: list[tuple[int, float]] = []  # units done, and when, after the first blocks

    def __call__(self, done: int, total: int) -> None:
        """Shows that `done` of `total` are done; after the last one the next call begins a new bar."""
        from tfvae.training.progress import Progress

        self._bar = self._bar or Progress(total, self._unit)
        if self._options is not None and (done or self._options.reached):
            self._options.reached = f"{self._unit} {done} of {total}"
        self._tell_estimate(done, total)
        self._bar.update(done)
        if done == total:
            self._bar = None

    def _tell_estimate(self, done: int, total: int) -> None:
        if self._estimate is None:
            return
        self._blocks.append((done, time.monotonic()))
        if len(self._blocks) < 3:
            return
        (_, _), (first, began), (second, ended) = self._blocks
        line = self._estimate(self._unit, total, (ended - began) / max(second - first, 1) * total)
        self._estimate = None
        if line is not None:
            print(line, file=sys.stderr, flush=True)


def about(seconds: float) -> str:
    """Returns a duration in the unit in which it is a small number.

    Example:
        >>> about(40), about(400), about(28000)
        ('40 s', '7 min', '8 h')
    """
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"
