"""Progress of a run on the terminal."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

BAR = 24
FIRST, MOST = 2.0, 30.0  # seconds between lines where there is no terminal: at first, and in the end
REDRAWN = 0.1  # seconds between drawings of a bar
Words = Callable[[], str]


class Progress:
    """A progress bar on a terminal, elsewhere a line now and then, with the remaining time.

    Lines come with the first step, after twice the time of the one before, and every 30 s in the end.

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
        self._told = 0.0  # when the last line was written

    def update(
        self, done: int, text: str | Words = "", left: float | None = None, last: bool = False
    ) -> None:
        """Shows that `done` steps are done, where it is time to.

        Args:
            done: steps done.
            text: what follows, or a function that returns it and is called where it is shown.
            left: remaining time in seconds; None for that at the rate so far.
            last: whether nothing follows although steps are left.
        """
        now = time.monotonic()
        if self._start is None:
            self._start = (now, done)
            self._told = -math.inf
        start, first = self._start
        last = last or done >= self._total
        gap = REDRAWN if self._live else min(max(self._told - start, FIRST), MOST)
        if not last and now - self._told < gap:
            return
        self._told = now
        if left is None and done > first:
            left = (now - start) / (done - first) * (self._total - done)
        line = self.place(done) + (f", {clock(left)} left" if left is not None and not last else "")
        words = text if isinstance(text, str) else text()
        if self._live:
            filled = BAR * done // self._total
            bar = "#" * filled + "." * (BAR - filled)
            self._stream.write(f"\r\x1b[K[{bar}] {line}  {words}" + "\n" * last)
        else:
            self._stream.write(f"{line}  {words}".rstrip() + "\n")
        self._stream.flush()

    def place(self, done: int) -> str:
        """Returns how far it is, in words."""
        return f"{self._unit} {done:,}/{self._total:,}"


class EpochProgress(Progress):
    """Progress of `fit`: it names the epoch, and what is left counts compiling, validation and figures.

    Args:
        epochs: epochs of the whole run.
        steps: steps in an epoch.
        every_epoch: whether each epoch ends with a line of its own.
        stream: output stream; None for standard error.
    """

    def __init__(
        self, epochs: int, steps: int, every_epoch: bool = False, stream: TextIO | None = None
    ) -> None:
        super().__init__(epochs * steps, "step", stream)
        self._epochs, self._steps, self._every_epoch = epochs, steps, every_epoch
        self._left = TimeLeft(epochs, steps)

    def step(self, done: int, words: Words) -> None:
        """Shows that `done` steps of the run are done."""
        self._left.step(done, time.monotonic())
        if done < self._epochs * self._steps:
            self.update(done, words, self._left.seconds(done))

    def epoch(self, done: int, words: str, last: bool) -> None:
        """Shows that an epoch has ended.

        Args:
            done: steps of the run that are done.
            words: what the epoch has brought.
            last: whether no epoch follows.
        """
        if last or self._every_epoch:
            self._told = -math.inf
            self.update(done, words, self._left.seconds(done), last=last or self._every_epoch)

    def place(self, done: int) -> str:
        """Returns the epoch and its steps, in words."""
        epoch, step = divmod(max(done - 1, 0), self._steps)
        return f"epoch {epoch + 1:,}/{self._epochs:,}, step {min(step + 1, done):,}/{self._steps:,}"


class TimeLeft:
    """The time that a training still takes.

        left = steps left x time of a step + epochs left x time between two epochs

    The first step, which compiles, counts as none. The time between epochs is that of validation, figures and
    checkpoints; it is the mean of those so far without the first, which compiles too, once there are others. Within the
    first epoch it is taken for that of compiling and of a third of the epoch's steps.

    Args:
        epochs: epochs of the whole run.
        steps: steps in an epoch.

    Example:
        >>> left = TimeLeft(epochs=2, steps=4)
        >>> for done, now in ((1, 0.0), (2, 1.0), (3, 2.0), (4, 3.0), (5, 9.0)):
        ...     left.step(done, now)
        >>> left.seconds(5)  # three steps of 1 s, and another time of 5 s after the last one
        8.0
    """

    def __init__(self, epochs: int, steps: int) -> None:
        self._epochs, self._steps = epochs, steps
        self._began = time.monotonic()
        self._last: tuple[int, float] | None = None
        self._compiled = 0.0
        self._within = (0, 0.0)  # steps that were timed, and their seconds
        self._between: list[float] = []

    def step(self, done: int, now: float) -> None:
        """Notes that `done` steps of the run were done at a time in seconds."""
        if self._last is None:
            self._compiled = max(now - self._began, 0.0)
        else:
            before, then = self._last
            count, seconds = done - before, now - then
            if before % self._steps == 0:
                self._between.append(max(seconds - count * self._each(), 0.0))
            else:
                self._within = self._within[0] + count, self._within[1] + seconds
        self._last = done, now

    def seconds(self, done: int) -> float | None:
        """Returns what is left after `done` steps, seconds; None where no step was timed."""
        if not self._within[0]:
            return None
        left = (self._epochs * self._steps - done) * self._each()
        epochs = self._epochs - (done - 1) // self._steps
        if not self._between:
            return left + self._compiled + epochs * self._steps * self._each() / 3.0
        later = self._between[1:] or self._between
        return left + epochs * sum(later) / len(later)

    def _each(self) -> float:
        count, seconds = self._within
        return seconds / count if count else 0.0


class Phase:
    """A context manager that names a step without units of its own, and tells every 30 s that it goes on.

    Args:
        name: the step, in words.
        stream: output stream; None for standard error.
    """

    def __init__(self, name: str, stream: TextIO | None = None) -> None:
        self._name, self._stream = name, stream or sys.stderr
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Phase:
        """Names the step."""
        self._write(self._name)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the telling."""
        self._ended.set()
        self._thread.join()

    def _tell(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(MOST):
            self._write(f"{self._name}, {clock(time.monotonic() - began)} so far")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


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
        >>> metrics({"bound": -91.234})
        'bound -91.23 nats'
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
