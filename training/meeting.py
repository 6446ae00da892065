"""How the workers of a run find each other before any of them loads TensorFlow.

TensorFlow itself waits for absent workers for an hour and then tells of it in a stack trace. Here the chief listens at
the address that TensorFlow will use, each worker reports there with the settings that it was started with, and the
chief lets all of them go on at once, or tells them what is wrong.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import Any

from tfvae.checks import UserError
from tfvae.training import tasks

PAUSE = 0.2  # seconds between attempts to reach the chief
GRACE = (
    10.0  # seconds for which a worker waits for the chief's answer longer than the chief waits for workers
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
GREETING = "tfvae worker"


def attend(task: tasks.Task, settings: dict[str, Any], timeout: float) -> None:
    """Returns in every worker once all of them are there.

    Args:
        task: which worker this is.
        settings: that have to be the same in all.
        timeout: seconds to wait for the others.

    Raises:
        UserError: if this worker's port is in use, a worker does not appear, or the settings differ.
    """
    with _listener(task) as listener:
        if task.is_chief:
            _receive(listener, task, settings, time.monotonic() + timeout, timeout)
            return
    _report(task, settings, time.monotonic() + timeout, timeout)


def _listener(task: tasks.Task) -> socket.socket:
    """Listens at a task's own address, which shows that its port is free."""
    host, port = tasks.split_address(task.addresses[task.rank])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host if host in LOOPBACK else "", port))
        listener.listen(len(task.names) + 8)
    except OSError as error:
        listener.close()
        raise port_in_use(task) from error
    return listener


def port_in_use(task: tasks.Task) -> UserError:
    """Returns the error for a worker's own port that another process has."""
    return UserError(
        f"the port of {task.described(task.rank)} is in use on this machine",
        expected="a free port",
        fix="end the process that listens there, or name another port in TF_CONFIG of every worker",
    )


def _receive(listener, task, settings, deadline, timeout) -> None:
    """Waits, as the chief, for all the others and lets them go on."""
    present: dict[int, socket.socket] = {}
    error = None
    try:
        while len(present) < len(task.names) - 1 and error is None:
            left = deadline - time.monotonic()
            try:
                listener.settimeout(max(left, 0.001))
                connection, _ = listener.accept()
            except TimeoutError:
                missing = [rank for rank in range(1, len(task.names)) if rank not in present]
                error = absent(task, missing, timeout)
                break
            found = _greeted(connection)
            if found is None:
                connection.close()
                continue
            rank, theirs = found
            if rank in present:
                present[rank].close()  # it was started again
            present[rank] = connection
            error = _difference(task, rank, settings, theirs)
        answer = {"error": str(error)} if error else {"go": True}
        for connection in present.values():
            with contextlib.suppress(OSError):
                connection.sendall(json.dumps(answer).encode() + b"\n")
    finally:
        for connection in present.values():
            with contextlib.suppress(OSError):
                connection.settimeout(1.0)
                connection.recv(1)  # until the worker has closed it: the port is then free at once
            connection.close()
    if error is not None:
        raise error


def _greeted(connection: socket.socket) -> tuple[int, dict[str, Any]] | None:
    """Reads a worker's report; None for a stranger's."""
    try:
        connection.settimeout(GRACE)
        content = json.loads(_line(connection))
        return (int(content["rank"]), dict(content["settings"])) if content["from"] == GREETING else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _difference(task, rank, settings, theirs) -> UserError | None:
    names = [name for name in {**settings, **theirs} if settings.get(name) != theirs.get(name)]
    if not names:
        return None
    shown = [f"{name} ({settings.get(name)} of {task.name}, {theirs.get(name)} here)" for name in names]
    return UserError(
        f"{task.described(rank)} was started with other settings",
        received=", ".join(shown),
        fix="start every worker with the same command line",
    )


def absent(task: tasks.Task, ranks: list[int], timeout: float) -> UserError:
    """Returns the error for workers that did not appear."""
    return UserError(
        f"{', '.join(map(task.described, ranks))} did not appear",
        expected=f"all {len(task.names)} workers within {timeout:g} s",
        fix="look at its log and whether its address can be reached, or wait longer with --worker-timeout",
    )


def _report(task, settings, deadline, timeout) -> None:
    """Reports to the chief and waits for its answer."""
    address = tasks.split_address(task.addresses[0])
    message = {"from": GREETING, "rank": task.rank, "settings": settings}
    while True:
        try:
            with socket.create_connection(
                address, timeout=max(deadline - time.monotonic(), 0.1)
            ) as connection:
                connection.sendall(json.dumps(message).encode() + b"\n")
                connection.settimeout(timeout + GRACE)
                answer = json.loads(_line(connection))
            break
        except (OSError, ValueError) as error:
            if time.monotonic() + PAUSE > deadline:
                raise absent(task, [0], timeout) from error
            time.sleep(PAUSE)
    if "error" in answer:
        raise UserError(answer["error"])


def _line(connection: socket.socket) -> bytes:
    """Reads up to the end of a line.

    Raises:
        ValueError: if there is none.
    """
    received = b""
    while not received.endswith(b"\n"):
        part = connection.recv(65536)
        if not part or len(received) > 2**20:
            raise ValueError("no line")
        received += part
    return received
