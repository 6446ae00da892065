"""Activity regularisers of layers that are called more than once for the same examples.

A Keras layer keeps the losses of its last call only. A training step adds up the losses that its layers
hold at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import keras
import tensorflow as tf

from tfvae import compat


@contextlib.contextmanager
def uncounted(*layers: keras.layers.Layer) -> Iterator[None]:
    """Inside the block, calls of these layers and of the layers in them do not change the losses that they hold."""
    held = _held(layers)
    try:
        yield
    finally:
        for layer, losses in held:
            compat.losses_of(layer)[:] = losses


@contextlib.contextmanager
def added(*layers: keras.layers.Layer) -> Iterator[None]:
    """Inside the block, calls of these layers and of the layers in them add to the losses that they hold."""
    held = _held(layers)
    yield
    for layer, losses in held:
        known = set(map(id, losses))
        now = compat.losses_of(layer)
        now[:] = losses + [loss for loss in now if id(loss) not in known]


def _held(layers: Iterable[keras.layers.Layer]) -> list[tuple[keras.layers.Layer, list[tf.Tensor]]]:
    return [(layer, list(compat.losses_of(layer))) for outer in layers for layer in compat.layers_of(outer)]
