"""Two networks in one Keras model, each with weights and an optimiser of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models import replicas


def trainable(network: keras.layers.Layer) -> list[keras.Variable]:
    """Returns the weights of a network that may move, also those of a part that trains in a frozen network."""
    return [weight for weight in network.weights if weight.trainable]


def another_optimizer(
    model: keras.Model, chosen: Any, first: Any, options: Mapping[str, Any]
) -> keras.optimizers.Optimizer:
    """Returns the optimiser of a model's second network; in float16 one that scales the loss, as Keras does the first.

    Args:
        model: the model, which is being compiled.
        chosen: a Keras optimiser or its name; None for Adam.
        first: the optimiser of the first network.
        options: further arguments of `compile`; `auto_scale_loss` says whether to scale the loss in float16.

    Raises:
        UserError: if both are one object.
    """
    optimizer = keras.optimizers.get(chosen or "adam")
    if optimizer is first:
        raise UserError(
            "two networks have the same optimiser",
            expected="an object for each",
            received=f"one {type(first).__name__} for both",
        )
    half = model.dtype_policy.name == "mixed_float16" and options.get("auto_scale_loss", True)
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


class Player:
    """One of the networks of a game, with its optimiser.

    Args:
        network: the layer or model whose weights it moves.
        optimizer: a Keras optimiser.
    """

    def __init__(self, network: keras.layers.Layer, optimizer: keras.optimizers.Optimizer) -> None:
        self.network, self.optimizer = network, optimizer

    def regularization(self) -> tf.Tensor:
        """Returns the sum of the network's own losses, such as regularisers: a scalar."""
        return tf.add_n([0.0] + [tf.cast(loss, tf.float32) for loss in self.network.losses])

    def move(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Moves the network's weights along the gradient of a loss.

        Args:
            tape: tape that has watched the loss; persistent, if it is asked for another gradient too.
            loss: this replica's part of it, a scalar, scaled by `optimizer.scale_loss`.
        """
        weights = trainable(self.network)
        gradients = tape.gradient(loss, weights)
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = replicas.agree(gradients)
        self.optimizer.apply(gradients, weights)


@contextlib.contextmanager
def unmoved(network: keras.layers.Layer) -> Iterator[None]:
    """Within it a network may be called in training without keeping what that call does to its running statistics.

    A game's rule: batch normalisation always uses the statistics of its batch in training, and a network's running
    statistics follow the passes of its own turn alone.
    """
    kept = [
        (weight, tf.identity(weight.value))
        for weight in network.non_trainable_weights
        if not weight.trainable
    ]
    yield
    for weight, value in kept:
        weight.assign(value)
