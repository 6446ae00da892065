"""What a model with a discriminator offers, and what a discriminator must be."""

from __future__ import annotations

import abc
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models.parts import check_parts, training_option


def check_discriminator(name: str, network: Any, event_shape: tuple[int, ...]) -> None:
    """Checks a discriminator, which it builds.

    Args:
        name: name of the argument.
        network: what was given for it.
        event_shape: shape of one of the examples, or codes, that it is to tell apart.

    Raises:
        UserError: if it is no layer, or does not give one number for each example.
    """
    check_parts(keras.layers.Layer, "a Keras layer or model", {name: network})
    with tf.init_scope():
        shape = tuple(network(tf.zeros((2, *event_shape))).shape)
    if shape not in ((2,), (2, 1)):
        raise UserError(
            f"the {name.replace('_', ' ')} does not give one number for each example",
            expected="an output of shape [B] or [B, 1], without an activation",
            received=f"shape [B{''.join(f', {size}' for size in shape[1:])}]",
        )


def judged(network: keras.layers.Layer, x: tf.Tensor, training: bool) -> tf.Tensor:
    """Returns a discriminator's output for each example or code, float32: [B]."""
    output = network(x, **training_option(network, training))
    return tf.reshape(tf.cast(output, tf.float32), [-1])


class Discriminating(abc.ABC):
    """A model with a discriminator of its samples from examples."""

    @abc.abstractmethod
    def discriminate(self, x: Any) -> tf.Tensor:
        """Returns the discriminator's output for examples [B, *event_shape]: [B]."""
