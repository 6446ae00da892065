"""Signs of life: a worker that goes on says so, and silence for too long ends the workers.

Under the launcher each sign goes to it, through the socket that is a worker's standard input. Elsewhere a thread of the
worker itself watches, so that a peer which hangs but answers TensorFlow's heartbeats holds up nobody for ever.
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

START = 300.0  # seconds in which workers have to appear
LIMIT = 600.0  # seconds of silence: longer than a first step, a validation or a checkpoint takes
EVERY = 0.5  # seconds between the signs that the launcher gets, at least
TICK = 1.0  # seconds between looks for signs, at most
_signs = 0  # of this process
_sent = 0.0


def beat() -> None:
    """Tells that this process goes on; to be called at the end of each step and of each long phase."""
    global _signs, _sent
    _signs += 1
    now = time.monotonic()
    if processes.is_child() and now - _sent >= EVERY:
        _sent = now
        with contextlib.suppress(OSError):
            launcher = socket.socket(fileno=0)
            try:
                launcher.send(b".", socket.MSG_DONTWAIT)  # a launcher that is suspended holds up no worker
            finally:
                launcher.detach()


class Silence:
    """Measures for how long a count of signs has stood still.

    Only time in which the watcher itself ran counts: neither a machine that slept nor a launcher that was suspended
    finds that its workers have been silent meanwhile.

    Args:
        limit: seconds that are too long.
        start: seconds that are too long before the first sign, where they are more.
    """

    def __init__(self, limit: float, start: float = 0.0) -> None:
        self.tick = min(TICK, limit / 4)
        self._limit, self._start, self._seconds = limit, max(start, limit), 0.0
        self._signs, self._looked = -1, time.monotonic()

    def too_long(self, signs: int) -> bool:
        """Returns whether `signs` has stood still for too long; to be called at each tick."""
        now = time.monotonic()
        self._seconds += min(now - self._looked, 2 * self.tick)
        self._looked = now
        if signs != self._signs:
            self._signs, self._seconds = signs, 0.0
        return self._seconds >= self.limit(signs)

    def limit(self, signs: int) -> float:
        """Returns the seconds that are too long after so many signs."""
        return self._limit if signs else self._start


@contextlib.contextmanager
def watched(task: tf_config.Task | None, limit: float, resuming: str) -> Iterator[None]:
    """Ends this process, with exit code 3 and one line, when it stays silent for too long within the block.

    Args:
        task: which of several workers this process is; without one, or under the launcher, nothing is watched here.
        limit: seconds.
        resuming: command that goes on with the run.
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
