"""TensorFlow without the notices that its native code writes while it is loaded."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any


def tensorflow(level: str = "2") -> Any:
    """Imports TensorFlow and finds its devices, silently unless TF_CPP_MIN_LOG_LEVEL is set.

    Args:
        level: value of TF_CPP_MIN_LOG_LEVEL; "2" shows errors, "3" hides them.

    Returns:
        tf: module `tensorflow`.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or "tensorflow" in sys.modules:
        import tensorflow as tf

        return tf
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = level
    with _held_back():
        import tensorflow as tf
        import tensorflow_probability  # noqa: F401

        tf.config.list_physical_devices()
    return tf


NOTICES = (b"INFO: Created TensorFlow Lite XNNPACK delegate",)


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """Holds back what is written to standard error, and writes it in the end without the notices of LiteRT."""
    with _held_back(lambda line: not line.startswith(NOTICES)):
        yield


@contextlib.contextmanager
def _held_back(keep: Callable[[bytes], bool] = lambda line: False) -> Iterator[None]:
    """Drops what is written to standard error but for the lines to keep, or keeps all if there is an exception."""
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(held.fileno(), 2)
        whole = False
        try:
            yield
            whole = True
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            held.seek(0)
            os.write(terminal, b"".join(line for line in held if keep(line) or not whole))
            os.close(terminal)
