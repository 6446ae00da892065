"""The parts that a model is given, and the arrays that its methods are given: what they must be."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import compat
from tfvae.checks import UserError
from tfvae.distributions import Head
from tfvae.models import checking
from tfvae.random import Noise

DRAWS = 32  # that make a mean without a closed form


def deserialize(value: Any) -> Any:
    """Returns the layer, or the list of layers, that a configuration stands for; anything else as it is."""
    if isinstance(value, list):
        return [deserialize(item) for item in value]
    is_layer = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_layer else value


def serialized(**parts: Any) -> dict[str, Any]:
    """Returns the configuration of each part, a layer or a list of layers, that `deserialize` reads."""
    one = keras.saving.serialize_keras_object
    return {
        name: [one(item) for item in part] if isinstance(part, list) else one(part)
        for name, part in parts.items()
    }


def check_parts(kind: type | tuple[type, ...], expected: str, parts: dict[str, Any]) -> None:
    """Raises a `UserError` that names the part, by its name in a dictionary, which is not of the kind."""
    for name, part in parts.items():
        if not isinstance(part, kind):
            raise UserError(f"{name} is of the wrong kind", expected=expected, received=repr(part))


def training_option(layer: Any, training: bool) -> dict[str, bool]:
    """Returns the `training` argument of a layer's call, or {} for a layer that takes none."""
    return {"training": training} if compat.takes_training(layer) else {}


def with_lead(lead: tf.Tensor, parameters: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    """Returns parameters [N, ...] of a distribution with the axes `lead`, a shape of N elements, for their first."""
    return tuple(tf.reshape(item, tf.concat([lead, tf.shape(item)[1:]], axis=0)) for item in parameters)


def flat_units(values: tf.Tensor) -> tf.Tensor:
    """Returns values [S, B, *event] as [S, B, units]."""
    return tf.reshape(values, tf.concat([tf.shape(values)[:2], [math.prod(values.shape[2:])]], axis=0))


def unit_means(
    head: Head, parameters: tuple[tf.Tensor, ...], noise: Noise, stream: str, num_samples: int
) -> tf.Tensor:
    """Returns E[z] under a head's distributions, which `num_samples` times `DRAWS` of its draws make where it has no
    closed form.

    Args:
        head: a head.
        parameters: [B, ...], or [S, B, ...] with S = `num_samples`.
        noise: a `tfvae.random.Noise` with B rows.
        stream: name of the noise.
        num_samples: S.

    Returns:
        means: [S, B, units], or [1, B, units] where the mean has a closed form and there is one for each row.
    """
    if not head.closed_mean:
        draws = head.noise_from(noise, stream, DRAWS * num_samples)
        draws = tf.reshape(draws, tf.concat([[DRAWS, num_samples], tf.shape(draws)[1:]], axis=0))
        return flat_units(tf.reduce_mean(head.sample(parameters, draws), axis=0))
    means = head.mean(parameters)
    return flat_units(means if means.shape.rank == 2 + len(head.event_shape) else means[tf.newaxis])


def known(values: Any) -> Any:
    """Returns an array, or what a tensor holds outside a graph, as an array; None where that is not known."""
    if tf.is_tensor(values):
        return tf.get_static_value(values)
    return values if isinstance(values, np.ndarray) else None


def batch_of(name: str, values: Any, event_shape: tuple[int, ...], rank: int | None = None) -> tf.Tensor:
    """Returns floating-point values [..., *event_shape] as float32; of this rank, where one is given.

    Raises:
        UserError: if they are something else.
    """
    values = _tensor(name, values)
    if not values.dtype.is_floating:
        raise UserError(
            f"{name} does not hold floating-point numbers",
            expected="float32",
            received=values.dtype.name,
            fix=f"scale and convert it, as in {name}.astype('float32')",
        )
    shape = values.shape
    misfit = shape.rank is not None and (
        (rank is not None and shape.rank != rank)
        or shape.rank < len(event_shape)
        or not shape[shape.rank - len(event_shape) :].is_compatible_with(event_shape)
    )
    if misfit:
        lead = "B" if rank else "..."
        raise UserError(
            f"{name} has the wrong shape",
            expected=f"[{', '.join([lead, *map(str, event_shape)])}]",
            received=shape.as_list(),
        )
    if rank is not None and (shape.rank is None or not shape[1:].is_fully_defined()):
        values = checking.gated(values, checking.shape(name, values, event_shape))
        # tf.ensure_shape would tell grappler that the check above holds
        values = tf.reshape(values, [-1, *event_shape])
    elif rank is not None:
        values = tf.ensure_shape(values, [None, *event_shape])
    return tf.cast(values, tf.float32)


def _tensor(name: str, values: Any) -> tf.Tensor:
    """Returns values as a tensor; a `UserError` where there are none, or a structure, or a sparse or ragged tensor."""
    if not isinstance(values, (dict, tf.RaggedTensor, tf.SparseTensor, type(None))):
        with contextlib.suppress(ValueError, TypeError):
            return tf.convert_to_tensor(values)
    raise UserError(
        f"{name} is missing" if values is None else f"{name} is no array of numbers",
        expected="one array or dense tensor of floating-point numbers",
        received=None if values is None else type(values).__name__,
    )
