"""Ctrl-C and SIGTERM. The first signal stops training where it can be resumed, the second stops it at once."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Training was stopped, and everything is written. The message says where."""


class Stop:
    """Context manager that handles the signals of a training process, in its main thread.

    Attributes:
        requested: True after a signal came while signals were held.
    """

    def __init__(self) -> None:
        self.requested = False
        self._what = ""
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        """Installs the handlers, except for signals that the process was started to ignore."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                former = signal.getsignal(number)
                if former not in (signal.SIG_IGN, None):
                    self._former[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *error: object) -> None:
        """Restores the former handlers."""
        for number, former in self._former.items():
            signal.signal(number, former)

    def hold(self, what: str) -> None:
        """From now on the first signal only requests a stop after the current `what`, such as "epoch"."""
        self._what = what

    def _take(self, number: int, frame: Any) -> None:
        if not self._what or self.requested:
            raise KeyboardInterrupt
        self.requested = True
        line = f"\ntfvae: stopping after this {self._what}; once more stops at once\n"
        os.write(2, line.encode())  # print itself could be interrupted
