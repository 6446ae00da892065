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
