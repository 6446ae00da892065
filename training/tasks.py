"""Which of several worker processes this one is: TF_CONFIG, read before TensorFlow is loaded."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from tfvae.checks import UserError, as_int

VARIABLE = "TF_CONFIG"
FORM = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
TYPES = ("chief", "worker")  # in the order in which their rows of a batch adjoin


@dataclass(frozen=True)
class Task:
    """One worker process among all.

    Attributes:
        names: of all tasks, "worker 0" and so on, in the order of their rows of a batch.
        addresses: "host:port" of each.
        rank: of this task among them; 0 is the chief, who writes.
    """

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    rank: int

    @property
    def name(self) -> str:
        """This task's name."""
        return self.names[self.rank]

    @property
    def is_chief(self) -> bool:
        """Whether this task writes the run's files."""
        return self.rank == 0

    def described(self, rank: int) -> str:
        """Returns the name and address of a task."""
        return f"{self.names[rank]} ({self.addresses[rank]})"


def split_address(address: str) -> tuple[str, int] | None:
    """Returns the host and the port of "host:port", "[::1]:port" too; None where it is of another form."""
    host, colon, port = address.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        return None
    return host, int(port)


def is_set() -> bool:
    """Returns whether TF_CONFIG names a cluster."""
    return bool(os.environ.get(VARIABLE))


def from_environment() -> Task:
    """Reads TF_CONFIG.

    Raises:
        UserError: if it is not of the form that TensorFlow documents, or names tasks other than workers.
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
    names, addresses = [], []
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
    kind, index = own.get("type"), as_int(own.get("index"))
    if kind not in cluster:
        raise _malformed("names a task of a type that is not in its cluster", kind, " or ".join(cluster))
    if index is None or not 0 <= index < len(cluster[kind]):
        raise _malformed(
            "names a task that is not in its cluster",
            own.get("index"),
            f"an index from 0 to {len(cluster[kind]) - 1}",
        )
    return Task(tuple(names), tuple(addresses), names.index(f"{kind} {index}"))


def _malformed(what: str, received: Any, expected: str = FORM) -> UserError:
    shown = repr(received)
    return UserError(
        f"{VARIABLE} {what}",
        expected=expected,
        received=shown if len(shown) < 200 else shown[:200] + "...",
    )
