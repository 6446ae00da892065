"""A distribution of TensorFlow Probability as a configuration, which a file can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import UserError

ROOMS = {"distribution": tfp.distributions, "bijector": tfp.bijectors}
KINDS = {"distribution": tfp.distributions.Distribution, "bijector": tfp.bijectors.Bijector}


def describe(value: Any) -> Any:
    """Returns a distribution, a bijector or an argument of one in numbers, strings, lists and dictionaries.

    Raises:
        UserError: if something in it is none of TensorFlow Probability's own and no array.

    Example:
        >>> config = describe(tfp.distributions.Normal(0.0, [1.0, 2.0]))
        >>> restore(config).scale.numpy().tolist()
        [1.0, 2.0]
    """
    for room, kind in KINDS.items():
        if isinstance(value, kind) and getattr(ROOMS[room], type(value).__name__, None) is type(value):
            given = {name: part for name, part in value.parameters.items() if part is not None}
            return {room: type(value).__name__, "arguments": {k: describe(v) for k, v in given.items()}}
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tf.DType):
        return {"dtype": value.name}
    if isinstance(value, np.ndarray | np.generic | tf.Variable) or tf.is_tensor(value):
        array = np.asarray(value)
        return {"array": array.tolist(), "dtype": array.dtype.name}
    raise UserError(
        "a distribution cannot be written to a file",
        expected="a distribution of tensorflow_probability with arrays for its arguments",
        received=f"one that holds a {type(value).__name__}",
    )


def restore(config: Any) -> Any:
    """Returns what `describe` described."""
    if isinstance(config, list):
        return [restore(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "array" in config:
        return tf.constant(config["array"], config["dtype"])
    if set(config) == {"dtype"}:
        return tf.as_dtype(config["dtype"])
    room = next(room for room in ROOMS if room in config)
    cls = getattr(ROOMS[room], str(config[room]), None)
    if not isinstance(cls, type) or not issubclass(cls, KINDS[room]):
        raise UserError(
            f"there is no such {room}", expected="one of tensorflow_probability", received=config[room]
        )
    return cls(**{name: restore(value) for name, value in config["arguments"].items()})
