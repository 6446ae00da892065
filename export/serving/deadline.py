"""A time limit for work that may never end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def within(seconds: float, work: Callable[[], Result], stop: Callable[[], None]) -> Result:
    """Returns what `work` returns, or raises what it raises.

    A socket's timeout bounds each wait for the next bytes, not their sum. Here the work has its own thread, which is
    abandoned when the time is over.

    Args:
        seconds: time limit for all of the work.
        work: function without arguments.
        stop: function that makes `work` end soon, called when the time is over.

    Returns:
        result: return value of `work`.

    Raises:
        TimeoutError: if `work` has not ended in time.

    Example:
        >>> within(5.0, lambda: 42, stop=lambda: None)
        42
    """
    ended: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:  # raised again in the waiting thread
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
