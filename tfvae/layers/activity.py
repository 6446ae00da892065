"""Activity regularisers of layers that are called more than once for the same examples.

Keras forgets the losses of a layer when it is called anew. A training step adds up what its layers hold in the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def uncounted(*layers: keras.layers.Layer) -> Iterator[None]:
    """Within it calls of these layers, and of those inside them, leave the losses that they hold as they are."""
    held = _held(layers)
    try:
        yield
    finally:
        for layer, losses in held:
            layer._losses[:] = losses


@contextlib.contextmanager
def added(*layers: keras.layers.Layer) -> Iterator[None]:
    """Within it calls of these layers, and of those inside them, add to the losses that they hold."""
    held = _held(layers)
    yield
    for layer, losses in held:
        known = set(map(id, losses))
        layer._losses[:] = losses + [loss for loss in layer._losses if id(loss) not in known]


def _held(layers):
    return [(layer, list(layer._losses)) for outer in layers for layer in outer._flatten_layers()]
