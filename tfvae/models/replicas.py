"""Where a replica stands in the global batch, and how a batch is cut over workers."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from tfvae.checks import UserError


def count() -> int:
    """Returns the number of replicas that share a batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def check_whole(strategy: tf.distribute.Strategy) -> None:
    """Raises a `UserError` if several replicas share a batch whose discrepancy is to be taken."""
    if strategy.num_replicas_in_sync > 1:
        raise UserError(
            "the discrepancy of the parts of a batch is not that of the whole",
            expected="one replica",
            received=f"{strategy.num_replicas_in_sync} replicas",
            fix="train it on one device",
        )


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


class Batch(NamedTuple):
    """What a replica holds of a batch.

    Attributes:
        x: examples, B rows; where several replicas share a batch, one row of zeros and weight 0 in place of none, as
            fused convolutions fail on no rows.
        weight: weight of each example, [B].
        share: weight of each example in the mean over the global batch, [B].
        num_rows: rows that are not filled in, scalar int32; None for all.
        first_row: global number of the first row, scalar int32.
    """

    x: Any
    weight: tf.Tensor
    share: tf.Tensor
    num_rows: tf.Tensor | None
    first_row: tf.Tensor

    @classmethod
    def of(cls, x: Any, weight: tf.Tensor) -> Batch:
        """Returns the batch of checked examples and their weights [B]."""
        x, weight, num_rows = filled(x, weight)
        first_row, total_rows = place(num_rows)
        return cls(x, weight, weight / tf.cast(total_rows, tf.float32), num_rows, first_row)

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the mean of numbers [K, B, ...] over the global batch by the examples' weights: a scalar."""
        return mean(values, self.weight, self.num_rows)


def filled(x: Any, weight: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
    """Returns a replica's part with a row of zeros, of weight 0, where it is empty: fused convolutions fail on no rows.

    Args:
        x: [B, ...], or a structure of these.
        weight: [B].

    Returns:
        x: [max(B, 1), ...] where several replicas share a batch; as it was otherwise.
        weight: [max(B, 1)].
        num_rows: B, scalar int32.
    """
    num_rows = tf.shape(weight)[0]
    if count() == 1:
        return x, weight, num_rows
    missing = tf.cast(tf.equal(num_rows, 0), tf.int32)
    x, weight = tf.nest.map_structure(
        lambda rows: tf.concat([rows, tf.zeros([missing, *rows.shape[1:]], rows.dtype)], axis=0), (x, weight)
    )
    return x, weight, num_rows


def mean(values: tf.Tensor, weight: tf.Tensor, num_rows: tf.Tensor | None) -> tf.Tensor:
    """Returns the mean of numbers over the global batch, each example counted by its weight.

    Args:
        values: [K, B, ...].
        weight: weight of each example, [B]; all count alike where no example has any.
        num_rows: rows that the replica holds, those after it being filled in, see `filled`; None for all.

    Returns:
        mean: scalar.
    """
    numbers = tf.cast(
        tf.reduce_prod(tf.shape(values)[2:]) * tf.shape(values)[0], tf.float32
    )  # of one example
    if count() > 1:
        values, weight = values[:, :num_rows], weight[:num_rows]
    weight = tf.where(total(tf.reduce_sum(weight)) > 0.0, weight, 1.0)
    along_rows = tf.reshape(weight, [1, -1] + [1] * (values.shape.rank - 2))
    return total(tf.reduce_sum(along_rows * values)) / (numbers * total(tf.reduce_sum(weight)))


def weighted_mean(values: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Returns the mean of `values` [B, ...] over the global batch by the examples' weights [B]: [...]; 0 where all are
    0."""
    share = tf.math.divide_no_nan(weight, total(tf.reduce_sum(weight)))
    return total(tf.tensordot(share, values, 1))


def several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether a strategy's replicas live in processes that were started as one cluster."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and bool(
        strategy.cluster_resolver.cluster_spec().as_dict()
    )


def cut_over_workers(strategy: tf.distribute.Strategy, x: Any, steps: int | None) -> tuple[Any, int | None]:
    """Returns a data set as its replicas' parts, without end, and its steps, where several workers share it; anything
    else as it is.

    Raises:
        UserError: if it is no data set, whose order all workers share, or has neither steps nor an end.
    """
    if x is None or not several_workers(strategy) or isinstance(x, tf.distribute.DistributedDataset):
        return x, steps
    if not isinstance(x, tf.data.Dataset):
        raise UserError(
            "several workers need the same batches",
            expected="a tf.data.Dataset of global batches, the same in every worker",
            received=type(x).__name__,
            fix="tf.data.Dataset.from_tensor_slices(x).batch(...)",
        )
    steps = int(x.cardinality()) if steps is None else steps
    if steps < 0:
        raise UserError(
            "several workers need to know when an epoch ends",
            expected="the number of steps, or a data set that knows its own",
            received="a data set of infinite or unknown length",
        )
    return cut(x, strategy), steps


def cut(batches: tf.data.Dataset, strategy: tf.distribute.Strategy) -> tf.distribute.DistributedDataset:
    """Gives each replica its rows of every batch, in the order in which one device sees them.

    Args:
        batches: global batches, the same in every worker; they begin anew, as `repeat` does, as often as needed.
        strategy: whose replicas share them.

    Returns:
        parts: replica r of R holds the r-th of R adjoining parts, whose sizes differ by one row at most; a part is
        empty where a batch has fewer rows than there are replicas.
    """

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = context.num_replicas_in_sync
        local = count // context.num_input_pipelines
        first = context.input_pipeline_id * local

        def parts(*batch: Any) -> tf.data.Dataset:
            rows = tf.shape(tf.nest.flatten(batch)[0], tf.int64)[0]

            def part(replica: tf.Tensor) -> Any:
                start, stop = (
                    rows // count * index + tf.minimum(index, rows % count)
                    for index in (replica, replica + 1)
                )
                cut = tf.nest.map_structure(lambda values: values[start:stop], batch)
                return cut if len(cut) > 1 else cut[0]

            return tf.data.Dataset.range(first, first + local).map(part)

        endless = batches.repeat().flat_map(parts)
        return endless.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)).prefetch(
            2
        )

    return strategy.distribute_datasets_from_function(of_worker)
