"""The worker processes that the launcher starts on one machine."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from tfvae.checks import UserError
from tfvae.training.distribution import tf_config

CHILD = "TFVAE_LAUNCHER"  # environment variable of a worker process: the launcher's process number
LOST = 3  # exit code of a process that lost another
INTERRUPTED = 130  # exit code of a process that SIGINT or SIGTERM ended
TAIL = 30  # last lines kept of each worker's output
PR_SET_PDEATHSIG = 1
PORTS = range(20_000, 32_000)
START = """
import sys
sys.argv[0] = "tfvae"
from tfvae.training.distribution import processes
processes.end_with_launcher()
from tfvae import cli
sys.exit(cli.main())
"""


def is_child() -> bool:
    """Returns whether this process was started by a launcher."""
    return CHILD in os.environ


def end_with_launcher() -> None:
    """Ends this process when the launcher ends, which closes the other end of the standard input.

    Linux kills even a process that is stopped.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        os._exit(LOST)

    threading.Thread(target=watch, daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True)
class Exit:
    """The end of a worker.

    Attributes:
        rank: rank of the worker.
        code: exit code, as in `subprocess.Popen.returncode`.
    """

    rank: int
    code: int

    @property
    def weight(self) -> int:
        """Order in which exits explain a failure: user errors and bugs first, lost peers last."""
        return {2: 0, INTERRUPTED: 2, LOST: 3}.get(self.code, 2 if self.code < 0 else 1)

    @property
    def may_pass(self) -> bool:
        """Whether a restart may succeed."""
        return self.weight >= 2

    def __str__(self) -> str:
        """Returns a description."""
        who = f"worker {self.rank}"
        if self.code >= 0:
            known = {LOST: "lost another", INTERRUPTED: "was interrupted"}
            return f"{who} {known.get(self.code, f'failed with exit code {self.code}')}"
        with contextlib.suppress(ValueError):
            return f"{who} was killed by {signal.Signals(-self.code).name}"
        return f"{who} was killed by signal {-self.code}"


@dataclass(frozen=True)
class Hang:
    """Silence of the workers for too long.

    Attributes:
        stopped: ranks of the workers that a signal has stopped.
        seconds: duration of the silence.
    """

    stopped: tuple[int, ...]
    seconds: float
    code = LOST
    may_pass = True

    def __str__(self) -> str:
        """Returns a description."""
        culprits = " and ".join(f"worker {rank}" for rank in self.stopped)
        why = f"{culprits} {'is' if len(self.stopped) == 1 else 'are'} stopped, " if culprits else ""
        return f"{why}no step has finished for {self.seconds:g} s"


def free_ports(count: int) -> list[int]:
    """Returns free ports of the loopback interface, below those that systems use for outgoing connections."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise UserError("there are not enough free ports", expected=f"{count} from {PORTS[0]} to {PORTS[-1]}")


class Processes:
    """The worker processes of one start.

    Args:
        arguments: arguments of `tfvae`.
        environments: environment variables of each process, added to those of the launcher.
    """

    def __init__(self, arguments: Sequence[str], environments: Sequence[dict[str, str]]) -> None:
        ports = free_ports(len(environments))
        self._ended: queue.Queue[Exit] = queue.Queue()
        self._tails: list[collections.deque[str]] = [collections.deque(maxlen=TAIL) for _ in ports]
        self._quiet = False
        self._processes: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self._signs = [0] * len(ports)
        addresses = [f"127.0.0.1:{port}" for port in ports]
        for rank in range(len(ports)):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
            environment = (
                os.environ
                | environments[rank]
                | {tf_config.VARIABLE: json.dumps(config), CHILD: str(os.getpid())}
            )
            ours, theirs = socket.socketpair()
            process = subprocess.Popen(
                [sys.executable, "-c", START, *arguments],
                stdin=theirs.fileno(),  # sends nothing, closes at the end; signs of life go the other way
                stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                text=True,
                errors="replace",
                start_new_session=True,  # an interrupt reaches only the launcher, which ends them
            )
            theirs.close()
            self._processes.append(process)
            threading.Thread(target=self._count, args=(ours, rank), daemon=True).start()
            self._start(self._read, process.stderr, rank, sys.stderr if rank == 0 else None)
            if rank == 0:
                self._start(self._read, process.stdout, rank, sys.stdout)
            threading.Thread(target=self._watch, args=(rank, process), daemon=True).start()

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        reader = threading.Thread(target=target, args=arguments, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _read(self, stream: TextIO, rank: int, passed_on: TextIO | None) -> None:
        with stream:
            for line in stream:
                self._tails[rank].append(line)
                if passed_on is not None and not self._quiet:
                    passed_on.write(line)
                    passed_on.flush()

    def _count(self, connection: socket.socket, rank: int) -> None:
        with connection, contextlib.suppress(OSError):
            while signs := connection.recv(4096):
                self._signs[rank] += len(signs)

    def _watch(self, rank: int, process: subprocess.Popen[str]) -> None:
        self._ended.put(Exit(rank, process.wait()))

    def __enter__(self) -> Processes:
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the processes that still run."""
        self.end()

    def signs(self) -> int:
        """Returns the number of signs of life from all processes."""
        return sum(self._signs)

    def stopped(self) -> tuple[int, ...]:
        """Returns the ranks of the processes that a signal has stopped."""
        found = []
        for rank, process in enumerate(self._processes):
            with contextlib.suppress(ChildProcessError):  # it has ended meanwhile
                if os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT):
                    found.append(rank)
        return tuple(found)

    def wait(self, seconds: float) -> list[Exit]:
        """Waits until a process ends, for at most `seconds`.

        Returns:
            exits: all exits since the last call, and those a moment later.
        """
        try:
            exits = [self._ended.get(timeout=seconds)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while True:
                exits.append(self._ended.get(timeout=0.2 if any(exit.code for exit in exits) else 0.0))
        return exits

    def wait_for_all(self, seconds: float) -> None:
        """Waits until all processes have ended, for at most `seconds` each."""
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)

    def end(self) -> None:
        """Kills the processes that still run. That is safe: a checkpoint is complete or absent at any moment."""
        self._quiet = any(process.poll() is None for process in self._processes) or self._quiet
        for process in self._processes:
            if process.poll() is None:
                process.kill()
        for process in self._processes:
            process.wait()
        for reader in self._readers:
            reader.join(5.0)

    def print_tail(self, failure: Exit) -> None:
        """Prints the last lines of a worker whose output was not forwarded."""
        last = list(self._tails[failure.rank])[-(1 if failure.code == 2 else TAIL) :]
        if failure.rank and not set(last) <= set(self._tails[0]):
            sys.stderr.writelines(last)
            sys.stderr.flush()
