"""Examples keep their precision on the way through Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def float32_data() -> Iterator[None]:
    """Within it Keras, which casts arrays to its global `floatx`, casts them to float32."""
    before = keras.config.floatx()
    keras.config.set_floatx("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(before)
