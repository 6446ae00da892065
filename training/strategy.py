"""Where a run computes: one device, or several that share each batch, in one process or in many."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Iterator

from tfvae.checks import LostWorker, UserError
from tfvae.training import launcher, meeting, quiet, tasks
from tfvae.training.config import Config


def check(config: Config) -> tasks.Task | None:
    """Checks what can be checked before TensorFlow is loaded.

    Returns:
        task: which of several workers this process is; None where there is one process.

    Raises:
        UserError: if the strategy cannot be had.
    """
    if config.replicas > 1 and config.strategy == "none":
        raise UserError(
            "--strategy none has one replica", expected="--strategy mirrored", received=config.replicas
        )
    if config.replicas > config.batch_size:
        raise _too_many(config, config.replicas, "--replicas")
    if config.strategy != "multiworker":
        return None
    if not tasks.is_set():
        raise UserError(
            "--strategy multiworker does not say where its workers are",
            expected=f"--workers N on one machine, or {tasks.VARIABLE} in the environment of each worker",
        )
    task = tasks.from_environment()
    check_workers(config, len(task.names))
    return task


def check_workers(config: Config, count: int) -> None:
    """Checks the number of workers, which may see several devices each.

    Raises:
        UserError: if it is larger than a batch, or a worker is to split its CPU.
    """
    if config.replicas > 1:
        raise UserError(
            "--replicas splits the devices of one process",
            expected="--strategy mirrored, or one replica",
            received=config.replicas,
            fix="leave it out: each worker uses all GPUs that it sees",
        )
    if count > config.batch_size:
        raise _too_many(config, count, "workers")


def _too_many(config: Config, count: int, what: str) -> UserError:
    return UserError(
        "there are more replicas than examples in a batch",
        expected=f"{what} of at most {config.batch_size}, or a larger --batch-size",
        received=count,
    )


def prepare(config: Config, task: tasks.Task | None, timeout: float) -> None:
    """Sets up the devices; before TensorFlow computes anything.

    Args:
        config: the settings.
        task: which of several workers this process is; waits for the others, then.
        timeout: seconds to wait for them.

    Raises:
        UserError: if there are too few devices, or a worker is missing.
    """
    if config.replicas > 1:
        split_cpu(config.replicas)
    if task is not None:
        meeting.attend(task, config.to_json(), timeout)
        count = of_workers(task, timeout).num_replicas_in_sync
        if count > config.batch_size:
            raise _too_many(config, count, "workers x GPUs")


def split_cpu(count: int) -> None:
    """Splits the CPU into `count` logical devices where there is no GPU; before TensorFlow computes anything.

    Raises:
        UserError: if it is too late.
    """
    tf = quiet.tensorflow()
    if tf.config.list_physical_devices("GPU"):
        return
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise UserError(
                "the CPU cannot be split any more, TensorFlow has computed already",
                expected=f"{count} logical devices before",
                received=f"{len(tf.config.list_logical_devices('CPU'))}",
            ) from error


def scope(config: Config) -> contextlib.AbstractContextManager:
    """Returns the scope to build and fit a model in.

    `auto` mirrors where there are several GPUs or `--replicas` asks for several devices; `mirrored` always does;
    `multiworker` is what `prepare` set up.
    Without a GPU the devices are the CPU's logical ones, see `split_cpu`.
    """
    if config.strategy == "multiworker":
        return _WORKERS[0].scope()

    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    wanted = config.replicas or max(1, len(gpus))
    if config.strategy == "none" or (config.strategy == "auto" and wanted == 1):
        return contextlib.nullcontext()
    if gpus and wanted > len(gpus):
        raise UserError(
            "there are not so many GPUs", expected=f"at most {len(gpus)} replicas", received=wanted
        )
    kind = "GPU" if gpus else "CPU"
    return _mirrored(tuple(f"{kind}:{index}" for index in range(wanted))).scope()


@functools.cache
def _mirrored(devices: tuple[str, ...]):
    """Returns the one strategy of a process for these devices: two would number their collectives alike and clash."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


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
        heartbeat_timeout_in_ms=24 * 3600 * 1000 if launcher.is_child() else 0,
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
    if not _WORKERS:
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

        return _WORKERS[0].run(place)

    everyones = _WORKERS[0].experimental_local_results(gather())[0].numpy()
    return bool((everyones == everyones[0]).all())
