"""TensorFlow's side of several worker processes."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfvae import compat
from tfvae.checks import LostWorker, UserError
from tfvae.training import quiet_tensorflow
from tfvae.training.distribution import processes, tf_config

DAY = 24 * 3600
_WORKERS: list[Any] = []  # the only strategy of a worker process, which cannot have another


def of_workers(task: tf_config.Task, timeout: float) -> Any:
    """Returns the strategy of this process that spans all workers, after all of them have appeared.

    Args:
        task: this worker.
        timeout: seconds to wait for the others.

    Raises:
        UserError: if this worker's port is in use, a worker does not appear, or it belongs to another cluster.
        LostWorker: if a worker that the launcher has started does not appear.
    """
    if not _WORKERS:
        tf_config.check_port(task)
        tf = quiet_tensorflow.tensorflow("3")
        _configure_coordination(task, timeout)
        try:
            with _same_end_by_sigterm():
                _WORKERS.append(tf.distribute.MultiWorkerMirroredStrategy())
        except tf.errors.OpError as error:
            found = _explained(task, str(error), timeout)
            if found is None:
                raise
            raise found from error
    return _WORKERS[0]


@contextlib.contextmanager
def _same_end_by_sigterm() -> Iterator[None]:
    """Restores the handler of SIGTERM, which TensorFlow replaces by a notice of preemption that nobody reads here."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)


def _explained(task: tf_config.Task, error: str, timeout: float) -> Exception | None:
    """Returns a clear error for TensorFlow's error at the rendezvous of the workers; None for any other kind."""
    if "start gRPC server" in error:
        return tf_config.port_in_use(task)
    if "Unexpected task" in error:
        return tf_config.unknown_to_chief(task)
    if "Deadline Exceeded" in error or "timed out" in error or "service is not enabled" in error:
        found = absent(task, error, timeout)
        return LostWorker(str(found)) if processes.is_child() else found
    return None


def absent(task: tf_config.Task, error: str, timeout: float) -> UserError:
    """Returns the error for workers that did not appear.

    Args:
        task: this worker.
        error: text of TensorFlow's error. It lists the workers that the chief has not seen, unless the chief is absent.
        timeout: seconds that this worker has waited.
    """
    listed = error.partition("timed out task names")[2].partition("\n\n")[0]
    named = [task.names.index(name) for name in _named(task, listed)]
    return UserError(
        f"{', '.join(map(task.described, named or [0]))} did not appear",
        expected=f"all {len(task.names)} workers within {timeout:g} s",
        fix="look at its log and whether its address can be reached, or wait longer with --worker-timeout",
    )


def prepared() -> Any:
    """Returns the strategy that `of_workers` made, or None if there is one process."""
    return _WORKERS[0] if _WORKERS else None


def _configure_coordination(task: tf_config.Task, timeout: float) -> None:
    """Sets how long TensorFlow waits for workers. TensorFlow has no public function for it.

    Workers register at a barrier, so that the chief also waits for the others and learns which are missing. Under the
    launcher TensorFlow's heartbeats are disabled, because the launcher sees a worker's end at once and watches for
    silence. Elsewhere TensorFlow's own ten seconds hold.
    """
    kinds = [name.partition(" ")[0] for name in task.names]
    compat.register_workers(kinds, timeout=timeout, heartbeat=1000 * DAY if processes.is_child() else 0)


def _named(task: tf_config.Task, text: str) -> list[str]:
    """Returns the names of the other tasks in one of TensorFlow's errors."""
    found = dict.fromkeys(re.findall(r"/job:(\w+)/replica:\d+/task:(\d+)", text))
    return [name for name in map(" ".join, found) if name in task.names and name != task.name]


@contextlib.contextmanager
def loss_of_workers(task: tf_config.Task | None, resuming: str) -> Iterator[None]:
    """Replaces TensorFlow's errors about a lost worker by one that takes one line.

    Args:
        task: this worker; None if there is one process.
        resuming: command that resumes the run.

    Raises:
        LostWorker: in place of TensorFlow's errors.
    """
    try:
        yield
    except Exception as error:
        if task is None or not _is_loss(error):
            raise
        atexit.register(_end_without_teardown)
        raise LostWorker(
            f"{task.name} lost {' or '.join(_named(task, str(error))) or 'another worker'}; its log says why; "
            f"{resuming} in every worker goes on from the last checkpoint"
        ) from error


def _end_without_teardown() -> None:
    """Ends the process at once. The usual exit destroys threads that wait for the lost worker, which hangs or fails."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(processes.LOST)


def _is_loss(error: Exception) -> bool:
    if "tensorflow" not in sys.modules:
        return False

    import tensorflow as tf

    kinds = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    return isinstance(error, kinds) or (
        isinstance(error, tf.errors.OpError) and "Collective ops is aborted" in str(error)
    )


def agree(*numbers: int) -> bool:
    """Returns whether all workers call this with the same 32-bit integers. Call it in the strategy's scope."""
    rows = _gathered(numbers)
    return bool((rows == rows[0]).all())


def gather_text(text: str) -> list[str]:
    """Returns each worker's text, in the order of ranks. Call it in the strategy's scope, in all workers at once."""
    content = text.encode()
    length = int(_gathered([len(content)]).max())
    rows = _gathered(content.ljust(length, b"\0"))
    return [bytes(row.tolist()).rstrip(b"\0").decode() for row in rows]


def _gathered(numbers: Sequence[int]) -> np.ndarray:
    """Returns each worker's numbers, in the order of ranks: [workers, numbers]."""
    strategy = prepared()
    if strategy is None:
        return np.array([list(numbers)])

    import tensorflow as tf

    from tfvae.models import replicas

    row = tf.constant([list(numbers)], tf.int64)

    @tf.function
    def gather() -> Any:
        def place() -> tf.Tensor:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return replicas.total(tf.one_hot(replica, replicas.count(), dtype=tf.int64)[:, tf.newaxis] * row)

        return strategy.run(place)

    local = strategy.experimental_local_results(gather())
    return local[0].numpy()[:: len(local)]  # a row for each worker, all of which have as many replicas
