"""Where a replica stands in the global batch."""

from __future__ import annotations

import tensorflow as tf


def count() -> int:
    """Returns the number of replicas that share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def total(value: tf.Tensor) -> tf.Tensor:
    """Returns the sum of `value` over the replicas."""
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def place(num_rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the global number of this replica's first row and the rows of the global batch, both scalar int32."""
    if count() == 1:
        return tf.constant(0), num_rows
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    rows = total(tf.one_hot(replica, count(), dtype=tf.int32) * num_rows)
    return tf.reduce_sum(rows[:replica]), tf.reduce_sum(rows)


def agree(gradients: list[tf.Tensor | None]) -> list[tf.Tensor | None]:
    """Returns the gradients, a NaN among them on every replica where one of them is not finite on any.

    Loss scaling in Keras asks one replica for its own gradients, before they are summed, whether to skip a step.
    """
    if count() == 1:
        return gradients
    which = [index for index, gradient in enumerate(gradients) if gradient is not None]
    finite = [tf.reduce_all(tf.math.is_finite(gradients[index])) for index in which]
    broken = total(tf.reduce_sum(1.0 - tf.cast(tf.stack(finite), tf.float32)))
    first = tf.where(broken > 0.0, float("nan"), gradients[which[0]])
    return [first if index == which[0] else gradient for index, gradient in enumerate(gradients)]
