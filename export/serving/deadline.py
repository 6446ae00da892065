"""Work that ends in time, whatever the other side does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def within(seconds: float, work: Callable[[], Result], stop: Callable[[], None]) -> Result:
    """Returns what `work` returns, or raises what it raises.

    Timeouts of sockets bound each wait for the next bytes and not their sum. Here the work has a thread of its own,
    which is left behind when the time is over.

    Args:
        seconds: for all of it.
        work: function without arguments.
        stop: is called when the time is over, to make `work` end soon.

    Raises:
        TimeoutError: if it has not ended in time.
    """
    ended: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:  # told to the thread that waits
            ended.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = ended.get(timeout=seconds)
    except queue.Empty:
        stop()
        raise TimeoutError(f"no whole answer within {seconds:g} seconds") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
