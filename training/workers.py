"""TensorFlow's side of several worker processes."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator

from tfvae.checks import LostWorker
from tfvae.training import meeting, processes, quiet, tasks

_WORKERS: list = []  # the one strategy of a worker process, which cannot have another


def of_workers(task: tasks.Task, timeout: float):
    """Returns the one strategy of this process that spans all workers.

    Args:
        task: which worker this is.
        timeout: seconds that TensorFlow waits for the others.

    Raises:
        UserError: if this worker's port was taken meanwhile.
    """
    if not _WORKERS:
        tf = quiet.tensorflow("3")
        _configure_coordination(task, timeout)
        try:
            _WORKERS.append(tf.distribute.MultiWorkerMirroredStrategy())
        except tf.errors.UnknownError as error:
            if "start gRPC server" not in str(error):
                raise
            raise meeting.port_in_use(task) from error
    return _WORKERS[0]


def prepared():
    """Returns the strategy that `of_workers` made; None where there is one process."""
    return _WORKERS[0] if _WORKERS else None


def _configure_coordination(task: tasks.Task, timeout: float) -> None:
    """Sets how long TensorFlow waits for workers, which it offers no public way to.

    Under the launcher, which sees a worker's end at once, a worker's silence means no more than a machine that was
    suspended; elsewhere TensorFlow's own ten seconds hold.
    """
    from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob
    from tensorflow.python.eager import context

    kinds = [name.partition(" ")[0] for name in task.names]
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{kinds[0]}/replica:0/task:0",
        cluster_register_timeout_in_ms=int(1000 * timeout),
        heartbeat_timeout_in_ms=24 * 3600 * 1000 if processes.is_child() else 0,
        coordinated_jobs=[
            CoordinatedJob(name=kind, num_tasks=kinds.count(kind)) for kind in sorted(set(kinds))
        ],
    )


@contextlib.contextmanager
def loss_of_workers(task: tasks.Task | None) -> Iterator[None]:
    """Tells in one line of TensorFlow's errors that mean no more than that another worker is gone.

    Raises:
        LostWorker: in place of them.
    """
    try:
        yield
    except Exception as error:
        if task is None or not _is_loss(error):
            raise
        found = dict.fromkeys(re.findall(r"/job:(\w+)/replica:\d+/task:(\d+)", str(error)))
        others = [name for name in map(" ".join, found) if name in task.names and name != task.name]
        raise LostWorker(
            f"{task.name} lost {' or '.join(others) or 'another worker'}; its log tells why; "
            "`tfvae train --run-dir ... --resume` in every worker goes on from the last checkpoint"
        ) from error


def _is_loss(error: Exception) -> bool:
    if "tensorflow" not in sys.modules:
        return False

    import tensorflow as tf

    kinds = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    return isinstance(error, kinds) or (
        isinstance(error, tf.errors.OpError) and "Collective ops is aborted" in str(error)
    )


def agree(*numbers: int) -> bool:
    """Returns whether all workers call this with the same 32-bit numbers; in the strategy's scope."""
    strategy = prepared()
    if strategy is None:
        return True

    import tensorflow as tf

    from tfvae.models import replicas

    @tf.function
    def gather():
        def place():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return replicas.total(
                tf.one_hot(replica, replicas.count(), dtype=tf.int64)[:, tf.newaxis] * [numbers]
            )

        return strategy.run(place)

    everyones = strategy.experimental_local_results(gather())[0].numpy()
    return bool((everyones == everyones[0]).all())
