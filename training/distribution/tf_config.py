"""TF_CONFIG, which lists the worker processes and names this one. It is read before TensorFlow is loaded."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfvae.checks import UserError, as_int

VARIABLE = "TF_CONFIG"
FORM = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TYPES = ("chief", "worker")  # in the order of their rows in a batch


@dataclass(frozen=True)
class Task:
    """One worker process among all.

    Attributes:
        names: names of all tasks, "worker 0" and so on, in the order of their rows in a batch.
        addresses: "host:port" of each task.
        rank: number of this task among them; 0 is the chief, which writes the run's files.
    """

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    rank: int

    @property
    def name(self) -> str:
        """Name of this task."""
        return self.names[self.rank]

    @property
    def is_chief(self) -> bool:
        """Whether this task writes the run's files."""
        return self.rank == 0

    def described(self, rank: int) -> str:
        """Returns the name and address of a task."""
        return f"{self.names[rank]} ({self.addresses[rank]})"


def split_address(address: str) -> tuple[str, int] | None:
    """Returns the host and the port of "host:port" or "[::1]:port"; None for another form.

    Example:
        >>> split_address("[::1]:2222")
        ('::1', 2222)
    """
    host, colon, port = address.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        return None
    return host, int(port)


def check_port(task: Task) -> None:
    """Checks that a task's own port is free.

    Raises:
        UserError: if another process has it.
    """
    host, port = split_address(task.addresses[task.rank]) or ("", 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host if host in LOOPBACK else "", port))
        except OSError as error:
            raise port_in_use(task) from error


def port_in_use(task: Task) -> UserError:
    """Returns the error for a task's own port that another process has."""
    return UserError(
        f"the port of {task.described(task.rank)} is in use on this machine",
        expected="a free port",
        fix="end the process that listens there, or name another port in TF_CONFIG of every worker",
    )


def unknown_to_chief(task: Task) -> UserError:
    """Returns the error for a task that the chief's TF_CONFIG does not list."""
    return UserError(
        f"{task.described(task.rank)} is not in the cluster of {task.described(0)}",
        expected=f"the same cluster in {VARIABLE} of every worker",
        received=f"{len(task.names)} workers here",
    )


def check_settings(task: Task, settings: Sequence[dict[str, Any]]) -> None:
    """Checks that all tasks were started with the same settings.

    Args:
        task: this task.
        settings: settings of each task, in the order of ranks.

    Raises:
        UserError: if they differ. Every task raises the same error.
    """
    ours = settings[0]
    for rank, theirs in enumerate(settings):
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        if names:
            shown = [
                f"{name} ({ours.get(name)} of {task.names[0]}, {theirs.get(name)} there)" for name in names
            ]
            raise UserError(
                f"{task.described(rank)} was started with other settings",
                received=", ".join(shown),
                fix="start every worker with the same command line",
            )


def is_set() -> bool:
    """Returns whether TF_CONFIG names a cluster."""
    return bool(os.environ.get(VARIABLE))


def from_environment() -> Task:
    """Reads TF_CONFIG.

    Raises:
        UserError: if it does not have the form that TensorFlow documents, or names other tasks than workers.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _malformed("is not JSON", text, f"JSON, {FORM}") from error
    if not isinstance(content, dict):
        raise _malformed("is no JSON object", text, FORM)
    cluster, own = content.get("cluster"), content.get("task")
    if not isinstance(cluster, dict) or not cluster:
        raise _malformed("has no cluster", cluster)
    if not isinstance(own, dict):
        raise _malformed("has no task", own)
    unknown = sorted(set(cluster) - set(TYPES))
    if unknown:
        raise _malformed("has tasks of another type", ", ".join(unknown), "chief and worker alone")
    names: list[str] = []
    addresses: list[str] = []
    for kind in TYPES:
        listed = cluster.get(kind, [])
        if not isinstance(listed, list) or (kind in cluster and not listed):
            raise _malformed(f"lists no addresses of {kind}", listed, 'a list of "host:port"')
        for number, address in enumerate(listed):
            if not isinstance(address, str) or split_address(address) is None:
                raise _malformed("has a bad address", address, '"host:port" with a port from 1 to 65535')
            names.append(f"{kind} {number}")
            addresses.append(address)
    if len(set(addresses)) < len(addresses):
        raise _malformed("lists an address twice", addresses, "an address for each task")
    if len(cluster.get("chief", [])) > 1:
        raise _malformed("has several chiefs", cluster["chief"], "one")
    own_kind, index = own.get("type"), as_int(own.get("index"))
    if own_kind not in cluster:
        raise _malformed("names a task of a type that is not in its cluster", own_kind, " or ".join(cluster))
    if index is None or not 0 <= index < len(cluster[own_kind]):
        raise _malformed(
            "names a task that is not in its cluster",
            own.get("index"),
            f"an index from 0 to {len(cluster[own_kind]) - 1}",
        )
    return Task(tuple(names), tuple(addresses), names.index(f"{own_kind} {index}"))


def _malformed(what: str, received: Any, expected: str = FORM) -> UserError:
    shown = repr(received)
    return UserError(
        f"{VARIABLE} {what}",
        expected=expected,
        received=shown if len(shown) < 200 else shown[:200] + "...",
    )
