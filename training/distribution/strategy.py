"""The devices of a run: one, or several that divide each batch, in one process or in many."""

from __future__ import annotations

import contextlib
import functools
import json
from typing import Any

from tfvae.checks import UserError
from tfvae.training import quiet_tensorflow
from tfvae.training.config import Config
from tfvae.training.distribution import multiworker, tf_config


def check(config: Config) -> tf_config.Task | None:
    """Checks the strategy before TensorFlow is loaded.

    Returns:
        task: this worker; None if there is one process.

    Raises:
        UserError: if the strategy does not fit the other settings or the environment.
    """
    if config.jit == "on" and (config.replicas > 1 or config.strategy not in ("auto", "none")):
        raise UserError(
            "--jit compiles the step of one device",
            expected="--strategy none, or auto with one device",
            received=f"--strategy {config.strategy}"
            + f" --replicas {config.replicas}" * bool(config.replicas),
        )
    if config.replicas > 1 and config.strategy == "none":
        raise UserError(
            "--strategy none has one replica", expected="--strategy mirrored", received=config.replicas
        )
    if config.replicas > config.batch_size:
        raise _too_many(config, config.replicas, "--replicas")
    if config.strategy != "multiworker":
        return None
    if not tf_config.is_set():
        raise UserError(
            "--strategy multiworker does not say where its workers are",
            expected=f"--workers N on one machine, or {tf_config.VARIABLE} in the environment of each worker",
        )
    task = tf_config.from_environment()
    check_workers(config, len(task.names))
    return task


def check_workers(config: Config, count: int) -> None:
    """Checks the number of workers, which may see several devices each.

    Raises:
        UserError: if it exceeds the batch size, or `--replicas` is set.
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


def prepare(config: Config, task: tf_config.Task | None, timeout: float) -> None:
    """Sets up the devices. Call it before TensorFlow computes anything.

    Args:
        config: settings of the run.
        task: this worker, which waits for the others; None if there is one process.
        timeout: seconds to wait for the other workers.

    Raises:
        UserError: if there are too few devices, a worker is missing, or it was started with other settings.
    """
    if config.replicas > 1:
        split_cpu(config.replicas)
    if task is not None:
        spanning = multiworker.of_workers(task, timeout)
        count = spanning.num_replicas_in_sync
        with spanning.scope():
            texts = multiworker.gather_text(json.dumps(config.to_json()))
        tf_config.check_settings(task, [json.loads(text) for text in texts])
        if count > config.batch_size:
            raise _too_many(config, count, "workers x GPUs")


def split_cpu(count: int) -> None:
    """Splits the CPU into `count` logical devices if there is no GPU. Call it before TensorFlow computes anything.

    Raises:
        UserError: if it is too late.
    """
    tf = quiet_tensorflow.tensorflow()
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


def scope(config: Config) -> contextlib.AbstractContextManager[Any]:
    """Returns the scope in which to build and fit a model.

    `auto` mirrors if there are several GPUs or `--replicas` is above 1. `mirrored` always does. `multiworker` is the
    strategy that `prepare` made. Without a GPU the devices are the logical ones of the CPU, see `split_cpu`.
    """
    if config.strategy == "multiworker":
        return multiworker.prepared().scope()

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
def _mirrored(devices: tuple[str, ...]) -> Any:
    """Returns the only strategy of a process for these devices. Two would number their collectives alike and clash."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)
