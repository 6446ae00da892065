"""Ctrl-C and SIGTERM: the first finishes what training can go on from, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Training was stopped, and all that it leaves is written; says where."""


class Stop:
    """Takes the signals of a training process; a context manager for its main thread.

    Attributes:
        asked: True once a signal came while signals were held.
    """

    def __init__(self) -> None:
        self.asked = False
        self._what = ""
        self._former: dict = {}

    def __enter__(self) -> Stop:
        """Takes the signals, but those that the process was started to ignore."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                former = signal.getsignal(number)
                if former not in (signal.SIG_IGN, None):
                    self._former[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *error) -> None:
        """Gives the signals back."""
        for number, former in self._former.items():
            signal.signal(number, former)

    def hold(self, what: str) -> None:
        """From now on the first signal asks alone; what training finishes then is told as `what`."""
        self._what = what

    def _take(self, number, frame) -> None:
        if not self._what or self.asked:
            raise KeyboardInterrupt
        self.asked = True
        line = f"\ntfvae: stopping after this {self._what}; once more stops at once\n"
        os.write(2, line.encode())  # print could be what was interrupted
