"""The count of training steps, which seeds their noise.

An optimiser's `iterations` count its updates of the weights. They stand still between the micro-batches whose gradients
it accumulates, and on a step that loss scaling skips. The count here moves on at every step. It lives in variables that
every Keras optimiser has and saves, so that files and checkpoints hold it.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def taken(optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
    """Returns the training steps taken so far, scalar int64: `iterations` where every step was an update."""
    applied = tf.convert_to_tensor(_applied(optimizer))
    skipped = _skipped(optimizer)
    return applied if skipped is None else applied + tf.convert_to_tensor(skipped)


def count(optimizer: keras.optimizers.Optimizer, before: tf.Tensor, variables: list) -> None:
    """Counts a step that the optimiser did not count itself, as it skipped it or had no weight to move.

    Args:
        optimizer: the optimiser that was asked for the step.
        before: what `taken` gave before the step.
        variables: the weights that the step was to move.
    """
    skipped = _skipped(optimizer)
    if skipped is not None:
        skipped.assign(before + 1 - tf.convert_to_tensor(_applied(optimizer)))
    elif not variables:
        _applied(optimizer).assign(before + 1)


def _applied(optimizer: keras.optimizers.Optimizer) -> Any:
    """Returns the variable that Keras moves in every `apply`, the first one of an optimiser."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return inner.variables[0]


def _skipped(optimizer: keras.optimizers.Optimizer) -> Any:
    """Returns the variable of a `LossScaleOptimizer` that holds the steps it skipped, None for other optimisers.

    It is the wrapper's own `iterations`, which Keras saves with the others and never moves.
    """
    return optimizer.variables[0] if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) else None
