"""TensorFlow without the notices that its native code writes while it is loaded."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
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


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Drops everything written to standard error, unless there is an exception."""
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
