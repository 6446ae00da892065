"""Where a run computes: one device, or several that share each batch."""

from __future__ import annotations

import contextlib
import functools

from tfvae.checks import UserError
from tfvae.training import quiet
from tfvae.training.config import Config


def check(config: Config) -> None:
    """Checks what can be checked before TensorFlow is loaded.

    Raises:
        UserError: if the strategy cannot be had.
    """
    if config.strategy == "multiworker":
        raise UserError(
            "--strategy multiworker is not in this version",
            expected="auto, none or mirrored",
            received="multiworker",
        )
    if config.replicas > config.batch_size:
        raise UserError(
            "there are more replicas than examples in a batch",
            expected=f"--replicas of at most {config.batch_size}",
            received=config.replicas,
        )
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

    `auto` mirrors where there are several GPUs or `--replicas` asks for several devices; `mirrored` always does.
    Without a GPU the devices are the CPU's logical ones, see `split_cpu`.
    """
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
