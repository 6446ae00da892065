"""Several workers on one machine: `tfvae train --workers N`.

The launcher starts the processes, forwards the output of the chief, and ends all of them as soon as one fails or all
are silent. It does not load TensorFlow. If restarts are left it starts them again, from the last complete checkpoint.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence

from tfvae.checks import LostWorker, UserError, shown
from tfvae.training.distribution import heartbeat, processes, tf_config
from tfvae.training.distribution.processes import Exit, Hang

WORKERS, RESTARTS = 1024, 10**6  # most of each
TIMEOUT = 1e6  # longest timeout, seconds: threads cannot wait for more than some years
PATIENCE = 30.0  # seconds in which the other workers may end after the chief is done


def launch(
    command: Callable[[], Sequence[str]],
    workers: int,
    *,
    max_restarts: int = 0,
    worker_timeout: float = heartbeat.START,
    hang_timeout: float = heartbeat.LIMIT,
    say: Callable[[str], None],
) -> int:
    """Runs a command in several worker processes until the chief is done.

    Args:
        command: function that returns the arguments of `tfvae` for the next start.
        workers: number of processes.
        max_restarts: number of restarts after a worker was killed or hung.
        worker_timeout: seconds in which workers must load TensorFlow and find each other.
        hang_timeout: seconds without a finished step after which the workers count as hung.
        say: function that receives lines for the user.

    Returns:
        code: exit code of the run: 0, or 2 after a user error that a worker has printed.

    Raises:
        LostWorker: if a worker is lost and no restart is left.
        UserError: if the GPUs cannot be shared evenly.
    """
    environments = [
        {"CUDA_VISIBLE_DEVICES": gpus} if gpus else {} for gpus in gpus_of_workers(visible_gpus(), workers)
    ]
    for restarts in range(max_restarts + 1):
        failure = _run(command(), environments, worker_timeout, hang_timeout)
        if failure is None:
            return 0
        if not failure.may_pass:
            return failure.code
        if restarts < max_restarts:
            say(f"tfvae: {failure}; restart {restarts + 1} of {max_restarts}, from the last checkpoint")
    raise LostWorker(
        f"{failure}; all {workers} workers have ended; the same command with --resume goes on from the last "
        "checkpoint, and --max-restarts R does so by itself"
    )


def visible_gpus() -> list[str]:
    """Returns the names of the visible GPUs, as in CUDA_VISIBLE_DEVICES."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        names = [name.strip() for name in listed.split(",")]
        return [] if "-1" in names else [name for name in names if name]
    return [str(index) for index, _ in enumerate(glob.glob("/proc/driver/nvidia/gpus/*"))]


def gpus_of_workers(gpus: Sequence[str], workers: int) -> list[str]:
    """Returns the GPUs of each worker, joined by commas. No GPU belongs to two workers.

    Raises:
        UserError: if the number of workers does not divide that of the GPUs.

    Example:
        >>> gpus_of_workers(["0", "1", "2", "3"], 2)
        ['0,1', '2,3']
    """
    if len(gpus) % workers:
        raise UserError(
            "the GPUs cannot be shared evenly by the workers",
            expected=f"a number of workers that divides {len(gpus)} GPUs",
            received=workers,
            fix="CUDA_VISIBLE_DEVICES= in the environment computes on the CPU",
        )
    each = len(gpus) // workers
    return [",".join(gpus[rank * each : (rank + 1) * each]) for rank in range(workers)]


def _run(
    arguments: Sequence[str],
    environments: Sequence[dict[str, str]],
    worker_timeout: float,
    hang_timeout: float,
) -> Exit | Hang | None:
    """Runs the processes once. Returns the cause of a failure, or None if the chief succeeded."""
    with processes.Processes(arguments, environments) as workers:
        silence = heartbeat.Silence(hang_timeout, worker_timeout)
        while True:
            exits = workers.wait(silence.tick)
            if any(exit.rank == 0 and exit.code == 0 for exit in exits):
                workers.wait_for_all(PATIENCE)
                return None
            failures = [exit for exit in exits if exit.code]
            if failures:
                break
            if silence.too_long(workers.signs()):
                return Hang(workers.stopped(), silence.limit(workers.signs()))
        failure = min(failures, key=lambda exit: exit.weight)
        workers.end()
        if not failure.may_pass:
            workers.print_tail(failure)
        return failure


def check(
    workers: int | None,
    max_restarts: int | None,
    worker_timeout: float | None,
    hang_timeout: float | None,
    strategy: str,
) -> None:
    """Checks the launcher's options.

    Raises:
        UserError: if an option is out of range, or there is nothing to launch.
    """
    seconds = {"worker-timeout": worker_timeout, "hang-timeout": hang_timeout}
    for name, value in {"workers": workers, **seconds}.items():
        if value is not None and strategy != "multiworker":
            raise UserError(
                f"--{name} is for several workers",
                expected="--strategy multiworker",
                received=f"--strategy {strategy}",
            )
    for name, value, least, most in (
        ("workers", workers, 1, WORKERS),
        ("max-restarts", max_restarts, 0, RESTARTS),
        *((name, value, 1e-3, TIMEOUT) for name, value in seconds.items()),
    ):
        if value is not None and not least <= value <= most:
            raise UserError(
                f"--{name} is out of range", expected=f"from {least} to {most}", received=shown(value)
            )
    if max_restarts is not None and workers is None:
        raise UserError("--max-restarts is for the launcher", expected="--workers N with it")
    if workers is not None and tf_config.is_set() and not processes.is_child():
        raise UserError(
            f"both --workers and {tf_config.VARIABLE} say where the workers are",
            expected="one of them",
            fix=f"unset {tf_config.VARIABLE}, or leave out --workers",
        )
