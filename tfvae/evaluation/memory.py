"""How wide a model is, so that the blocks of an evaluation can be cut to fit."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfvae import compat
from tfvae.models.contract import Generative


def width(model: Generative) -> int:
    """Returns how many numbers of one example and particle the widest step of a model holds.

    It is the largest of: the model's `example_width`; the numbers of its latents; what a layer takes in; the columns of
    a layer's weight matrix.

    Args:
        model: built model with latents.
    """
    sizes = [model.example_width, sum(map(math.prod, model.latent_shapes))]
    if isinstance(model, keras.Model):
        for layer in compat.layers_of(model, include_self=False):
            shapes = (layer.get_build_config() or {}).values()
            sizes += [math.prod(size or 1 for size in shape[1:]) for shape in shapes if _is_shape(shape)]
            sizes += [weight.shape[-1] for weight in layer.weights if len(weight.shape) == 2]
    return max(sizes)


def _is_shape(shape: Any) -> bool:
    """Returns whether what a layer was built for is the shape of one batch."""
    return isinstance(shape, tuple | list) and all(size is None or isinstance(size, int) for size in shape)
