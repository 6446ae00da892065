"""Noise that layers draw for themselves, such as dropout, as a function of a seed and of the training step.

Keras keeps the state of such a layer in no file. Set anew at every step, it needs none: training that goes on after a
file was loaded draws what it would have drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tfvae import compat, random
from tfvae.models.replicas import Batch

if TYPE_CHECKING:
    from tfvae.models.keras_model import KerasModel


def seed_layers(model: KerasModel, seed: int, batch: Batch) -> None:
    """Sets the state of every layer that draws noise, before a training step on a batch.

    Each replica draws noise of its own, by the number of its first example.

    Args:
        model: a compiled model.
        seed: 32-bit integer.
        batch: what the replica holds of the batch.
    """
    place = random.fold(seed, "layers", model.steps_taken(), batch.first_row)
    for index, layer in enumerate(compat.layers_of(model)):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(tf.cast(random.fold(place, index), generator.state.dtype))
