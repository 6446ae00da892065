"""Signs of life: workers send them after each step, and silence for too long ends the workers.

Under the launcher each sign goes to the launcher, through the socket that is a worker's standard input. Elsewhere a
thread of the worker watches. Without it, a peer that hangs but answers TensorFlow's heartbeats would block the others
for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

from tfvae.training.distribution import processes, tf_config

START = 300.0  # seconds in which workers must appear
LIMIT = 600.0  # seconds of silence: more than a first step, a validation or a checkpoint takes
EVERY = 0.5  # least seconds between two signs to the launcher
TICK = 1.0  # most seconds between two checks
_signs = 0  # signs of this process
_sent = 0.0


def beat() -> None:
    """Sends a sign of life. Call it at the end of each step and of each long phase."""
    global _signs, _sent
    _signs += 1
    now = time.monotonic()
    if processes.is_child() and now - _sent >= EVERY:
        _sent = now
        with contextlib.suppress(OSError):
            launcher = socket.socket(fileno=0)
            try:
                launcher.send(b".", socket.MSG_DONTWAIT)  # a suspended launcher blocks no worker
            finally:
                launcher.detach()


class Silence:
    """Measures how long a count of signs has not changed.

    Only time in which the watcher itself ran counts. After a sleep of the machine, or a suspension of the launcher, the
    workers do not appear silent.

    Args:
        limit: seconds of silence that are too long.
        start: the same before the first sign, if it is larger.
    """

    def __init__(self, limit: float, start: float = 0.0) -> None:
        self.tick = min(TICK, limit / 4)
        self._limit, self._start, self._seconds = limit, max(start, limit), 0.0
        self._signs, self._looked = -1, time.monotonic()

    def too_long(self, signs: int) -> bool:
        """Returns whether the count of signs has not changed for too long. Call it at each tick."""
        now = time.monotonic()
        self._seconds += min(now - self._looked, 2 * self.tick)
        self._looked = now
        if signs != self._signs:
            self._signs, self._seconds = signs, 0.0
        return self._seconds >= self.limit(signs)

    def limit(self, signs: int) -> float:
        """Returns the seconds of silence that are too long after so many signs."""
        return self._limit if signs else self._start


@contextlib.contextmanager
def watched(task: tf_config.Task | None, limit: float, resuming: str) -> Iterator[None]:
    """Ends this process, with exit code 3 and one line, if it is silent for too long within the block.

    Args:
        task: this worker. Without one, and under the launcher, nothing is watched here.
        limit: seconds of silence that are too long.
        resuming: command that resumes the run.
    """
    if task is None or processes.is_child():
        yield
        return
    done = threading.Event()
    name = task.name

    def watch() -> None:
        silence = Silence(limit)
        while not silence.too_long(_signs):
            if done.wait(silence.tick):
                return
        line = (
            f"tfvae: {name} has finished no step for {limit:g} s, it or another worker hangs; "
            f"{resuming} in every worker goes on from the last checkpoint\n"
        )
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode())
        os._exit(processes.LOST)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
