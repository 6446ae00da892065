"""Progress of a run on the terminal."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

BAR = 24
LINES = 20  # approximate number of lines where there is no terminal


class Progress:
    """A progress bar on a terminal, a few lines elsewhere, with the remaining time.

    Args:
        total: number of steps.
        unit: name of a step.
        stream: output stream; None for standard error.
    """

    def __init__(self, total: int, unit: str, stream: TextIO | None = None) -> None:
        self._total, self._unit = total, unit
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._start: tuple[float, int] | None = None
        self._drawn = 0.0
        self._reported = 0

    def update(self, done: int, text: str = "") -> None:
        """Shows that `done` steps are done, followed by `text`. Redraws at most ten times a second."""
        now = time.monotonic()
        if self._start is None:
            self._start = (now, done)
        last = done >= self._total
        if self._live:
            if last or now - self._drawn > 0.1:
                self._drawn = now
                filled = BAR * done // self._total
                bar = "#" * filled + "." * (BAR - filled)
                self._stream.write(f"\r\x1b[K[{bar}] {self._line(done, now)}  {text}" + "\n" * last)
                self._stream.flush()
        elif last or done * LINES // self._total > self._reported:
            self._reported = done * LINES // self._total
            self._stream.write(f"{self._line(done, now)}  {text}\n")
            self._stream.flush()

    def _line(self, done: int, now: float) -> str:
        start, first = self._start or (now, done)
        line = f"{self._unit} {done}/{self._total}"
        if done > first and done < self._total:
            line += f", {clock((now - start) / (done - first) * (self._total - done))} left"
        return line


def clock(seconds: float) -> str:
    """Returns a duration in seconds as m:ss or h:mm:ss.

    Example:
        >>> clock(75), clock(3675)
        ('1:15', '1:01:15')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def metrics(row: dict[str, Any]) -> str:
    """Returns the bounds of an epoch as text, or the costs where there is no bound.

    Example:
        >>> metrics({"bound": -91.234, "val_bound": -92.0})
        'bound -91.23, validation -92.00 nats'
        >>> metrics({"loss": 0.71, "discriminator_loss": 0.6931})
        'loss 0.7100, discriminator loss 0.6931'
    """
    if "bound" not in row:
        losses = sorted((name for name in row if name.endswith("loss") and name[:4] != "val_"), key=len)
        return ", ".join(f"{name.replace('_', ' ')} {row[name]:.4f}" for name in losses)
    words = [f"bound {row['bound']:.2f}"]
    if "val_bound" in row:
        words.append(f"validation {row['val_bound']:.2f}")
    return ", ".join(words) + " nats"
