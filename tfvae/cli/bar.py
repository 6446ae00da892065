"""Progress of what runs over examples."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfvae.training.progress import Progress


class Bar:
    """Progress on standard error of one or more passes over examples.

    Args:
        unit: what is counted, such as "example".
        options: those of a command that goes on from its finished share after an interrupt: `reached` tells that share
            in words. None for one that starts anew.
    """

    def __init__(self, unit: str, options: argparse.Namespace | None = None) -> None:
        self._options, self._unit = options, unit
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        """Shows that `done` of `total` are done; after the last one the next call begins a new bar."""
        from tfvae.training.progress import Progress

        self._bar = self._bar or Progress(total, self._unit)
        if self._options is not None and (done or self._options.reached):
            self._options.reached = f"{self._unit} {done} of {total}"
        self._bar.update(done)
        if done == total:
            self._bar = None
